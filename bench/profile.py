"""Where a run spends its time, as `perf` samples it. Not timed: sampling costs something itself."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from bench.commands import COMMAND, environment
from bench.results import CaseResult

SYMBOLS_MAX = 12
PERCENT_MIN = 0.5
_ROW = re.compile(r"^\s*(?P<percent>[\d.]+)%\s+(?P<where>\S.*?)[\s-]*$")


def hot_symbols(result: CaseResult, name: str, *arguments: str) -> None:
    """Note the symbols that take most of `lockstep ARGUMENTS`; skipped without `perf`."""
    if shutil.which("perf") is None:
        result.skip(f"profile of {name}: perf isn't installed")
        return
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as directory:
        data = Path(directory) / "perf.data"
        recorded = _run(["perf", "record", "-q", "-F", "499", "-o", str(data), "--", *COMMAND, *arguments])
        if recorded.returncode:
            result.skip(f"profile of {name}: perf record failed: {recorded.stderr.strip()[-200:]}")
            return
        shown = _run(["perf", "report", "--stdio", "-q", "-i", str(data), "--sort", "dso,symbol"])
    if shown.returncode:
        result.skip(f"profile of {name}: perf report failed: {shown.stderr.strip()[-200:]}")
        return
    result.note(f"profile of {name}, whole process (translated code has no symbols):")
    for row in parse_report(shown.stdout):
        result.note(f"  {row}")


def parse_report(text: str) -> list[str]:
    """`12.3 % object symbol` for what takes most, translated code and all else without a symbol summed by object."""
    shares: dict[str, float] = {}
    for line in text.splitlines():
        if match := _ROW.match(line):
            where = re.sub(r"\s+", " ", re.sub(r"\[[.k]\] 0x[0-9a-f]+", "(no symbol)", match["where"]))
            where = re.sub(r"\[JIT\] tid \d+", "translated or compiled code", where)
            shares[where] = shares.get(where, 0.0) + float(match["percent"])
    ranked = sorted(shares.items(), key=lambda item: -item[1])[:SYMBOLS_MAX]
    return [f"{percent:5.1f} % {where}" for where, percent in ranked if percent >= PERCENT_MIN]


def _run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        errors="replace",
        env=environment(),
    )
