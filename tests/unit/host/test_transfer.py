from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from lockstep.errors import InternalError
from lockstep.host import messages as m
from lockstep.host.entries import entry_counts
from lockstep.host.host import Host
from lockstep.host.transfer import receive_state, send_state
from lockstep.log.entry import INPUT
from lockstep.machine.config import MachineConfig
from lockstep.machine.machine import Machine, Stop

GUEST = Path(__file__).resolve().parents[3] / "guests" / "paging.elf"


def host(boot: bool, memory_bytes: int = 64 << 20) -> Host:
    config = MachineConfig(guest=GUEST, guest_name="paging", memory_bytes=memory_bytes, clock="virtual")
    nobody = m.Wire(socket.socketpair()[0])
    return Host(nobody, Machine(config, boot=boot))


def test_what_arrives_is_the_same_machine_and_runs_on_the_same() -> None:
    original, copy = host(True), host(False)
    assert original.machine.run(limit=200_000) is Stop.REACHED
    original.collect_console()
    original.written(3)
    original.machine.control["entries"][INPUT], original.machine.control["entry_bytes"] = 2, 30
    reader, writer = os.pipe()
    sender = threading.Thread(target=send_state, args=(original, writer))
    sender.start()
    assert receive_state(copy, reader) > 1000
    sender.join()
    assert copy.machine.digest() == original.machine.digest()
    assert (copy.machine.icount, copy.machine.pc) == (original.machine.icount, original.machine.pc)
    kept, copied = original.member.outbox.retention, copy.member.outbox.retention
    assert copied.base == kept.base == 3
    assert copied.piece(3, kept.end) == kept.piece(3, kept.end)
    assert entry_counts(copy.machine) == {"input": 2}
    assert int(copy.machine.control["entry_bytes"]) == 30
    ends = [(one.machine.run(), one.machine.icount, one.machine.digest()) for one in (original, copy)]
    assert ends[0] == ends[1]
    assert ends[0][0] is Stop.FINISHED
    assert original.machine.drain_console() == copy.machine.drain_console() != b""


def sent_state() -> bytes:
    reader, writer = os.pipe()
    sender = threading.Thread(target=send_state, args=(host(True), writer))
    sender.start()
    with os.fdopen(reader, "rb") as stream:
        data = stream.read()
    sender.join()
    return data


def receive(data: bytes, into: Host) -> int | None:
    reader, writer = os.pipe()

    def write() -> None:
        with os.fdopen(writer, "wb") as stream:
            stream.write(data)

    sender = threading.Thread(target=write)
    sender.start()
    received = receive_state(into, reader)
    sender.join()
    return received


def test_a_stream_that_breaks_off_is_refused() -> None:
    data = sent_state()
    for size in (1, 5, len(data) // 2, len(data) - 1):
        with pytest.raises(InternalError, match="broke off"):
            receive(data[:size], host(False))


def test_a_state_that_never_begins_is_nothing_wrong() -> None:
    """The primary ended before it made the copy, say."""
    copy = host(False)
    before = copy.machine.digest()
    assert receive(b"", copy) is None
    assert copy.machine.digest() == before


def test_the_state_of_another_machine_is_refused() -> None:
    with pytest.raises(InternalError, match="another machine"):
        receive(sent_state(), host(False, 32 << 20))
