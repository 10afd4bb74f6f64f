"""Control messages between monitor, fork server and hosts, and how they travel.

A message is a msgpack map with a length in front of it, on a Unix stream socket; file descriptors go beside it.
"""

from __future__ import annotations

import array
import socket
import struct
from collections import deque

import msgspec

from lockstep.host.options import CheckIntervals


class Message(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Base of all messages; the class's name is its kind on the wire."""


# Monitor to fork server.
class Prepare(Message):
    """What machine the hosts are to run; read and planned once, so that all hosts start from the same bytes."""

    memory_bytes: int
    harts: int
    clock: str
    append: str
    guest_name: str
    paths: dict[str, str]
    contents: dict[str, bytes]
    typed: bytes
    checks: CheckIntervals = CheckIntervals()
    is_traced: bool = False
    disks: tuple[tuple[str, int, bool], ...] = ()
    """Of each: path, size in bytes, and whether it is read-only."""
    has_network: bool = False


class Spawn(Message):
    """Fork a host. Descriptors: its control socket, then those of its devices (`device_links`), if there are any."""

    host: int


# Fork server to monitor.
class Prepared(Message):
    """Ready to fork hosts."""


class Spawned(Message):
    """A host was forked."""

    host: int
    pid: int


class Failed(Message):
    """A host or the server can't go on; `text` is one line for the user."""

    text: str
    exit_code: int


# Monitor to host.
class Route(msgspec.Struct, frozen=True):
    """How the log gets to the secondary: a TCP port and the pair's secret, or a ring whose descriptor comes along."""

    generation: int
    secondary: int
    secret: bytes | None = None
    port: int = 0


class StartPrimary(Message):
    """Boot the machine and run it live, logging along `route`, or to nobody: the secondary is gone, on record."""

    route: Route | None
    rtc_epoch_ns: int | None


class StartSecondary(Message):
    """Follow the log: from reset, or from the state that comes in on a descriptor (behind the ring's, if any).

    `soft_errors` (as on the command line) are to happen where this machine passes while it is a secondary.
    """

    route: Route
    cloned: bool
    rtc_epoch_ns: int | None
    soft_errors: tuple[str, ...] = ()


class GoLive(Message):
    """The primary is gone and fenced; you won `generation`. The sink has `sink_bytes`."""

    generation: int
    sink_bytes: int


class GoAlone(Message):
    """Your secondary is gone, and that is on record: stop logging to it."""


class Clone(Message):
    """Make a new secondary, logging along `route`: descriptors are its ring, if any, and the stream for the state."""

    route: Route


class SinkProgress(Message):
    """The world has the first `written` bytes of console output."""

    written: int


class Input(Message):
    """Live console input; `offset` counts the bytes before it since the start."""

    offset: int
    data: bytes


class CrashAt(Message):
    """Die by SIGKILL at the first natural block start at or behind `icount`."""

    icount: int


class Finish(Message):
    """The run is over for `reason` (an outcome): stop, and say how you stand."""

    reason: str
    max_icount: int | None = None


class Record(Message):
    """From now on send the log entries that you take for the run's trace, from number `ordinal` on."""

    ordinal: int


class StopRecording(Message):
    """Send what you have for the trace, say that this was all, and keep what comes after it."""


class EntriesRecorded(Message):
    """The trace has all entries before number `ordinal`: they need not be kept for it."""

    ordinal: int


class Checkpoint(Message):
    """Write the machine's state to the file whose descriptor comes along, at the next quiet point."""


class Watch(Message):
    """Somebody watches the secondary, from now on or no more: while it is one, a host tells what it does."""

    on: bool


# Host to monitor.
SeenEntry = tuple[int, int, int, bytes]
"""Kind, icount, position and payload of a log entry."""


class Watched(Message):
    """What this secondary did since the last message, for onlookers; the rest was left out."""

    entries: list[SeenEntry]
    entries_lost: int
    console: bytes
    """What the guest wrote, after `console_offset` bytes before it."""
    console_offset: int
    console_lost: int


class Recorded(Message):
    """Log entries for the trace, from number `first_ordinal` of the run on, coded in `body`; taken before `at_s`."""

    first_ordinal: int
    count: int
    first_position: int
    last_position: int
    body: bytes
    at_s: float


class RecordingStopped(Message):
    """All that this host took of the log until it was told to stop recording was sent."""


class Place(msgspec.Struct, frozen=True):
    """Where in the run a machine stands."""

    ordinal: int
    """Of the next log entry."""
    position: int
    icount: int
    console_bytes: int
    at_s: float


class Checkpointed(Message):
    """The state that was asked for is written, as it was at `place`; or that failed."""

    place: Place
    is_whole: bool


class Ready(Message):
    """The machine is built and waits for its role to start."""


class Listening(Message):
    """The secondary waits for its primary on this TCP port."""

    port: int


class ChannelLost(Message):
    """The primary can't reach the host that follows it, or was to follow it, any more."""

    secondary: int
    text: str


class Started(Message):
    """The first instruction is about to run, at `at_s` (CLOCK_MONOTONIC)."""

    at_s: float


class Output(Message):
    """Console output of generation `generation`; `offset` counts the bytes before it since reset."""

    generation: int
    offset: int
    data: bytes


class InputTaken(Message):
    """The first `count` bytes of live input are in the log."""

    count: int


class Live(Message):
    """The survivor runs live since `at_s`, from `icount`; it has applied `input_count` bytes of input."""

    generation: int
    icount: int
    at_s: float
    input_count: int


class Cloned(Message):
    """The primary went on after standing still for `pause_ms`."""

    secondary: int
    icount: int
    pause_ms: float


class Received(Message):
    """A cloned host has the whole state, `transferred_bytes` on the wire."""

    transferred_bytes: int


class CaughtUp(Message):
    """A secondary follows the primary closely."""


class Injected(Message):
    """A soft error (as on the command line) is happening to this secondary."""

    soft_error: str


class Diverged(Message):
    """This secondary isn't the machine that its log is about, and goes no further than here."""

    icount: int
    pc: int
    what: str
    expected: str
    actual: str
    disassembly: list[str]
    """The code around `pc`."""
    checks: int


class Dying(Message):
    """The host kills itself now, at `at_s`, as it was told to."""

    at_s: float


class Beat(Message):
    """A sign of life, with where the host stands."""

    icount: int
    position: int
    behind_positions: int
    checks: int = 0
    """How often it compared itself with its primary."""
    log: dict[str, int] = {}
    """Log entries taken since the guest's start, by kind."""
    log_bytes: int = 0
    """Their payloads."""
    interval_ms: float | None = None
    """Of a primary: how long ago it was where its secondary is now, on average since the last beat."""


class Ended(Message):
    """The machine came to its end. `stop` names why, `digest` is the whole machine's."""

    stop: str
    exited: bool
    exit_code: int
    icount: int
    digest: str
    console_bytes: int
    at_s: float
    log: dict[str, int]
    log_bytes: int
    position: int = 0
    pc: int = 0
    checks: int = 0
    check: bytes = b""
    """A check of everything (`lockstep.machine.checks`)."""


AnyMessage = (
    Prepare
    | Spawn
    | Prepared
    | Spawned
    | Failed
    | StartPrimary
    | StartSecondary
    | GoLive
    | GoAlone
    | Clone
    | SinkProgress
    | Input
    | CrashAt
    | Finish
    | Record
    | StopRecording
    | EntriesRecorded
    | Checkpoint
    | Watch
    | Watched
    | Recorded
    | RecordingStopped
    | Checkpointed
    | Ready
    | Listening
    | ChannelLost
    | Started
    | Output
    | InputTaken
    | Live
    | Cloned
    | Received
    | CaughtUp
    | Injected
    | Diverged
    | Dying
    | Beat
    | Ended
)

_LENGTH = struct.Struct("<I")
_FDS_MAX = 8
_FD_SIZE = array.array("i").itemsize
_RECEIVE_BYTES = 1 << 18
_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[AnyMessage] = msgspec.msgpack.Decoder(AnyMessage)


class Wire:
    """One end of a control connection. Sending blocks, receiving does not."""

    def __init__(self, connection: socket.socket) -> None:
        """Own `connection`."""
        self.connection = connection
        self._buffer = bytearray()
        self.descriptors: deque[int] = deque()
        """Descriptors that arrived and nobody took yet, in order."""

    def fileno(self) -> int:
        """For `select`."""
        return self.connection.fileno()

    def send(self, message: Message, descriptors: tuple[int, ...] = ()) -> None:
        """Send a message whole; raises OSError when the peer is gone."""
        body = _encoder.encode(message)
        data = _LENGTH.pack(len(body)) + body
        if descriptors:
            rights = array.array("i", descriptors)
            sent = self.connection.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
            data = data[sent:]
        if data:
            self.connection.sendall(data)

    def receive(self) -> list[AnyMessage] | None:
        """The messages that have arrived whole, maybe none; None once the peer is gone and all was received."""
        try:
            # Not `socket.recv_fds`: it leaves the flags out, and would wait.
            data, ancillary, _, _ = self.connection.recvmsg(
                _RECEIVE_BYTES, socket.CMSG_SPACE(_FDS_MAX * _FD_SIZE), socket.MSG_DONTWAIT
            )
        except (BlockingIOError, InterruptedError):
            return []
        except ConnectionError:
            data, ancillary = b"", []
        for level, kind, rights in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                self.descriptors.extend(array.array("i", rights[: len(rights) // _FD_SIZE * _FD_SIZE]))
        if not data:
            return None
        self._buffer += data
        return self._split()

    def _split(self) -> list[AnyMessage]:
        messages, at = [], 0
        while len(self._buffer) - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer, at)
            end = at + _LENGTH.size + length
            if len(self._buffer) < end:
                break
            messages.append(_decoder.decode(bytes(self._buffer[at + _LENGTH.size : end])))
            at = end
        del self._buffer[:at]
        return messages

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()
