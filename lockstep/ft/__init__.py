"""Roles and rules of fault tolerance, without I/O."""
