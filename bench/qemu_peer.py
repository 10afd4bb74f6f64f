"""The peer QEMU: the same guests on its `virt` board, plain, counting, recording and replaying."""

from __future__ import annotations

import enum
import shutil
import tempfile
from pathlib import Path

from bench.commands import TimedProcess, time_process
from bench.environment import QEMU
from bench.guests import LinuxFiles, bundled
from bench.results import MeasurementError, ToolMissingError

TIMEOUT_S = 120
"""A replay that has lost its way stands still for ever."""


def require_qemu() -> None:
    """ToolMissingError if it isn't installed."""
    if shutil.which(QEMU) is None:
        raise ToolMissingError(f"{QEMU} isn't installed")


class Mode(enum.Enum):
    """How QEMU counts and whether it keeps a log; values are its `-icount` argument."""

    PLAIN = ""
    ICOUNT = "shift=0"
    RECORD = "shift=0,rr=record,rrfile={log}"
    REPLAY = "shift=0,rr=replay,rrfile={log}"


def run_bundled(name: str, append: str, mode: Mode, log: Path | None = None) -> TimedProcess:
    """A bundled guest in machine mode, from the start of the process to its end."""
    return _run(["-bios", "none", "-kernel", str(bundled(name)), "-append", append], mode, log)


def run_linux(
    files: LinuxFiles, mode: Mode, log: Path | None = None, disk: Path | None = None
) -> TimedProcess:
    """Linux to power-off. MeasurementError if it didn't get there."""
    timed = _run(
        [
            *("-m", files.memory, "-bios", str(files.firmware), "-kernel", str(files.kernel)),
            *("-initrd", str(files.initrd), "-append", files.append),
        ],
        mode,
        log,
        disk,
    )
    require_power_off(timed.output, "QEMU")
    return timed


def require_power_off(console: bytes, who: str) -> None:
    """MeasurementError unless Linux came to its init and powered off."""
    for line in (b"Run /init", b"reboot: Power down"):
        if line not in console:
            raise MeasurementError(f"Linux on {who} never said {line.decode()!r}: {console[-200:]!r}")


def _disk_arguments(disk: Path, mode: Mode) -> list[str]:
    """A raw image in the first slot, as lockstep has it; a log of its requests is kept by a driver in between."""
    image = ["-drive", f"file={disk},format=raw,if=none,id=image"]
    name = "image"
    if mode in (Mode.RECORD, Mode.REPLAY):
        name = "replayed"
        image += ["-drive", f"driver=blkreplay,if=none,image=image,id={name}"]
    device = f"virtio-blk-device,drive={name},bus=virtio-mmio-bus.0"
    return ["-global", "virtio-mmio.force-legacy=false", *image, "-device", device]


def _run(arguments: list[str], mode: Mode, log: Path | None, disk: Path | None = None) -> TimedProcess:
    """`log` is where a recording is kept and a replay finds it; without it a recording is thrown away."""
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as directory:
        log = log or Path(directory) / "replay.bin"
        icount = ["-icount", mode.value.format(log=log)] if mode.value else []
        devices = _disk_arguments(disk, mode) if disk is not None else []
        command = [QEMU, "-machine", "virt", "-nographic", *icount, *devices, *arguments]
        timed = time_process(command, timeout_s=TIMEOUT_S)
        if mode is Mode.RECORD and not log.stat().st_size:
            raise MeasurementError("QEMU recorded nothing")
        return timed
