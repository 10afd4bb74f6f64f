"""Guests that keep a disk busy: solo, protected, and on QEMU; what of it is in the log; how long a flush takes.

Each run has a new sparse file, which has to hold the same in the end. Time is between marks on the console, as they
arrive here: boot and power-off don't count. `--clock host`, the default.
"""

from __future__ import annotations

import itertools
import tempfile
from functools import partial
from pathlib import Path

from bench.commands import TimedProcess, protected, solo
from bench.disk_guests import BYTES_PER_MIB, DiskGuest, Way, content_hash, linux, new_image, records
from bench.guests import linux_files
from bench.qemu_peer import Mode, require_qemu, run_linux
from bench.results import CaseResult, MeasurementError, ToolMissingError, paired_ratios, percentile
from bench.settings import Settings
from bench.traces import statistics
from lockstep.log.trace.statistics import KindStatistics

RECORDED = "QEMU rr=record"
FLUSHED = b"flushed "


def measure(result: CaseResult, settings: Settings) -> None:
    """The bundled guest `records`, and Linux where it was fetched."""
    result.note("new sparse files in the temporary directory; time between marks on the console; host clock")
    modes = {"QEMU plain": Mode.PLAIN, RECORDED: Mode.RECORD}
    try:
        require_qemu()
    except ToolMissingError as missing:
        result.skip(f"disks on QEMU: {missing}")
        modes = {}
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as directory:
        _measure_records(result, settings, Path(directory))
        try:
            linux_files(with_drivers=True)
        except ToolMissingError as missing:
            result.skip(f"Linux: {missing}")
            return
        ways = _own_ways("linux", settings)
        if settings.is_smoke:
            modes = {name: mode for name, mode in modes.items() if mode is Mode.RECORD}
        ways |= {name: partial(_linux_on_qemu, mode) for name, mode in modes.items()}
        _compare(result, settings, Path(directory), linux(settings), ways)


def _measure_records(result: CaseResult, settings: Settings, directory: Path) -> None:
    """Ours only: QEMU's recording stands still where a guest waits for its disk and no timer is set."""
    guest = records(settings)
    _compare(result, settings, directory, guest, _own_ways(guest.name, settings))
    _measure_log(result, directory, guest)
    _measure_flushes(result, settings, directory)


def _own_ways(guest: str, settings: Settings) -> dict[str, Way]:
    ways: dict[str, Way] = {
        "solo": lambda append, disk: solo(guest, append, "--disk", str(disk), clock="host"),
        "protected": lambda append, disk: protected(guest, append, "--disk", str(disk), clock="host"),
    }
    if not settings.is_smoke:
        ways["protected tcp"] = partial(_protected_over_tcp, guest)
    return ways


def _protected_over_tcp(guest: str, append: str, disk: Path) -> TimedProcess:
    return protected(guest, append, "--disk", str(disk), "--channel", "tcp", clock="host")


def _linux_on_qemu(mode: Mode, append: str, disk: Path) -> TimedProcess:
    return run_linux(linux_files(append, with_drivers=True), mode, disk=disk)


def _compare(
    result: CaseResult, settings: Settings, directory: Path, guest: DiskGuest, ways: dict[str, Way]
) -> None:
    """All ways, in turns. MeasurementError if any leaves something else on its disk."""
    runs: dict[str, list[TimedProcess]] = {name: [] for name in ways}
    contents = set()
    for _ in range(settings.rounds(full=5)):
        for name, way in ways.items():
            disk = new_image(directory, guest)
            runs[name].append(way(guest.append, disk))
            contents.add(content_hash(disk))
            if len(contents) > 1:
                raise MeasurementError(f"{guest.name}, {name}: the disk holds something else than before")
    result.work(guest.name, contents.pop())
    for name, found in runs.items():
        for phase in (*guest.phases, *guest.others):
            speeds = [phase.mib / phase.seconds(run) for run in found]
            result.value(f"{guest.name}, {name}: {phase.name}", "MiB/s", speeds)
    seconds = {name: [guest.seconds(run) for run in found] for name, found in runs.items()}
    for phase in (*guest.phases, *guest.others) if len(guest.phases) > 1 else ():
        both = ([phase.seconds(run) for run in runs[name]] for name in ("solo", "protected"))
        result.value(f"{guest.name}: speed protected / solo, {phase.name}", "x", paired_ratios(*both))
    for name in ways:
        if name.startswith("protected"):
            ratios = paired_ratios(seconds["solo"], seconds[name])
            ratio = result.value(f"{guest.name}: speed {name} / solo", "x", ratios)
            if name == "protected":
                result.judge("disk.protected", ratio.median, guest.name)
        elif name.startswith("QEMU"):
            ratios = paired_ratios(seconds[name], seconds["protected"])
            ratio = result.value(f"{guest.name}: speed protected / {name}", "x", ratios)
            if name == RECORDED:
                result.judge("disk.qemu", ratio.median, f"{guest.name}, {name}")


def _measure_log(result: CaseResult, directory: Path, guest: DiskGuest) -> None:
    """Of one run that writes, and of another that looks at what the first has written."""
    disk, trace = new_image(directory, guest), directory / "trace"
    blocks_mib = guest.disk_bytes / BYTES_PER_MIB
    for what, append, mib in (
        ("written", guest.append, guest.written_mib),
        ("read", "check=1", blocks_mib),
    ):
        protected(guest.name, append, "--disk", str(disk), "--trace", str(trace), clock="host")
        found = statistics(trace)
        disk_log = found.kinds.get("disk", KindStatistics(0, 0))
        result.value(f"{guest.name}: log per MiB {what}, of the disk", "B", [disk_log.bytes / mib])
        result.value(
            f"{guest.name}: log per MiB {what}, with clock and checks", "B", [found.ring_bytes / mib]
        )
    result.judge("disk.reads", disk_log.entries)


def _measure_flushes(result: CaseResult, settings: Settings, directory: Path) -> None:
    """One record, one flush, one line on the console: the time from line to line."""
    count = settings.pick(300, 10)
    guest = records(settings)
    medians: dict[str, list[float]] = {}
    for _ in range(settings.rounds(full=5)):
        for name, way in _own_ways(guest.name, settings).items():
            run = way(f"records={count} every=1 depth=1", new_image(directory, guest))
            times_s = [run.seconds_at(b"\n%s%d\n" % (FLUSHED, number)) for number in range(1, count + 1)]
            gaps_ms = [(end - start) * 1e3 for start, end in itertools.pairwise(times_s)]
            medians.setdefault(name, []).append(percentile(gaps_ms, 50))
    for name, values_ms in medians.items():
        result.value(f"records: from flush to flush, median of {count}, {name}", "ms", values_ms)
