from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from lockstep.host import messages as m


@pytest.fixture
def ends() -> Iterator[tuple[m.Wire, m.Wire]]:
    ours, theirs = (m.Wire(end) for end in socket.socketpair())
    yield ours, theirs
    ours.close()
    theirs.close()


def test_nothing_has_come_is_known_at_once(ends: tuple[m.Wire, m.Wire]) -> None:
    """A monitor looks at a host that has fallen silent: that must not make it wait for that host."""
    assert ends[0].receive() == []


def test_messages_come_whole_and_in_order(ends: tuple[m.Wire, m.Wire]) -> None:
    sent = [
        m.Spawn(host=1),
        m.Output(generation=1, offset=0, data=b"x" * 1000),
        m.Live(generation=2, icount=3, at_s=0.5, input_count=4),
    ]
    for message in sent:
        ends[0].send(message)
    assert ends[1].receive() == sent


def test_part_of_a_message_waits_for_the_rest(ends: tuple[m.Wire, m.Wire]) -> None:
    sender, receiver = ends
    whole = bytearray()
    other, tap = socket.socketpair()
    with other, tap:
        m.Wire(other).send(m.InputTaken(count=7))
        whole += tap.recv(100)
    for byte in whole[:-1]:
        sender.connection.send(bytes([byte]))
        assert receiver.receive() == []
    sender.connection.send(whole[-1:])
    assert receiver.receive() == [m.InputTaken(count=7)]


def test_descriptors_come_along_in_order(ends: tuple[m.Wire, m.Wire]) -> None:
    pipes = [os.pipe() for _ in range(3)]
    ends[0].send(m.Spawn(host=1), (pipes[0][1],))
    ends[0].send(m.Spawn(host=2), (pipes[1][1], pipes[2][1]))
    received = []
    while len(received) < 2:
        received += ends[1].receive() or []
    for number, (reader, writer) in enumerate(pipes):
        os.write(ends[1].descriptors[number], b"%d" % number)
        assert os.read(reader, 10) == b"%d" % number
        os.close(reader)
        os.close(writer)
        os.close(ends[1].descriptors[number])


def test_the_end_of_the_peer_is_told_after_its_last_words(ends: tuple[m.Wire, m.Wire]) -> None:
    ends[0].send(m.Dying(at_s=1.0))
    ends[0].close()
    assert ends[1].receive() == [m.Dying(at_s=1.0)]
    assert ends[1].receive() is None


def test_sending_to_nobody_is_an_error(ends: tuple[m.Wire, m.Wire]) -> None:
    ends[1].close()
    with pytest.raises(OSError):
        ends[0].send(m.Prepared())


@pytest.mark.parametrize("kind", m.Message.__subclasses__())
def test_every_message_can_be_received(kind: type[m.Message]) -> None:
    assert kind in m.AnyMessage.__args__
