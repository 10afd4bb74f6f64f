"""What a script and the process that watches its pair say to each other, over a socket that only they have."""

from __future__ import annotations

import dataclasses
from typing import Any

from lockstep.host.options import RunOptions, TraceOptions
from lockstep.host.result import RunResult
from lockstep.machine.config import MachineConfig


@dataclasses.dataclass(frozen=True)
class Order:
    """First of all, to the monitor: what to run. Of `options`, what a script can't send is left as it is there."""

    config: MachineConfig
    options: dict[str, Any]
    """Fields of `RunOptions`."""
    trace: TraceOptions | None

    def run_options(self, **others: Any) -> RunOptions:
        """All options."""
        return RunOptions(**self.options, **others)


@dataclasses.dataclass(frozen=True)
class Question:
    """To the monitor: a method of its service, which it answers by an `Answer`."""

    method: str
    arguments: tuple[Any, ...] = ()


@dataclasses.dataclass(frozen=True)
class Answer:
    """To the script."""

    value: Any


@dataclasses.dataclass(frozen=True)
class Prepared:
    """To the script: the guest can be run."""


@dataclasses.dataclass(frozen=True)
class Said:
    """To the script: a line for the user."""

    line: str


@dataclasses.dataclass(frozen=True)
class Over:
    """To the script, last of all: what the run came to."""

    result: RunResult


@dataclasses.dataclass(frozen=True)
class Failed:
    """To the script, last of all: an error. `kind` is its class in `lockstep.errors`."""

    kind: str
    text: str
    exit_code: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class PairStatus:
    """How a pair stands, at one moment."""

    protection: str
    """In VMware FT's words: `Protected`, `Not Protected (Need Secondary)`, ..."""
    is_protected: bool
    """Whether the guest survives the death of either host now."""
    generation: int
    """How often the role of primary has moved, from 1."""
    icount: int
    """Instructions that the primary has retired, as it last said."""
    primary_pid: int | None
    secondary_pid: int | None
    failovers: int
    has_ended: bool
    """Whether the guest has come to its end."""
