"""What a script and the process that watches its pair say to each other, over a socket that only they have."""

from __future__ import annotations

import dataclasses
from typing import Any

from lockstep.ft.status import Protection
from lockstep.host.options import RunOptions, TraceOptions
from lockstep.host.result import RunResult
from lockstep.machine.config import MachineConfig
from lockstep.monitor.status import Status


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


def is_protected(status: Status) -> bool:
    """Whether the guest runs and survives the death of either host."""
    return status.protection == Protection.PROTECTED.value and status.uptime_s > 0
