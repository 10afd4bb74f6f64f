"""The two ends of the ring that the benchmark `log` drives, in native code."""

from __future__ import annotations

from typing import Any

from lockstep.log.entry import INPUT, entry_length, entry_payload
from lockstep.log.ring import ring_append, ring_peek, ring_pop
from lockstep.log.words import load_word, store_word
from lockstep.native import inline, int64, intrinsic, ir, nopython

_FOLD_MASK = 0x7FFF_FFFF_FFFF


@intrinsic
def read_cycles(typing_context: Any) -> Any:
    """The processor's counter of cycles, which counts at one speed on all cores of today's processors."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        counter = ir.FunctionType(ir.IntType(64), ())
        return builder.call(builder.module.declare_intrinsic("llvm.readcyclecounter", (), counter), ())

    return int64(), emit


@inline
def fold_entry(fold: int, entry: int) -> int:
    """Both ends of the entry's payload, folded into `fold`: what was read was there."""
    length = entry_length(entry)
    if length < 8:
        return fold
    words = entry_payload(entry)
    return (fold * 31 + load_word(words) + load_word(words + length - 8)) & _FOLD_MASK


@nopython
def produce(base: int, first: int, count: int, payload: int, payload_size: int, patience: int) -> int:
    """Append entries number `first` and on, `count` of them at most, each with its number as first word of payload.

    Returns how many; fewer if the ring stayed full for `patience` looks (-1: for ever), or a negative code.
    """
    number = first
    waited = 0
    while number < first + count:
        if payload_size >= 8:
            store_word(payload, number)
        result = ring_append(base, INPUT, number, 0, payload, payload_size)
        if result >= 0:
            number += 1
            waited = 0
        elif result != -1:
            return result
        elif waited == patience:
            break
        else:
            waited += 1
    return number - first


@nopython
def consume(base: int, count: int, patience: int, state: Any) -> int:
    """Consume `count` entries at most and fold them into state[0]. Returns how many, as `produce` does."""
    number = 0
    waited = 0
    fold = state[0]
    while number < count:
        entry = ring_peek(base)
        if entry > 0:
            fold = fold_entry(fold, entry)
            ring_pop(base)
            number += 1
            waited = 0
        elif entry < 0:
            return entry
        elif waited == patience:
            break
        else:
            waited += 1
    state[0] = fold
    return number


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
def ping(there: int, back: int, first: int, cycles: Any, payload: int, payload_size: int) -> int:
    """A round trip for each element of `cycles`, which is set to what it took; entries are numbered from `first`."""
    for index in range(len(cycles)):
        started = read_cycles()
        ring_append(there, INPUT, first + index, 0, payload, payload_size)
        entry = ring_peek(back)
        while entry == 0:
            entry = ring_peek(back)
        cycles[index] = read_cycles() - started
        if entry < 0:
            return entry
        ring_pop(back)
    return 0


@nopython
def cycles_now() -> int:
    """For Python."""
    now: int = read_cycles()
    return now
