"""Entries drawn for tests of traces, and small traces made of them."""

from __future__ import annotations

import io
from collections.abc import Sequence

from hypothesis import strategies as st

from lockstep.log.entry import CLOCK, Entry
from lockstep.log.trace.coding import EntryBatch, encode_columns
from lockstep.log.trace.columns import columns_of
from lockstep.log.trace.description import Description, End, GuestFile
from lockstep.log.trace.writer import TraceWriter

INT64 = st.integers(-(2**63), 2**63 - 1)
KINDS = st.one_of(st.integers(1, 8), st.integers(1, 0x7FFF))
PAYLOADS = st.one_of(
    st.binary(max_size=40), st.binary(min_size=8, max_size=8), st.binary(min_size=24, max_size=24)
)

DESCRIPTION = Description(
    lockstep_version="1.2.3",
    memory_bytes=128 << 20,
    harts=2,
    clock="host",
    append=b"run=/bin/true",
    typed=b"",
    rtc_epoch_ns=10**18,
    guest_name="hello",
    guest_sha256="00" * 32,
    files=(GuestFile(role="guest", path=b"/nowhere/hello", size_bytes=5, sha256="11" * 32),),
)
RESULT = End(
    outcome="poweroff",
    exit_code=0,
    icount=1000,
    position=10**15,
    digest="ab" * 16,
    console_bytes=5,
    console_xxh3_128="cd" * 16,
    wall_s=1.5,
)


@st.composite
def entries(draw: st.DrawFn, max_size: int = 30) -> list[Entry]:
    """Entries as a ring could have had them."""
    stamps = sorted(draw(st.lists(st.integers(0, 2**63 - 1), max_size=max_size)))
    return [
        Entry(draw(KINDS), position, sequence, draw(INT64), draw(PAYLOADS))
        for sequence, position in enumerate(stamps)
    ]


def some_entries(count: int) -> list[Entry]:
    """The same entries each time: inputs, and clocks that run."""
    return [
        Entry(
            CLOCK, 1000 + 70 * number, number, 0x8000_0000 + number % 7, (number * 999).to_bytes(8, "little")
        )
        if number % 3
        else Entry(1, 1000 + 70 * number, number, -0x7FFF_0000, b"k" * (number % 5))
        for number in range(count)
    ]


def batch_of(listed: Sequence[Entry]) -> EntryBatch:
    """As a ring would have given them."""
    return EntryBatch(
        first_sequence=listed[0].sequence,
        count=len(listed),
        first_position=listed[0].position,
        last_position=listed[-1].position,
        body=encode_columns(columns_of(listed)),
    )


def trace_bytes(listed: Sequence[Entry], *, per_frame: int = 7, ended: bool = True) -> bytes:
    """A trace of these entries, with two checkpoints and a guest of five bytes."""
    file = io.BytesIO()
    writer = TraceWriter(file, DESCRIPTION)
    writer.content("guest", b"guest")
    for number, batch in enumerate(listed[at : at + per_frame] for at in range(0, len(listed), per_frame)):
        writer.entries(writer.next_ordinal, batch_of(batch), wall_ns=number * 1000)
        if number in (0, 2):
            position = batch[-1].position
            writer.checkpoint(
                writer.next_ordinal, position, position // 2, number, number * 1000, b"state" * number
            )
    if ended:
        writer.end(RESULT)
        writer.close()
    return file.getvalue()
