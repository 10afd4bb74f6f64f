"""The peer QEMU: the same guests on its `virt` board, plain and recording."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from bench.commands import TimedProcess, time_process
from bench.environment import QEMU
from bench.guests import LinuxFiles, bundled
from bench.results import MeasurementError, ToolMissingError


def require_qemu() -> None:
    """ToolMissingError if it isn't installed."""
    if shutil.which(QEMU) is None:
        raise ToolMissingError(f"{QEMU} isn't installed")


def run_bundled(name: str, append: str, *, recording: bool) -> TimedProcess:
    """A bundled guest in machine mode, from the start of the process to its end."""
    return _run(["-bios", "none", "-kernel", str(bundled(name)), "-append", append], recording=recording)


def run_linux(files: LinuxFiles, *, recording: bool) -> TimedProcess:
    """Linux to power-off. MeasurementError if it didn't get there."""
    timed = _run(
        [
            *("-m", files.memory, "-bios", str(files.firmware), "-kernel", str(files.kernel)),
            *("-initrd", str(files.initrd), "-append", files.append),
        ],
        recording=recording,
    )
    require_power_off(timed.output, "QEMU")
    return timed


def require_power_off(console: bytes, who: str) -> None:
    """MeasurementError unless Linux came to its init and powered off."""
    for line in (b"Run /init", b"reboot: Power down"):
        if line not in console:
            raise MeasurementError(f"Linux on {who} never said {line.decode()!r}: {console[-200:]!r}")


def _run(arguments: list[str], *, recording: bool) -> TimedProcess:
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as directory:
        record = Path(directory) / "replay.bin"
        icount = ["-icount", f"shift=0,rr=record,rrfile={record}"] if recording else []
        timed = time_process([QEMU, "-machine", "virt", "-nographic", *icount, *arguments])
        if recording and not record.stat().st_size:
            raise MeasurementError("QEMU recorded nothing")
        return timed
