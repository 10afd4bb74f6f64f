"""The ring's functions for Python to call. `base` is a ring's address; see `lockstep.log.ring` for what they do."""

from __future__ import annotations

from lockstep.log import ring
from lockstep.native import exported, int64, void


@exported(int64(int64, int64, int64, int64))
def create(base: int, capacity_bytes: int, generation: int, secondary: int) -> int:
    """`ring_create`."""
    return ring.ring_create(base, capacity_bytes, generation, secondary)


@exported(int64(int64))
def check(base: int) -> int:
    """`ring_check`."""
    return ring.ring_check(base)


@exported(int64(int64, int64, int64, int64, int64, int64))
def append(base: int, kind: int, position: int, pc: int, payload: int, length: int) -> int:
    """`ring_append`."""
    return ring.ring_append(base, kind, position, pc, payload, length)


@exported(int64(int64))
def peek(base: int) -> int:
    """`ring_peek`."""
    return ring.ring_peek(base)


@exported(int64(int64))
def pop(base: int) -> int:
    """`ring_pop`."""
    return ring.ring_pop(base)


@exported(void(int64, int64))
def publish(base: int, horizon: int) -> None:
    """`ring_publish`."""
    ring.ring_publish(base, horizon)


@exported(int64(int64))
def horizon(base: int) -> int:
    """`ring_horizon`."""
    return ring.ring_horizon(base)


@exported(void(int64, int64))
def acknowledge(base: int, position: int) -> None:
    """`ring_acknowledge`."""
    ring.ring_acknowledge(base, position)


@exported(int64(int64))
def acknowledged(base: int) -> int:
    """`ring_acknowledged`."""
    return ring.ring_acknowledged(base)


@exported(int64(int64))
def used(base: int) -> int:
    """`ring_used`."""
    return ring.ring_used(base)


@exported(int64(int64))
def seal(base: int) -> int:
    """`ring_seal`."""
    return ring.ring_seal(base)


@exported(int64(int64))
def sealed(base: int) -> int:
    """`ring_sealed`: 1 or 0."""
    return int(ring.ring_sealed(base))


@exported(int64(int64))
def generation(base: int) -> int:
    """`ring_generation`."""
    return ring.ring_generation(base)


@exported(int64(int64))
def secondary(base: int) -> int:
    """`ring_secondary`."""
    return ring.ring_secondary(base)
