"""The report of a run, as JSON."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockstep import __version__
from lockstep.errors import InternalError, UsageError

if TYPE_CHECKING:
    from lockstep.host.result import RunResult


def make_report(guest_name: str, guest_sha256: str | None, result: RunResult) -> dict[str, Any]:
    """The contract's keys in its order; null where one doesn't apply."""
    can_rate = result.icount is not None and result.wall_s > 0
    return {
        "version": __version__,
        "guest": {"name": guest_name, "sha256": guest_sha256},
        "outcome": result.outcome,
        "exit_code": result.exit_code,
        "icount": result.icount,
        "wall_s": result.wall_s,
        "mips": (result.icount or 0) / result.wall_s / 1e6 if can_rate else None,
        "console": result.console,
        "digest": result.digest,
        "log": result.log,
        "checks": result.checks,
        "failovers": result.failovers,
        "clones": result.clones,
        "divergence": result.divergence,
    }


def check_report_path(path: Path) -> None:
    """UsageError unless a report can be written to `path`: known before the guest runs, not after."""
    try:
        if _is_special(path):
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
            return
        if path.is_dir():
            raise UsageError(f"--report {path} is a directory: give the path of a file")
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except (OSError, ValueError) as error:
        raise UsageError(f"--report {path} can't be written: {_reason(error)}; give another path") from error


def write_report(path: Path, report: dict[str, Any]) -> None:
    """Write `report` so that a reader sees a whole one or none. InternalError if that fails."""
    text = json.dumps(report, indent=2) + "\n"
    try:
        if _is_special(path):  # a pipe or a device isn't replaced
            path.write_text(text, encoding="utf-8")
            return
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                mask = os.umask(0)
                os.umask(mask)
                os.fchmod(descriptor, 0o666 & ~mask)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise InternalError(f"the report {path} can't be written: {_reason(error)}") from error


def _is_special(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
