"""Unicorn: one engine per hart, and all that reaches into libunicorn beyond its API."""
