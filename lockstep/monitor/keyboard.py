"""Live input as the monitor reads it: only while there is room for more, and Ctrl-A X leaves."""

from __future__ import annotations

import selectors

from lockstep.ft.source import SourceLedger
from lockstep.host.live_input import read_available
from lockstep.host.terminal import EscapeFilter, is_ours

INPUT_BYTES_MAX = 1 << 15
INPUT_KEPT_BYTES_MAX = 1 << 18
"""Live input is left where it comes from while this much of it waits for the guest."""


class Keyboard:
    """A descriptor from which live input comes, or none."""

    def __init__(
        self, descriptor: int | None, source: SourceLedger, selector: selectors.BaseSelector
    ) -> None:
        """What is read goes to `source`; `selector` says when there is something, with this object as its data."""
        self._descriptor, self._source, self._selector = descriptor, source, selector
        self._is_watched = False
        self._escape = EscapeFilter() if descriptor is not None and is_ours(descriptor) else None

    def watch(self) -> None:
        """Look for input unless too much of it waits already."""
        has_room = self._source.kept_bytes < INPUT_KEPT_BYTES_MAX
        if self._descriptor is None or self._is_watched == has_room:
            return
        self._is_watched = has_room
        if has_room:
            self._selector.register(self._descriptor, selectors.EVENT_READ, self)
        else:
            self._selector.unregister(self._descriptor)

    def read(self) -> bool:
        """Take what is there; True if the user wants to leave."""
        assert self._descriptor is not None
        data = read_available(self._descriptor, INPUT_BYTES_MAX)
        if data is None:
            self._selector.unregister(self._descriptor)
            self._descriptor = None
            return False
        leave = False
        if self._escape is not None:
            data, leave = self._escape.keys(data)
        self._source.arrive(data)
        return leave
