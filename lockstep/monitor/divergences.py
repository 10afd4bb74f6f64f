"""What the monitor knows of differences between primary and secondary, and what is to be done about them. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lockstep.host import messages as m

_ENDS_COMPARED = ("icount", "digest", "console_bytes", "exit_code")


class Divergences:
    """Counts comparisons, keeps the first difference, says what it means."""

    def __init__(self, policy: str = "stop", say: Callable[[str], None] = lambda line: None) -> None:
        """`policy` is `stop` or `reclone`; `say` takes a line for the user."""
        self.stops_run = policy == "stop"
        self._say = say
        self._checks: dict[int, int] = {}
        self.ends_compared = 0
        self.mismatched = 0
        self.first: dict[str, Any] | None = None
        """The report's `divergence`."""
        self.last: dict[str, Any] | None = None

    @property
    def compared(self) -> int:
        """How often the two machines were compared, at the end included."""
        return sum(self._checks.values()) + self.ends_compared

    def checked(self, host: int, checks: int) -> None:
        """Host number `host` has compared itself `checks` times."""
        self._checks[host] = checks

    def found(self, host: int, message: m.Diverged) -> str:
        """Secondary number `host` isn't the machine that it should be; one line that says so."""
        self.checked(host, message.checks)
        self.mismatched += 1
        fields = ("icount", "pc", "what", "expected", "actual", "disassembly")
        divergence = {field: getattr(message, field) for field in fields}
        self.first, self.last = self.first or divergence, divergence
        return f"the two machines differ at icount {message.icount}, pc {message.pc:#x}: {message.what}"

    def overrule(self, text: str, *, is_over: bool) -> None:
        """The primary is right, whatever differs by `text`; its secondary is discarded."""
        then = "the primary's end counts" if is_over else "another one is made from the primary"
        self._say(f"{text}; that secondary is discarded, {then}")

    def compare_ends(self, secondary: int, expected: m.Ended, actual: m.Ended) -> str | None:
        """Compare how the guest ended on the primary and on the secondary; one line if they differ."""
        self.checked(secondary, actual.checks)
        self.ends_compared = 1
        difference = _difference(expected, actual)
        if difference is None:
            return None
        what, of_primary, of_secondary = difference
        diverged = m.Diverged(
            icount=actual.icount,
            pc=actual.pc,
            what=what,
            expected=of_primary,
            actual=of_secondary,
            disassembly=[],
            checks=actual.checks,
        )
        return f"{self.found(secondary, diverged)}, at the guest's end"


def _difference(expected: m.Ended, actual: m.Ended) -> tuple[str, str, str] | None:
    for what in _ENDS_COMPARED:
        if getattr(expected, what) == getattr(actual, what):
            continue
        if what == "digest" and expected.check and actual.check:
            from lockstep.machine.checks import difference_between

            difference = difference_between(expected.check, actual.check)
            if difference is not None:
                return difference.what, difference.expected, difference.actual
        return what, str(getattr(expected, what)), str(getattr(actual, what))
    return None
