"""How long the command takes to be there."""

from __future__ import annotations

from bench.commands import COMMAND, protected, solo, time_process
from bench.results import CaseResult
from bench.settings import Settings


def measure(result: CaseResult, settings: Settings) -> None:
    """`--help`, and hello until its first byte, with compiled code in the cache."""
    help_s, solo_s, protected_s, whole_s = [], [], [], []
    for _ in range(settings.rounds(full=15, smoke=2)):
        help_s.append(time_process([*COMMAND, "--help"]).whole_s)
        alone = solo("hello", "", clock="host")
        pair = protected("hello", "", clock="host")
        solo_s.append(alone.first_byte_s)
        protected_s.append(pair.first_byte_s)
        whole_s.append((alone.whole_s, pair.whole_s))
        result_console = alone.report["console"]
    result.work("hello", result_console)
    shown = result.value("lockstep --help, whole process", "s", help_s)
    result.judge("start.help", shown.median)
    for name, seconds in (("solo", solo_s), ("protected", protected_s)):
        first = result.value(f"hello's first byte, {name}", "s", seconds)
        result.judge("start.first_byte", first.median, name)
    result.value("hello, whole process, solo", "s", [seconds for seconds, _ in whole_s])
    result.value("hello, whole process, protected", "s", [seconds for _, seconds in whole_s])
