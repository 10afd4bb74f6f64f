from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep.host.frames import (
    CHALLENGE_BYTES,
    ChannelError,
    decode_ack,
    decode_data,
    encode_ack,
    encode_data,
    frame,
    prove,
    receive_frame,
)
from lockstep.log.entry import Entry

SECRET = b"s" * 32
words = st.integers(-(2**63), 2**63 - 1)
entries = st.builds(Entry, st.integers(1, 0x7FFF), words, st.just(0), words, st.binary(max_size=40))


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.settimeout(5)
    theirs.settimeout(5)
    with ours, theirs:
        yield ours, theirs


def received(data: bytes) -> bytes:
    ours, theirs = socket.socketpair()
    with theirs:
        with ours:
            ours.sendall(data)
        return receive_frame(theirs)


@given(words, st.lists(entries, max_size=6))
def test_entries_travel_unchanged(horizon: int, sent: list[Entry]) -> None:
    arrived, pieces = decode_data(received(frame(encode_data(horizon, sent))))
    assert arrived == horizon
    assert list(pieces) == [(entry.kind, entry.position, entry.pc, entry.payload) for entry in sent]


@given(words, words)
def test_acknowledgements_travel_unchanged(held: int, executed: int) -> None:
    assert decode_ack(received(frame(encode_ack(held, executed)))) == (held, executed)


def test_no_flipped_bit_passes() -> None:
    whole = frame(encode_data(77, [Entry(1, 2, 0, 3, b"payload")]))
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ChannelError):
            received(bytes(damaged))


def test_a_damaged_length_is_not_waited_for(ends: tuple[socket.socket, socket.socket]) -> None:
    whole = frame(encode_data(77, []))
    for bit in range(32):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        ours, theirs = ends
        ours.sendall(damaged)
        with pytest.raises(ChannelError, match="damaged length"):
            receive_frame(theirs)
        theirs.recv(len(whole))


def test_a_frame_that_breaks_off_is_refused() -> None:
    whole = frame(b"body")
    for size in range(len(whole)):
        with pytest.raises(ChannelError, match="gone"):
            received(whole[:size])


def shake(ends: tuple[socket.socket, socket.socket], *secrets: bytes) -> list[bool]:
    """Whether each side believed the other."""
    believed = [False, False]

    def side(number: int, own: bytes, other: bytes) -> None:
        with contextlib.suppress(ChannelError):
            prove(ends[number], secrets[number], own, other)
            believed[number] = True

    threads = [
        threading.Thread(target=side, args=(0, b"primary", b"secondary")),
        threading.Thread(target=side, args=(1, b"secondary", b"primary")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return believed


def test_who_knows_the_secret_is_believed(ends: tuple[socket.socket, socket.socket]) -> None:
    assert shake(ends, SECRET, SECRET) == [True, True]


def test_who_does_not_is_not(ends: tuple[socket.socket, socket.socket]) -> None:
    assert shake(ends, SECRET, b"t" * 32) == [False, False]


def test_a_handshake_that_was_overheard_is_of_no_use(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    heard = bytearray()
    relay, far = socket.socketpair()
    with relay, far:
        # One honest handshake; what the primary says in it is written down.
        answering = threading.Thread(target=prove, args=(far, SECRET, b"secondary", b"primary"))
        answering.start()
        proving = threading.Thread(target=prove, args=(ours, SECRET, b"primary", b"secondary"))
        proving.start()
        for size in (CHALLENGE_BYTES, 32):
            said = theirs.recv(size, socket.MSG_WAITALL)
            heard += said
            relay.sendall(said)
            theirs.sendall(relay.recv(size, socket.MSG_WAITALL))
        answering.join()
        proving.join()
    mine, victim = socket.socketpair()
    with mine, victim:
        mine.sendall(heard)
        with pytest.raises(ChannelError, match="secret"):
            prove(victim, SECRET, b"secondary", b"primary")


def test_a_mirror_is_not_believed() -> None:
    """Whoever sends everything back as it came proves nothing: the roles differ."""
    mine, victim = socket.socketpair()
    with mine, victim:
        mirror = threading.Thread(
            target=lambda: [mine.sendall(mine.recv(32, socket.MSG_WAITALL)) for _ in "ab"]
        )
        mirror.start()
        with pytest.raises(ChannelError, match="secret"):
            prove(victim, SECRET, b"secondary", b"primary")
        mirror.join()
