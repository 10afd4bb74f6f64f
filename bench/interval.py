"""The vLockstep interval: how far the secondary trails, in ms of real time.

Seen from outside, in the header of the ring, which any process of the same user can map: `horizon` is where the
primary was when it published, `acknowledged` how far the secondary has run. The interval of one horizon is the time
from when it is first seen until the secondary is first seen to have run that far.
"""

from __future__ import annotations

import bisect
import mmap
import os
import time
from itertools import pairwise
from pathlib import Path

from bench.commands import running
from bench.processes import hosts_of
from bench.results import CaseResult, MeasurementError, percentile, spread
from bench.settings import Settings

EVERY_S = 0.0001
GUESTS = (
    ("compute", "virtual", "rounds=1000", b"round 1 "),
    ("compute", "host", "rounds=1000", b"round 1 "),
    ("timer", "host", "seconds=1000", b"timer: "),
)
Sample = tuple[float, int, int]
"""Seconds, horizon, acknowledged."""


def measure(result: CaseResult, settings: Settings) -> None:
    """Guests that compute and one that mostly waits, each Protected all the time."""
    result.note("needs two idle cores, and some of a third: the header is read every 0.1 ms")
    for guest, clock, append, until in GUESTS[: settings.pick(len(GUESTS), 1)]:
        arguments = (guest, "--clock", clock, "--append", append)
        with running(*arguments, until=until) as process:
            samples = _watch(hosts_of(process.pid)[0], settings.pick(5000, 300) / 1e3)
        intervals_ms = intervals(samples)
        name = f"{guest}, {clock} clock"
        if not intervals_ms:
            raise MeasurementError(f"{name}: the horizon never moved")
        gaps_ms = [(after[0] - before[0]) * 1e3 for before, after in pairwise(samples)]
        result.value(f"{name}: time between two looks", "ms", gaps_ms)
        found = result.value(f"{name}: vLockstep interval", "ms", intervals_ms)
        result.value(f"{name}: 99th percentile", "ms", [percentile(intervals_ms, 99)])
        steps = [after[1] - before[1] for before, after in pairwise(samples)]
        moved = spread(step for step in steps if step)
        result.note(f"{name}: the horizon was seen to move by {moved.median:.0f} positions (median)")
        result.judge("interval.median", found.median, name)
    result.work("guests", [guest for guest, *_ in GUESTS[: settings.pick(len(GUESTS), 1)]])


def intervals(samples: list[Sample]) -> list[float]:
    """Milliseconds of each horizon that was seen, from then until it was seen reached."""
    acknowledged = [sample[2] for sample in samples]
    found, last = [], samples[0][1] if samples else 0
    for seconds, horizon, _ in samples:
        if horizon == last:
            continue
        last = horizon
        reached = bisect.bisect_left(acknowledged, horizon)
        if reached == len(samples):
            break
        found.append((samples[reached][0] - seconds) * 1e3)
    return found


def _watch(host: int, seconds: float) -> list[Sample]:
    from lockstep.log.layout import ACKNOWLEDGED, HORIZON

    samples: list[Sample] = []
    with open(_ring(host), "rb") as file, mmap.mmap(file.fileno(), 4096, prot=mmap.PROT_READ) as header:
        end_s = time.perf_counter() + seconds
        while not samples or samples[-1][0] < end_s:
            # The secondary's word first: it can't have passed a horizon that is read after it.
            acknowledged = int.from_bytes(header[ACKNOWLEDGED : ACKNOWLEDGED + 8], "little")
            horizon = int.from_bytes(header[HORIZON : HORIZON + 8], "little")
            samples.append((time.perf_counter(), horizon, acknowledged))
            time.sleep(EVERY_S)
    return samples


def _ring(host: int) -> Path:
    found = {
        path.stat().st_ino: path
        for path in Path(f"/proc/{host}/fd").iterdir()
        if os.readlink(path).startswith("/memfd:lockstep-log")
    }
    if len(found) != 1:
        raise MeasurementError(f"host {host} has {len(found)} rings; a Protected one has 1")
    return found.popitem()[1]
