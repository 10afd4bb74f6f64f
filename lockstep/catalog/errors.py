"""The failure that belongs to this package alone."""

from __future__ import annotations

from lockstep.errors import InternalError


class FetchError(InternalError):
    """A guest could not be fetched: no apt, no network, no valid signature or no room."""
