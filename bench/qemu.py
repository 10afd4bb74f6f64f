"""The same guest files on QEMU and on lockstep: plain, counted, recorded and replayed; time and bytes of log."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench.commands import COMMAND, Run, TimedProcess, protected, same_work, solo, time_process
from bench.guests import LINUX_COMMAND, compute_append, linux_files
from bench.qemu_peer import Mode, require_power_off, require_qemu, run_bundled, run_linux
from bench.results import CaseResult, MeasurementError, ToolMissingError, paired_ratios
from bench.settings import Settings
from bench.traces import entry_bytes, entry_count

SHOWN = {
    Mode.PLAIN: "QEMU plain",
    Mode.ICOUNT: "QEMU -icount",
    Mode.RECORD: "QEMU rr=record",
    Mode.REPLAY: "QEMU rr=replay",
}


@dataclasses.dataclass(frozen=True)
class Guest:
    """What both run."""

    name: str
    append: str
    on_qemu: Callable[[Mode, Path], TimedProcess]
    clocks: tuple[str, ...]
    """Of lockstep: under which it runs."""
    is_judged: bool


@dataclasses.dataclass
class Found:
    """Of one way to run a guest: a value for each round."""

    runs: list[TimedProcess] = dataclasses.field(default_factory=list)
    log_bytes: list[float] = dataclasses.field(default_factory=list)
    log_entries: list[float] = dataclasses.field(default_factory=list)


def measure(result: CaseResult, settings: Settings) -> None:
    """compute, and a Linux boot where Linux was fetched."""
    require_qemu()
    append = compute_append(settings.pick(5, 1))
    on_qemu = partial(run_bundled, "compute", append)
    compare(result, settings, Guest("compute", append, on_qemu, ("host",), is_judged=False))
    if settings.is_smoke:
        return
    try:
        files = linux_files()
    except ToolMissingError as missing:
        result.skip(f"Linux: {missing}")
        return
    boot = Guest(
        "linux",
        LINUX_COMMAND,
        partial(run_linux, files),
        ("host", "virtual"),
        is_judged=True,
    )
    compare(result, settings, boot)


def compare(result: CaseResult, settings: Settings, guest: Guest) -> None:
    """All ways to run `guest`, in turns."""
    found: dict[str, Found] = {}
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as directory:
        for _ in range(settings.rounds(full=5)):
            _run_on_qemu(found, guest, Path(directory) / "replay.bin")
            for clock in guest.clocks:
                _run_on_lockstep(found, guest, clock, Path(directory) / "trace")
    result.work(guest.name, _work(found, guest))
    result.note(
        f"{guest.name} {guest.append!r}; log of lockstep: entries of its trace, content and checkpoints apart"
    )
    for name, one in found.items():
        _show(result, f"{guest.name}, {name}", one)
    _show_ratios(result, guest, found)


def _run_on_qemu(found: dict[str, Found], guest: Guest, log: Path) -> None:
    consoles = {}
    for mode, name in SHOWN.items():
        timed = guest.on_qemu(mode, log)
        consoles[mode] = timed.output
        one = found.setdefault(name, Found())
        one.runs.append(timed)
        if mode is Mode.RECORD:
            one.log_bytes.append(log.stat().st_size)
    if consoles[Mode.REPLAY] != consoles[Mode.RECORD]:
        raise MeasurementError(f"{guest.name}: QEMU's replay printed something else than its recording")


def _run_on_lockstep(found: dict[str, Found], guest: Guest, clock: str, trace: Path) -> None:
    alone = solo(guest.name, guest.append, clock=clock)
    pair = protected(guest.name, guest.append, clock=clock)
    traced = protected(guest.name, guest.append, "--trace", str(trace), clock=clock)
    replayed = replay(trace)
    if replayed.work != traced.work:
        raise MeasurementError(f"{guest.name}: a replay differs: {replayed.work}, not {traced.work}")
    if guest.name == "linux":
        for run in (alone, pair, traced, replayed):
            require_power_off(run.output, "lockstep")
    for name, run in {"solo": alone, "protected": pair, "traced": traced, "replayed": replayed}.items():
        found.setdefault(f"lockstep {name}, {clock} clock", Found()).runs.append(run)
    log = found[f"lockstep traced, {clock} clock"]
    log.log_bytes.append(entry_bytes(trace))
    log.log_entries.append(entry_count(trace))


def replay(trace: Path) -> Run:
    """`lockstep replay` of a whole trace, with what it reported."""
    report = trace.with_suffix(".json")
    timed = time_process([*COMMAND, "replay", str(trace), "--report", str(report)])
    return Run(**vars(timed), report=json.loads(report.read_text()))


def _work(found: dict[str, Found], guest: Guest) -> dict[str, object]:
    """What all runs under the virtual clock came to; without one, what a guest printed that prints no times."""
    clock = guest.clocks[-1]
    runs = [
        run
        for name, one in found.items()
        if name.endswith(f"{clock} clock")
        for run in one.runs
        if isinstance(run, Run)
    ]
    return same_work(runs) if clock == "virtual" else dict(runs[0].report["console"])


def _show(result: CaseResult, name: str, found: Found) -> None:
    result.value(f"{name}: whole process", "s", [run.whole_s for run in found.runs])
    ours = [run for run in found.runs if isinstance(run, Run)]
    if ours:
        result.value(f"{name}: guest", "s", [run.wall_s for run in ours])
    if found.log_bytes:
        result.value(f"{name}: log", "B", found.log_bytes)
    if found.log_entries:
        result.value(f"{name}: log", "entries", found.log_entries)


def _show_ratios(result: CaseResult, guest: Guest, found: dict[str, Found]) -> None:
    recorded = found[SHOWN[Mode.RECORD]]
    for clock in guest.clocks:
        ways = {
            name: [run for run in found[f"lockstep {name}, {clock} clock"].runs if isinstance(run, Run)]
            for name in ("solo", "protected", "traced", "replayed")
        }
        seconds = {name: [run.wall_s for run in runs] for name, runs in ways.items()}
        log = found[f"lockstep traced, {clock} clock"].log_bytes
        of = f"{guest.name}, {clock} clock"
        millions = [run.report["icount"] / 1e6 for run in ways["traced"]]
        result.value(f"{of}: log, trace", "B/M", paired_ratios(log, millions))
        # QEMU doesn't say how many instructions it ran: about as many as lockstep, it is the same guest.
        result.value(f"{of}: log, QEMU", "B/M", paired_ratios(recorded.log_bytes, millions))
        share = result.value(f"{of}: log, trace / QEMU", "x", paired_ratios(log, recorded.log_bytes))
        cost = result.value(
            f"{of}: guest, traced / protected", "x", paired_ratios(seconds["traced"], seconds["protected"])
        )
        again = result.value(
            f"{of}: guest, replayed / recorded", "x", paired_ratios(seconds["replayed"], seconds["traced"])
        )
        whole = (
            [run.whole_s for run in ways["replayed"]],
            [run.whole_s for run in found[SHOWN[Mode.REPLAY]].runs],
        )
        result.value(f"{of}: whole process, replay / QEMU rr=replay", "x", paired_ratios(*whole))
        if guest.is_judged:
            if clock == "host":
                result.judge("qemu.log", share.median)
            result.judge("qemu.tracing", cost.median, f"{clock} clock")
            result.judge("qemu.replay", again.median, f"{clock} clock")
