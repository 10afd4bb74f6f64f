"""Devices: each a flat record for its state and nopython functions for its behaviour."""
