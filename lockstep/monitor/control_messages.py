"""What commands and a running pair say to each other: one JSON object a line, over the pair's control socket."""

from __future__ import annotations

import msgspec

from lockstep.monitor.status import Happening, Status


class Message(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Base of all; the class's name is the value of `type`."""


# From a command.
class Ask(Message):
    """How does the pair stand?"""


class Crash(Message):
    """Kill the `primary` or the `secondary`."""

    who: str
    unprotected: bool = False
    """Even if nobody else has the guest."""


class Protect(Message):
    """Make a new secondary now."""


class Stop(Message):
    """End the run."""


class Watch(Message):
    """From now on, tell what the secondary does and what happens to the pair."""

    console: bool = True
    events: bool = True
    kinds: tuple[str, ...] | None = None
    """Of events; None: all."""


Request = Ask | Crash | Protect | Stop | Watch


# From the pair.
class Standing(Message):
    """How it stands."""

    status: Status


class Done(Message):
    """As wished; `text` says what is being done."""

    text: str
    host: int | None = None
    """The number of the host concerned."""


class Refused(Message):
    """No; `text` says why, and what to do."""

    text: str


class Event(Message):
    """The secondary took an entry of its log (`payload` in base64)."""

    host: int
    icount: int
    position: int
    kind: str
    payload: bytes


class ConsoleText(Message):
    """The secondary computed this output, from byte `offset` of the guest's console on (base64)."""

    host: int
    offset: int
    data: bytes


class Happened(Message):
    """Something happened to the pair."""

    happening: Happening


class Gap(Message):
    """So much was left out here: this watcher, or the pair, was busy."""

    events: int
    console_bytes: int = 0


Answer = Standing | Done | Refused | Event | ConsoleText | Happened | Gap

LINE_BYTES_MAX = 4096
"""The longest request."""
encode = msgspec.json.Encoder().encode
_answers: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)
_requests: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
decode_answer, decode_request = _answers.decode, _requests.decode
