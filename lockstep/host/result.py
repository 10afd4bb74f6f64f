"""What a run came to: the same record for a solo machine and for a pair."""

from __future__ import annotations

import dataclasses
from typing import Any

import xxhash

OUTCOME_EXIT_CODES = {
    "idle": 0,
    "timeout": 124,
    "max-icount": 124,
    "divergence": 120,
    "no-host": 121,
    "interrupted": 130,
    "error": 125,
}
"""Exit codes of outcomes; poweroff and exit carry the guest's own."""


class ConsoleMeter:
    """Counts and hashes the console's bytes as they leave."""

    def __init__(self) -> None:
        """Nothing has left yet."""
        self.bytes = 0
        self._hasher = xxhash.xxh3_128()

    def add(self, data: bytes) -> None:
        """`data` left."""
        self.bytes += len(data)
        self._hasher.update(data)

    def report(self) -> dict[str, Any]:
        """As the report's `console`."""
        return {"bytes": self.bytes, "xxh3_128": self._hasher.hexdigest()}


@dataclasses.dataclass
class RunResult:
    """How a run ended. Fields have the meaning of the report's keys (the contract in docs)."""

    outcome: str
    exit_code: int
    icount: int | None
    wall_s: float
    console: dict[str, Any]
    digest: str | None
    log: dict[str, Any] | None = None
    checks: dict[str, int] | None = None
    failovers: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    clones: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    divergence: dict[str, Any] | None = None
    message: str = ""
    """One line for stderr, when there is something to say."""
