"""Why a machine in a script came back from running."""

from __future__ import annotations

import enum


class Stop(enum.StrEnum):
    """Why a run came back; each is equal to its text: `machine.run() == "poweroff"`."""

    ICOUNT = "icount"
    """The number of instructions that was asked for has retired."""
    BREAKPOINT = "breakpoint"
    """The next instruction is at a breakpoint."""
    CONSOLE = "console"
    """The guest has written the text that was waited for."""
    POWEROFF = "poweroff"
    """The guest has powered off; `exit_code` is 0."""
    EXIT = "exit"
    """The guest has ended with an `exit_code` of its own."""
    IDLE = "idle"
    """Every hart waits and nothing will wake one but what is typed."""
    TIMEOUT = "timeout"
    """The real time that it was given is over."""
    END_OF_TRACE = "end of trace"
    """A machine that follows a trace has come to where that ends."""
