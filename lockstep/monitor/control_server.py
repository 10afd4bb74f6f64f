"""Serves a pair's control socket in a thread of its own: no client can hold the monitor up.

A client that asks nonsense, or takes no answers, is dropped. Only processes of the same user are served.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import msgspec

from lockstep.errors import InternalError
from lockstep.ft.status import Protection
from lockstep.monitor import control_messages as c
from lockstep.monitor.control_directory import SUFFIX, claim, control_directory, open_directory
from lockstep.monitor.feed import Feed, News, answers
from lockstep.monitor.status import Happening, Status, StatusSource

CLIENTS_MAX = 32
UNSENT_BYTES_MAX = 1 << 20
WATCHED_BYTES_MAX = 1 << 19
"""A watcher that has so much to read misses what comes."""
_CREDENTIALS = struct.Struct("3i")
_READ_BYTES = 4096


class Client:
    """One connection."""

    def __init__(self, connection: socket.socket, pid: int) -> None:
        """From process `pid`."""
        self.connection, self.pid = connection, pid
        self.received = bytearray()
        self.unsent = bytearray()
        self.watches: c.Watch | None = None
        self.missed = 0
        """How much of what it watches it was too slow for."""

    def fileno(self) -> int:
        """For `select`."""
        return self.connection.fileno()

    def admit_gap(self) -> None:
        """Tell it what it missed, if anything."""
        if self.missed:
            self.unsent += c.encode(c.Gap(events=self.missed)) + b"\n"
            self.missed = 0


class ControlServer:
    """Answers commands about one pair."""

    def __init__(self, source: StatusSource, listener: socket.socket) -> None:
        """Serve on `listener`, from `start` to `close`."""
        self._source, self._listener = source, listener
        self._selector = selectors.PollSelector()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._is_closing = False
        self._clients: list[Client] = []
        self._feed = Feed(self._poke)
        self._is_fed = False
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._serve, name="control", daemon=True)
        source.listen(self._happened)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def close(self) -> None:
        """Stop serving and let go of everything."""
        self._is_closing = True
        self._poke()
        self._thread.join()
        self._source.unwatch(self._feed.watched)
        self._say_farewell()
        for client in self._clients:
            client.connection.close()
        self._selector.close()
        self._listener.close()
        os.close(self._wake)

    def _poke(self) -> None:
        os.eventfd_write(self._wake, 1)

    def _happened(self, happening: Happening) -> None:
        """In the monitor's thread."""
        if self._is_fed and not self._is_closing:
            self._feed.happened(happening)

    def _say_farewell(self) -> None:
        """What clients have not read yet goes to them, as far as they take it at once."""
        self._spread()
        for client in self._clients:
            with contextlib.suppress(OSError):
                client.connection.send(client.unsent)

    # The thread.

    def _serve(self) -> None:
        while not self._is_closing:
            for key, events in self._selector.select():
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj == self._wake:
                    with contextlib.suppress(BlockingIOError):
                        os.eventfd_read(self._wake)
                    self._spread()
                else:
                    self._attend(key.data, events)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return  # it has gone again, or there is no descriptor left for it
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        pid, uid, _ = _CREDENTIALS.unpack(raw)
        if uid not in (os.geteuid(), 0) or len(self._clients) >= CLIENTS_MAX:
            connection.close()
            return
        connection.setblocking(False)
        client = Client(connection, pid)
        self._clients.append(client)
        self._selector.register(client, selectors.EVENT_READ, client)

    def _drop(self, client: Client) -> None:
        if client in self._clients:
            self._clients.remove(client)
            self._feed_if_wanted()
            self._selector.unregister(client)
            client.connection.close()

    def _attend(self, client: Client, events: int) -> None:
        try:
            if events & selectors.EVENT_READ:
                data = client.connection.recv(_READ_BYTES)
                if not data:
                    self._drop(client)
                    return
                client.received += data
                self._answer_all(client)
            if client in self._clients:
                self._flush(client)
        except BlockingIOError:
            pass
        except (OSError, msgspec.DecodeError):
            self._drop(client)

    def _answer_all(self, client: Client) -> None:
        while (end := client.received.find(b"\n")) >= 0:
            line = bytes(client.received[:end])
            del client.received[: end + 1]
            self._send(client, self._answer(client, c.decode_request(line)))
        if len(client.received) > c.LINE_BYTES_MAX:
            raise msgspec.DecodeError("the line is too long")

    def _send(self, client: Client, answer: c.Message) -> None:
        client.unsent += c.encode(answer) + b"\n"
        if len(client.unsent) > UNSENT_BYTES_MAX:
            raise OSError("it doesn't read its answers")

    def _flush(self, client: Client) -> None:
        if client.unsent:
            with contextlib.suppress(BlockingIOError):
                del client.unsent[: client.connection.send(client.unsent)]
            if len(client.unsent) < WATCHED_BYTES_MAX // 2:
                client.admit_gap()
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.unsent else 0)
        if self._selector.get_key(client).events != wanted:
            self._selector.modify(client, wanted, client)

    # Watchers.

    def _feed_if_wanted(self) -> None:
        is_wanted = any(client.watches is not None for client in self._clients)
        if is_wanted is not self._is_fed:
            self._is_fed = is_wanted
            (self._source.watch if is_wanted else self._source.unwatch)(self._feed.watched)

    def _spread(self) -> None:
        watchers = [client for client in self._clients if client.watches is not None]
        for news in self._feed.take():
            for client in watchers:
                self._tell(client, news)
        for client in watchers:
            if client in self._clients:
                try:
                    self._flush(client)
                except OSError:
                    self._drop(client)

    @staticmethod
    def _tell(client: Client, news: News | int) -> None:
        assert client.watches is not None
        for answer in answers(news, client.watches):
            if len(client.unsent) > WATCHED_BYTES_MAX:
                client.missed += answer.events if isinstance(answer, c.Gap) else 1
                continue
            client.admit_gap()
            client.unsent += c.encode(answer) + b"\n"

    # What is asked.

    def _answer(self, client: Client, request: c.Request) -> c.Message:
        remote, status = self._source.remote, self._source.status()
        match request:
            case c.Ask():
                return c.Standing(status=status)
            case c.Crash():
                answer = crash_answer(status, request)
                if isinstance(answer, c.Done):
                    remote.crash(request.who, by=f"lockstep crash (pid {client.pid})")
                return answer
            case c.Protect():
                remote.protect(by=f"lockstep protect (pid {client.pid})")
                return c.Done(text=status.protection)
            case c.Stop():
                remote.stop(by=f"lockstep stop (pid {client.pid})")
                return c.Done(text=f"the pair {status.name} is to end")
            case c.Watch():
                client.watches = request
                self._feed_if_wanted()
                return c.Standing(status=status)
        raise msgspec.DecodeError("not a request")


