"""How much to measure."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Settings:
    """At smoke size everything runs, but too little of it to tell anything."""

    is_smoke: bool = False
    runs: int | None = None

    def pick(self, full: int, smoke: int) -> int:
        """A size that `--runs` has no say in."""
        return smoke if self.is_smoke else full

    def rounds(self, full: int = 7, smoke: int = 1) -> int:
        """How often everything that is compared runs, in turns."""
        return self.runs or self.pick(full, smoke)
