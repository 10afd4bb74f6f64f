"""The failure that belongs to this package alone."""

from __future__ import annotations

from lockstep.errors import InternalError


class FetchError(InternalError):
    """A guest could not be fetched: no apt, no network, no valid signature or no room."""


class MirrorInUpdateError(FetchError):
    """A mirror, or a cache in front of it, has a signed list of files and other files."""