def crash_answer(status: Status, request: c.Crash) -> c.Done | c.Refused:
    """Whether a host may be killed now."""
    name = status.name
    if request.who not in ("primary", "secondary"):
        return c.Refused(text=f"{request.who[:40]!r} is no host: give primary or secondary")
    victim = next((host for host in status.hosts if host.role == request.who), None)
    if victim is None:
        return c.Refused(text=f"{name} has no {request.who} just now: it is {status.protection}")
    is_safe = status.protection == Protection.PROTECTED.value and not status.reason and status.uptime_s > 0
    if not is_safe and not request.unprotected:
        why = status.reason or status.protection
        return c.Refused(
            text=f"{name} might be left without a host ({why}): "
            f"lockstep protect {name} waits for another one, --unprotected kills it in any case"
        )
    return c.Done(
        text=f"host {victim.number} (pid {victim.pid}), the {request.who}, is killed", host=victim.number
    )


@contextlib.contextmanager
def controlled(source: StatusSource, say: Callable[[str], None]) -> Iterator[None]:
    """Within, `source` has a name of its own and can be reached by commands. If that can't be: said in one line."""
    try:
        directory = open_directory(control_directory(), make=True)
        assert directory is not None
    except InternalError as error:
        say(f"lockstep ps and watch will not find this run: {error}")
        yield
        return
    try:
        source.name, listener = claim(directory, source.name)
    except OSError as error:
        os.close(directory)
        say(f"lockstep ps and watch will not find this run: no control socket ({error.strerror})")
        yield
        return
    server: ControlServer | None = None
    try:
        server = ControlServer(source, listener)
        server.start()
        yield
    finally:
        with contextlib.suppress(OSError):
            os.unlink(source.name + SUFFIX, dir_fd=directory)
        if server is not None:
            server.close()
        os.close(directory)
