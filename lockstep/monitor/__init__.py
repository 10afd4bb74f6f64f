"""Watches hosts, arbitrates, sinks output, swaps roles."""
