"""The two ends of the ring that the benchmark `log` drives, in native code."""

from __future__ import annotations

from lockstep.log.entry import INPUT, entry_length, entry_payload
from lockstep.log.ring import ring_append, ring_peek, ring_pop
from lockstep.log.words import load_word, store_word
from lockstep.native import nopython


@nopython
def produce(base: int, count: int, payload: int, payload_size: int) -> int:
    """Append `count` entries, waiting for room; the first payload word is the number of the entry."""
    number = 0
    while number < count:
        if payload_size >= 8:
            store_word(payload, number)
        result = ring_append(base, INPUT, number, 0, payload, payload_size)
        if result >= 0:
            number += 1
        elif result != -1:
            return result
    return 0


@nopython
def consume(base: int, count: int) -> int:
    """Consume `count` entries; a fold of their first and last payload words, or a negative code."""
    number = 0
    fold = 0
    while number < count:
        entry = ring_peek(base)
        if entry > 0:
            length = entry_length(entry)
            if length >= 8:
                payload = entry_payload(entry)
                fold = (fold * 31 + load_word(payload) + load_word(payload + length - 8)) & 0x7FFF_FFFF_FFFF
            ring_pop(base)
            number += 1
        elif entry < 0:
            return entry
    return fold


@nopython
def alternate(base: int, count: int, batch: int, payload: int, payload_size: int) -> int:
    """Append and consume in turns of `batch` entries, in one process."""
    fold = 0
    for first in range(0, count, batch):
        for number in range(first, first + batch):
            if payload_size >= 8:
                store_word(payload, number)
            ring_append(base, INPUT, number, 0, payload, payload_size)
        for _ in range(batch):
            entry = ring_peek(base)
            if entry <= 0:
                return -1
            if payload_size >= 8:
                words = entry_payload(entry)
                fold = (fold * 31 + load_word(words) + load_word(words + payload_size - 8)) & 0x7FFF_FFFF_FFFF
            ring_pop(base)
    return fold


@nopython
def echo(there: int, back: int, count: int) -> int:
    """Answer `count` entries of one ring in the other."""
    number = 0
    while number < count:
        entry = ring_peek(there)
        if entry > 0:
            ring_append(back, INPUT, number, 0, entry_payload(entry), entry_length(entry))
            ring_pop(there)
            number += 1
        elif entry < 0:
            return entry
    return 0


@nopython
def ping(there: int, back: int, number: int, payload: int, payload_size: int) -> int:
    """One entry there and its answer back."""
    ring_append(there, INPUT, number, 0, payload, payload_size)
    entry = ring_peek(back)
    while entry == 0:
        entry = ring_peek(back)
    ring_pop(back)
    return entry


@nopython
def ping_many(there: int, back: int, first: int, count: int, payload: int, payload_size: int) -> None:
    """`count` round trips."""
    for number in range(first, first + count):
        ping(there, back, number, payload, payload_size)
