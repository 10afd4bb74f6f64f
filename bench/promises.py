"""What the project promises in numbers: here and nowhere else. Benchmarks judge by it, SPECIFICATION.md shows it.

A promise is judged in the benchmark that its name starts with; ratios are of runs that took turns on one machine.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

Bound = Literal["at least", "at most"]


@dataclasses.dataclass(frozen=True)
class Promise:
    """`what` is `bound` `limit` `unit`."""

    what: str
    bound: Bound
    limit: float
    unit: str = ""

    def is_kept_by(self, value: float) -> bool:
        """Whether `value`, in the promise's unit, is within the limit."""
        return value >= self.limit if self.bound == "at least" else value <= self.limit

    def worst(self, values: list[float]) -> float:
        """The one of `values` that is nearest to breaking it."""
        return min(values) if self.bound == "at least" else max(values)


PROMISES = {
    "speed.unicorn": Promise("compute solo: speed / plain Unicorn without hooks", "at least", 2.0, "x"),
    "speed.qemu": Promise("compute solo: speed / QEMU -icount shift=0,rr=record", "at least", 1.0, "x"),
    "speed.linux": Promise("Linux solo to power-off: time / QEMU rr=record", "at most", 1.2, "x"),
    "start.help": Promise("lockstep --help, whole process", "at most", 0.2, "s"),
    "start.first_byte": Promise("hello's first byte, compiled code cached", "at most", 1.5, "s"),
    "memory.machine": Promise("PSS of a machine with one hart beyond touched RAM", "at most", 280, "MiB"),
    "memory.hart": Promise("PSS for each further hart", "at most", 25, "MiB"),
    "memory.pair": Promise("PSS of a pair beyond 2 x touched RAM", "at most", 560, "MiB"),
    "overhead.compute": Promise("compute: speed protected / solo", "at least", 0.97, "x"),
    "overhead.linux": Promise("Linux boot: speed protected / solo", "at least", 0.95, "x"),
    "failover.median": Promise("blackout after SIGKILL of the primary, median", "at most", 10, "ms"),
    "failover.99th": Promise("blackout after SIGKILL, 99th percentile of 200", "at most", 50, "ms"),
    "failover.stopped": Promise("blackout after SIGSTOP of the primary, longest", "at most", 300, "ms"),
    "clone.pause": Promise("pause for a clone of a 256 MiB guest, median", "at most", 5, "ms"),
    "clone.protected": Promise("until that guest is Protected again, longest", "at most", 1500, "ms"),
    "interval.median": Promise("vLockstep interval, median", "at most", 2, "ms"),
    "checks.cost": Promise("time with checks / without", "at most", 1.02, "x"),
    "checks.cost_1gib": Promise("the same for a guest that has touched 1 GiB", "at most", 1.1, "x"),
    "checks.found": Promise("until a flipped bit that nobody uses is found", "at most", 1000, "ms"),
    "sim.seeds": Promise("seeds that lockstep sim tries in a minute", "at least", 200, "1/min"),
    "log.entries": Promise("the ring across two processes, 16 bytes", "at least", 20e6, "1/s"),
    "log.bytes": Promise("the ring across two processes, 4 KiB", "at least", 4e9, "B/s"),
    "log.latency": Promise("from append to seen, 16 bytes, median", "at most", 1.0, "us"),
    "log.queue": Promise("the ring / multiprocessing.Queue, 16 bytes", "at least", 20, "x"),
    "log.pyzmq": Promise("the ring / pyzmq over ipc, 16 bytes", "at least", 5, "x"),
    "inject.interrupts": Promise("interrupts replayed per second", "at least", 3e6, "1/s"),
    "view.cost": Promise("compute: time with the live view / with the bare console", "at most", 1.01, "x"),
    "qemu.log": Promise("Linux boot: bytes of entries in a trace / QEMU's rr log", "at most", 0.333, "x"),
    "qemu.tracing": Promise("Linux boot: time traced / protected", "at most", 1.03, "x"),
    "qemu.replay": Promise("Linux boot: time replayed / as it was recorded", "at most", 1.0, "x"),
    "disk.protected": Promise("disk-bound guest: speed protected / solo", "at least", 0.9, "x"),
    "disk.qemu": Promise(
        "disk-bound guest: speed protected / QEMU rr=record, blkreplay", "at least", 3.0, "x"
    ),
    "disk.reads": Promise("log entries of a disk that is only read", "at most", 0),
    "net.protected": Promise("TCP from guest to host: speed protected / solo", "at least", 0.8, "x"),
    "net.latency": Promise("added to a round trip by the output rule over shm, median", "at most", 0.2, "ms"),
}
