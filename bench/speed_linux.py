"""Linux from the start of the process to power-off, and where the time goes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bench.commands import Run, TimedProcess, protected, same_work, solo
from bench.guests import LINUX_COMMAND, linux_files
from bench.profile import hot_symbols
from bench.qemu_peer import Mode, require_power_off, require_qemu, run_linux
from bench.results import CaseResult, ToolMissingError, paired_ratios
from bench.settings import Settings

OURS: dict[str, Callable[[], Run]] = {
    "solo, host clock": partial(solo, "linux", LINUX_COMMAND, clock="host"),
    "solo, virtual clock": partial(solo, "linux", LINUX_COMMAND),
    "protected, host clock": partial(protected, "linux", LINUX_COMMAND, clock="host"),
    "protected, virtual clock": partial(protected, "linux", LINUX_COMMAND),
}
SMOKE = ("solo, virtual clock",)


def measure_linux(result: CaseResult, settings: Settings) -> None:
    """All in turns. ToolMissingError without a fetched Linux; QEMU may be missing."""
    files = linux_files()
    recording = partial(run_linux, files, Mode.RECORD)
    plain = partial(run_linux, files, Mode.PLAIN)
    peers: dict[str, Callable[[], TimedProcess]] = {"QEMU rr=record": recording, "QEMU plain": plain}
    try:
        require_qemu()
    except ToolMissingError as missing:
        result.skip(f"Linux on QEMU: {missing}")
        peers = {}
    if settings.is_smoke:
        peers.pop("QEMU plain", None)
    ours = {name: run for name, run in OURS.items() if not settings.is_smoke or name in SMOKE}
    runs: dict[str, list[Run]] = {name: [] for name in ours}
    peer_s: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(settings.rounds(full=5)):
        for name, run in ours.items():
            runs[name].append(run())
            require_power_off(runs[name][-1].output, f"lockstep {name}")
        for name, peer in peers.items():
            peer_s[name].append(peer().whole_s)
    result.work("linux", same_work([run for name in runs if "virtual" in name for run in runs[name]]))
    result.note(f"Linux to power-off, {files.memory}, {files.append!r}; whole process, interleaved runs")
    for name, seconds in peer_s.items():
        result.value(name, "s", seconds)
    for name, timed in runs.items():
        _show(result, f"lockstep {name}", timed)
        for peer_name, seconds in peer_s.items():
            times = paired_ratios([run.whole_s for run in timed], seconds)
            ratio = result.value(f"time, {name} / {peer_name}", "x", times)
            if peer_name == "QEMU rr=record" and name.startswith("solo"):
                result.judge("speed.linux", ratio.median, name)
    if not settings.is_smoke:
        hot_symbols(
            result, "linux", "run", "linux", "--solo", "--clock", "virtual", "--append", LINUX_COMMAND
        )


def _show(result: CaseResult, name: str, runs: list[Run]) -> None:
    """The parts: OpenSBI prints within some ms, so start-up is what comes before the first byte."""
    result.value(name, "s", [run.whole_s for run in runs])
    result.value("  start-up, to the first byte", "s", [run.first_byte_s for run in runs])
    result.value("  guest (wall_s)", "s", [run.wall_s for run in runs])
    result.value("  shutdown, the rest", "s", [run.whole_s - run.first_byte_s - run.wall_s for run in runs])
