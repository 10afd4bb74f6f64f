"""Takes all native code that a host uses through one call, so that it is compiled and loaded before hosts fork."""

from __future__ import annotations

import os

from lockstep.host.ethernet import give_frames, memmove_address, take_frames
from lockstep.host.sink_files import SinkFiles, next_kind
from lockstep.log.entry import CHECK
from lockstep.log.layout import CAPACITY_BYTES_MIN
from lockstep.log.numbered import NumberedRing, drop_below, want_wake
from lockstep.log.ring import WAKE_ALWAYS
from lockstep.log.shared import SharedRing
from lockstep.log.trace.columns import take_entries
from lockstep.log.trace.varints import pack
from lockstep.machine import compiled


def warm_up() -> None:
    """Load the machine's native code and the log's."""
    compiled.warm_up()
    with SharedRing.create(CAPACITY_BYTES_MIN, 1, 1) as ring:
        ring.append(CHECK, 1, 2, b"warm")
        ring.publish(1)
        ring.acknowledge(1)
        ring.horizon()
        ring.acknowledged()
        ring.used()
        if ring.peek() is not None:
            ring.pop()
        pack(take_entries(ring, 1, 1).kinds)
        with SharedRing.attach(os.dup(ring.fd), 1, 1) as attached:
            attached.horizon()
        numbered = NumberedRing(ring)
        numbered.begin(0, [])
        want_wake(ring.base, WAKE_ALWAYS)
        drop_below(ring.base, 0)
        next_kind(ring.base)
        take_frames(ring.base, 0, 0, 0, memmove_address())
        give_frames(ring.base, 0, 0)
        SinkFiles(()).write_entries(ring.base, 1, 0)
        ring.seal()
        ring.sealed()
