"""What a benchmark found: values with their spread, ratios, targets with verdicts, and a hash of the work done.

Everything is printed as it is found and kept for `--json`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from bench.promises import PROMISES


class MeasurementError(Exception):
    """What was to be measured wasn't: a peer failed, or did something else than it was asked."""


class ToolMissingError(Exception):
    """A peer isn't installed: what needs it is skipped, and says so."""


@dataclasses.dataclass(frozen=True)
class Spread:
    """Median, least and most of some values."""

    median: float
    min: float
    max: float
    count: int


@dataclasses.dataclass(frozen=True)
class Point:
    """A value's place in a plot: on the curve `curve`, at `x` on the axis that is named `axis`."""

    curve: str
    axis: str
    x: float


def spread(values: Iterable[float]) -> Spread:
    """Of at least one value."""
    measured = list(values)
    return Spread(statistics.median(measured), min(measured), max(measured), len(measured))


def percentile(values: Sequence[float], percent: float) -> float:
    """The least value that at least `percent` per cent of `values` don't exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(math.ceil(len(ranked) * percent / 100), 1) - 1]


def paired_ratios(dividends: Sequence[float], divisors: Sequence[float]) -> list[float]:
    """One ratio per round of interleaved runs: what disturbs the machine disturbs both."""
    return [dividend / divisor for dividend, divisor in zip(dividends, divisors, strict=True)]


class CaseResult:
    """What one case found."""

    def __init__(self, name: str, *, is_smoke: bool) -> None:
        """In a smoke run targets are shown and not judged: its sizes are too small for them."""
        self.name = name
        self.is_smoke = is_smoke
        self.values: list[dict[str, Any]] = []
        self.targets: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.skipped: list[str] = []
        self.failures: list[str] = []
        self._hash = hashlib.sha256()

    def value(self, name: str, unit: str, values: Sequence[float], point: Point | None = None) -> Spread:
        """Values of one thing, in `unit`; `point` says where in a plot they belong that has curves."""
        found = spread(values)
        where = {} if point is None else {"point": dataclasses.asdict(point)}
        self.values.append({"name": name, "unit": unit, **dataclasses.asdict(found), **where})
        one = f"{found.median:12.4g} {unit:6}"
        print(f"  {name:60}{one} min {found.min:.4g}, max {found.max:.4g}, n {found.count}")
        return found

    def judge(self, key: str, value: float, of: str = "") -> None:
        """Compare `value`, measured `of` something, with what the project promises under `key` in `PROMISES`."""
        promise = PROMISES[key]
        verdict = "not judged (smoke)" if self.is_smoke else ("pass" if promise.is_kept_by(value) else "FAIL")
        name = f"{of}: {promise.what}" if of else promise.what
        self.targets.append({"promise": key, "of": of, "value": value, "verdict": verdict})
        print(
            f"  {name:62}{value:10.4g} {promise.unit:6}target: {promise.bound} {promise.limit:g}: {verdict}",
            flush=True,
        )

    def note(self, text: str) -> None:
        """Something that the reader has to know."""
        self.notes.append(text)
        print(f"  {text}")

    def skip(self, what: str) -> None:
        """Something isn't measured, for want of a tool."""
        self.skipped.append(what)
        print(f"  SKIPPED {what}")

    def fail(self, what: str) -> None:
        """Something couldn't be measured."""
        self.failures.append(what)
        print(f"  NOT MEASURED {what}")

    def work(self, what: str, result: object) -> None:
        """`result` is what the measured work came to: equal in every run that does the same work."""
        self._hash.update(f"{what}: {json.dumps(result, sort_keys=True)}\n".encode())

    @property
    def hash(self) -> str:
        """Over all results of the work; doesn't depend on how long anything took."""
        return self._hash.hexdigest()[:32]

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        kept = ("name", "is_smoke", "values", "targets", "notes", "skipped", "failures", "hash")
        return {key: getattr(self, key) for key in kept}
