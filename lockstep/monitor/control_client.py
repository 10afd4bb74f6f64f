"""Running pairs as a command finds and addresses them."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator

import msgspec

from lockstep.errors import InternalError, UsageError
from lockstep.monitor import control_messages as c
from lockstep.monitor.control_directory import connect, control_directory, names, open_directory, remove_stale
from lockstep.monitor.status import Status

ANSWER_LIMIT_S = 3.0
_READ_BYTES = 1 << 16


class PairGoneError(UsageError):
    """The pair has ended."""


class Connection:
    """A connection to one pair."""

    def __init__(self, name: str, connection: socket.socket) -> None:
        """Own `connection`, to the pair `name`."""
        self.name = name
        self._connection = connection
        self._received = bytearray()

    def __enter__(self) -> Connection:
        """Close at the end of a `with`."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Close it."""
        self._connection.close()

    def ask(self, request: c.Request) -> c.Answer:
        """The pair's answer. `PairGoneError` if it has ended, InternalError if it doesn't answer."""
        self._connection.settimeout(ANSWER_LIMIT_S)
        try:
            self._connection.sendall(c.encode(request) + b"\n")
            answer = self._next()
        except TimeoutError:
            raise InternalError(f"the pair {self.name} doesn't answer: is its monitor stopped?") from None
        except OSError:
            answer = None
        if answer is None:
            raise PairGoneError(f"the pair {self.name} has ended")
        return answer

    def done(self, request: c.Request) -> c.Done:
        """The same, for something to be done. UsageError with what the pair has against it."""
        answer = self.ask(request)
        if isinstance(answer, c.Done):
            return answer
        raise UsageError(
            answer.text if isinstance(answer, c.Refused) else f"{self.name} answered something else"
        )

    def status(self) -> Status:
        """How the pair stands."""
        answer = self.ask(c.Ask())
        if not isinstance(answer, c.Standing):
            raise InternalError(f"the pair {self.name} is of another version of lockstep")
        return answer.status

    def answers(self) -> Iterator[c.Answer]:
        """What the pair says from now on, until it ends."""
        self._connection.settimeout(None)
        with contextlib.suppress(ConnectionError):
            while (answer := self._next()) is not None:
                yield answer

    def _next(self) -> c.Answer | None:
        while (end := self._received.find(b"\n")) < 0:
            data = self._connection.recv(_READ_BYTES)
            if not data:
                return None
            self._received += data
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        try:
            return c.decode_answer(line)
        except msgspec.DecodeError:
            raise InternalError(f"the pair {self.name} is of another version of lockstep") from None


def all_connections() -> list[Connection]:
    """Connections to all pairs of this user, by name. What dead monitors left behind is removed."""
    directory = open_directory(control_directory(), make=False)
    if directory is None:
        return []
    try:
        remove_stale(directory)
        found = []
        for name in names(directory):
            connection = connect(directory, name)
            if connection is not None:
                found.append(Connection(name, connection))
        return found
    finally:
        os.close(directory)


def all_statuses() -> tuple[list[Status], list[str]]:
    """How all pairs stand, by name; and the names of those that don't answer."""
    statuses, silent = [], []
    for connection in all_connections():
        with connection:
            try:
                statuses.append(connection.status())
            except PairGoneError:
                pass
            except InternalError:
                silent.append(connection.name)
    return statuses, silent


def connect_to(wanted: str | None) -> Connection:
    """A connection to the pair that is called `wanted`: by its name, the beginning of one, or its monitor's pid.

    None: the only one that there is. UsageError if that isn't one pair.
    """
    connections = all_connections()
    chosen: Connection | None = None
    try:
        chosen = _choose(connections, wanted)
        return chosen
    finally:
        for connection in connections:
            if connection is not chosen:
                connection.close()


def _choose(connections: list[Connection], wanted: str | None) -> Connection:
    running = ", ".join(connection.name for connection in connections)
    if not connections:
        raise UsageError("no pair is running: start one with lockstep run GUEST")
    if wanted is None:
        if len(connections) > 1:
            raise UsageError(f"several pairs are running, say which: {running}")
        return connections[0]
    named = [one for one in connections if one.name == wanted]
    if not named and wanted.isdecimal():
        named = [one for one in connections if one.status().monitor_pid == int(wanted)]
    found = named or [one for one in connections if wanted and one.name.startswith(wanted)]
    if not found:
        raise UsageError(f"no pair is called {wanted[:60]!r}: there are {running}")
    if len(found) > 1:
        raise UsageError(f"{wanted!r} may be any of {', '.join(one.name for one in found)}: say which")
    return found[0]
