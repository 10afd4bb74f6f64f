"""The errors that lockstep reports, one class per party at fault, each with its exit status.

    LockstepError
    +-- UsageError        2    the user asked for something that makes no sense
    +-- DivergenceError 120    the two machines of a pair differ
    +-- NoHostError     121    no host is left to run the guest
    +-- InternalError   125    lockstep itself failed
    |   +-- LogError           the log is foreign, torn or out of order
    +-- WaitError       124    what a script waited for didn't come
    +-- GuestError      126    the guest can't be run
        +-- TraceError         a trace can't be read, or isn't of this guest

A message is one line that says what is wrong and what to do about it.
"""


class LockstepError(Exception):
    """Base of all errors that are reported to the user as one line."""

    exit_code = 125


class UsageError(LockstepError):
    """The command line asks for something that makes no sense."""

    exit_code = 2


class DivergenceError(LockstepError):
    """Primary and secondary are no longer the same machine."""

    exit_code = 120


class NoHostError(LockstepError):
    """Every host died and nobody is left to run the guest."""

    exit_code = 121


class InternalError(LockstepError):
    """Lockstep itself failed: a bug, or an environment that it can't work in."""

    exit_code = 125


class LogError(InternalError):
    """The log is of a foreign version, torn, corrupted, or an entry lies in the past."""


class GuestError(LockstepError):
    """The guest can't be run: not a guest, too large, or outside of memory."""

    exit_code = 126


class TraceError(GuestError):
    """A trace can't be used: none at all, of a foreign version, damaged, or of another guest."""


class WaitError(LockstepError):
    """What a script waited for didn't come: the time is over, or the run is."""

    exit_code = 124
