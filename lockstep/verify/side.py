"""A side: a process with a subject, told what to do over a pipe. Its checkpoints are forks of it.

`push` forks: the parent freezes, the child goes on in its place, on the same pipe. `rollback` ends the child, and the
parent wakes where it was; so it does, saying so, when the child dies. `drop` ends a frozen parent that isn't needed.

    coordinator ──pipe──▶ frozen ─fork─▶ frozen ─fork─▶ active
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Iterable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from lockstep.errors import InternalError, LockstepError

ANSWER_LIMIT_S = 120.0
"""A side that takes longer hangs in native code: its machine has broken down."""
END_LIMIT_S = 5.0
"""Nor does a side that is to end go on for longer: a stretch of its guest may take that on a busy computer."""
_ROLLED_BACK, _DROPPED = b"r", b"d"
_OK, _FAILED, _DIED = "ok", "failed", "died"


class SideDied(Exception):
    """The process died, or was killed because it hung; it is back at its last checkpoint."""


class Side:
    """The coordinator's end."""

    def __init__(self, name: str, subject: Any, *, close: Iterable[Side] = ()) -> None:
        """Fork a process that serves `subject`, whose methods can be called. `close`: sides forked before."""
        self.name = name
        self._connection, other_end = Pipe()
        self._active = self._first = os.fork()
        if self._first == 0:
            self._connection.close()
            for side in close:
                side._connection.close()
            _serve(other_end, subject)
        other_end.close()

    def begin(self, method: str, *arguments: Any, **named: Any) -> None:
        """Have `method` of the subject called."""
        try:
            self._connection.send((method, arguments, named))
        except OSError as error:
            raise InternalError(f"the process of the {self.name} machine is gone") from error

    def result(self, limit_s: float = ANSWER_LIMIT_S) -> Any:
        """What it returned. SideDied if the process died of it, InternalError if it raised an error."""
        try:
            if not self._connection.poll(limit_s):
                os.kill(self._active, signal.SIGKILL)
            outcome, value = self._connection.recv()
        except (EOFError, OSError) as error:
            raise InternalError(f"the process of the {self.name} machine is gone") from error
        if outcome == _DIED:
            raise SideDied(str(value))
        if outcome == _FAILED:
            raise InternalError(f"the {self.name} machine: {value}")
        return value

    def call(self, method: str, *arguments: Any, **named: Any) -> Any:
        """`begin`, and wait for the `result`."""
        self.begin(method, *arguments, **named)
        return self.result()

    def push(self, checkpoint: int) -> None:
        """Keep the state as it is under the number `checkpoint`."""
        self._active = self.call("push", checkpoint)

    def rollback(self) -> None:
        """Back to the last checkpoint, which is used up by that."""
        self._active = self.call("rollback")

    def drop(self, checkpoint: int) -> None:
        """Forget a checkpoint, wherever it is among the others."""
        self.call("drop", checkpoint)

    def end(self) -> None:
        """End the process and its checkpoints."""
        self._connection.close()
        with contextlib.suppress(ChildProcessError, ProcessLookupError):
            ended = os.pidfd_open(self._first)
            try:
                waiting = select.poll()
                waiting.register(ended, select.POLLIN)
                if not waiting.poll(END_LIMIT_S * 1000):
                    os.kill(self._active, signal.SIGKILL)  # its checkpoints hear of that, and end
            finally:
                os.close(ended)
            os.waitpid(self._first, 0)


def _serve(connection: Connection[Any, Any], subject: Any) -> NoReturn:
    """The life of the process, and of all its forks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    frozen: dict[int, int] = {}
    try:
        while True:
            method, arguments, named = connection.recv()
            if method == "push":
                _push(connection, frozen, arguments[0])
            elif method == "rollback":
                _wake_last(frozen)
            elif method == "drop":
                _tell(frozen.pop(arguments[0]), _DROPPED)
                connection.send((_OK, None))
            else:
                connection.send(_answer(subject, method, arguments, named))
    except (EOFError, OSError):
        os._exit(0)  # the coordinator has gone
    except BaseException:
        os._exit(1)


def _answer(subject: Any, method: str, arguments: Any, named: Any) -> tuple[str, Any]:
    try:
        return _OK, getattr(subject, method)(*arguments, **named)
    except LockstepError as error:
        return _FAILED, str(error)
    except Exception as error:
        return _FAILED, f"{type(error).__name__}: {error}"


def _push(connection: Connection[Any, Any], frozen: dict[int, int], checkpoint: int) -> None:
    """Returns in the child at once, and in the parent when the child has ended."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        frozen[checkpoint] = writer
        connection.send((_OK, os.getpid()))
        return
    os.close(writer)
    told = os.read(reader, 1)  # nothing: whoever went on in this one's place is dead
    os.close(reader)
    if told == _DROPPED:
        os._exit(0)
    if told == _ROLLED_BACK:
        connection.send((_OK, os.getpid()))
        return
    connection.send((_DIED, _how_it_ended(child)))  # fails where the coordinator has gone as well


def _wake_last(frozen: dict[int, int]) -> NoReturn:
    """End this process; its last checkpoint that is still there goes on. Some may have been dropped by others."""
    for writer in reversed(frozen.values()):
        if _tell(writer, _ROLLED_BACK):
            break
    os._exit(0)


def _tell(writer: int, what: bytes) -> bool:
    try:
        return os.write(writer, what) == len(what)
    except OSError:
        return False
    finally:
        os.close(writer)


def _how_it_ended(child: int) -> str:
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return f"was ended by signal {-status}" if status < 0 else "ended"
