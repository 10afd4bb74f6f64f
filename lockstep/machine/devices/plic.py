"""The platform-level interrupt controller (RISC-V PLIC specification 1.0; SiFive's, as on QEMU's `virt`).

    0x000000 + 4 * source                  priority, 0 (never) to 7; that of source 0 is fixed at 0
    0x001000 + 4 * word                    pending, 32 sources a word; read-only
    0x002000 + 0x80 * context + 4 * word   enable
    0x200000 + 0x1000 * context            threshold, 0 to 7
    0x200004 + 0x1000 * context            claim by reading, complete by writing

Contexts 2h and 2h + 1 are machine and supervisor mode of hart h. Registers are 32 bits wide and aligned; an
access of 8 bytes is two of 4, the lower first; others read 0 and are ignored.

Lines are levels. A source is pending while its line is high and it isn't in service (claimed, not completed).
As in QEMU, a line that falls before the claim takes the request back, and any context completes a source (the
specification ignores completion where the source isn't enabled). A line still high on completion makes the
source pending again, as the specification has it (QEMU: only once the device updates its line).
"""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import Protocol

import numpy as np

from lockstep.machine.memory_map import HARTS_MAX, PLIC_SOURCES
from lockstep.native import nopython

PRIORITY, PENDING, ENABLE, CONTEXT = 0x0, 0x1000, 0x2000, 0x20_0000
ENABLE_STRIDE, CONTEXT_STRIDE = 0x80, 0x1000
THRESHOLD, CLAIM = 0, 4
"""Registers of a context, relative to CONTEXT + CONTEXT_STRIDE * context."""

CONTEXTS = 2 * HARTS_MAX
PRIORITY_MASK = 7

_WORDS = (PLIC_SOURCES + 31) // 32
_LOW_HALF = 0xFFFF_FFFF
_ENABLE_END = ENABLE + ENABLE_STRIDE * CONTEXTS
_CONTEXT_END = CONTEXT + CONTEXT_STRIDE * CONTEXTS

# Sets of sources are words of 32 bits, as in the registers, in int64: never negative.
PLIC = np.dtype(
    [
        ("outputs", np.int64),  # bit per context: has something to claim; follows from all the rest
        ("lines", np.int64, (_WORDS,)),
        ("pending", np.int64, (_WORDS,)),
        ("in_service", np.int64, (_WORDS,)),
        ("priority", np.int64, (PLIC_SOURCES,)),
        ("threshold", np.int64, (CONTEXTS,)),
        ("enable", np.int64, (CONTEXTS * _WORDS,)),  # _WORDS for each context
    ],
    align=True,
)


class Plic(Protocol):
    """A PLIC record, as the functions below see it."""

    outputs: int
    lines: MutableSequence[int]
    pending: MutableSequence[int]
    in_service: MutableSequence[int]
    priority: MutableSequence[int]
    threshold: MutableSequence[int]
    enable: MutableSequence[int]


@nopython
def plic_reset(plic: Plic) -> None:
    """Everything 0: nothing enabled, all lines low."""
    plic.outputs = 0
    for word in range(_WORDS):
        plic.lines[word] = 0
        plic.pending[word] = 0
        plic.in_service[word] = 0
    for source in range(PLIC_SOURCES):
        plic.priority[source] = 0
    for context in range(CONTEXTS):
        plic.threshold[context] = 0
    for word in range(CONTEXTS * _WORDS):
        plic.enable[word] = 0


@nopython
def plic_best(plic: Plic, context: int) -> int:
    """The source that `context` would claim now, 0 if none: of the pending and enabled ones above its
    threshold the one of highest priority, of several the lowest.
    """
    if context < 0 or context >= CONTEXTS:
        return 0
    best = 0
    best_priority = plic.threshold[context]
    for word in range(_WORDS):
        candidates = plic.pending[word] & plic.enable[context * _WORDS + word]
        source = 32 * word
        while candidates != 0:
            if candidates & 1 != 0 and plic.priority[source] > best_priority:
                best = source
                best_priority = plic.priority[source]
            candidates >>= 1
            source += 1
    return best


@nopython
def plic_output(plic: Plic, context: int) -> bool:
    """The level of the external interrupt line to `context`."""
    return 0 <= context < CONTEXTS and (plic.outputs >> context) & 1 != 0


@nopython
def _update(plic: Plic) -> None:
    outputs = 0
    for word in range(_WORDS):
        pending = plic.pending[word]
        if pending == 0:
            continue  # as a rule nothing is pending, and no context needs a look
        for context in range(CONTEXTS):
            if pending & plic.enable[context * _WORDS + word] != 0 and plic_best(plic, context) != 0:
                outputs |= 1 << context
    plic.outputs = outputs


@nopython
def plic_set_line(plic: Plic, source: int, level: int) -> None:
    """The line of `source` (1 to PLIC_SOURCES - 1, others are ignored) is now high (`level` not 0) or low."""
    if source < 1 or source >= PLIC_SOURCES:
        return
    word, bit = source >> 5, 1 << (source & 31)
    if level != 0:
        if plic.lines[word] & bit != 0:
            return
        plic.lines[word] |= bit
        plic.pending[word] |= bit & ~plic.in_service[word]
    else:
        if plic.lines[word] & bit == 0:
            return
        plic.lines[word] &= ~bit
        plic.pending[word] &= ~bit
    _update(plic)


@nopython
def _claim(plic: Plic, context: int) -> int:
    source = plic_best(plic, context)
    if source != 0:
        word, bit = source >> 5, 1 << (source & 31)
        plic.pending[word] &= ~bit
        plic.in_service[word] |= bit
        _update(plic)
    return source


@nopython
def _complete(plic: Plic, source: int) -> None:
    if source < 1 or source >= PLIC_SOURCES:
        return
    word, bit = source >> 5, 1 << (source & 31)
    if plic.in_service[word] & bit != 0:
        plic.in_service[word] &= ~bit
        plic.pending[word] |= bit & plic.lines[word]
        _update(plic)


@nopython
def _read_word(plic: Plic, offset: int) -> int:
    if PRIORITY <= offset < PRIORITY + 4 * PLIC_SOURCES:
        return plic.priority[(offset - PRIORITY) >> 2]
    if PENDING <= offset < PENDING + 4 * _WORDS:
        return plic.pending[(offset - PENDING) >> 2]
    if ENABLE <= offset < _ENABLE_END:
        word = (offset & (ENABLE_STRIDE - 1)) >> 2
        if word < _WORDS:
            return plic.enable[(offset - ENABLE) // ENABLE_STRIDE * _WORDS + word]
    elif CONTEXT <= offset < _CONTEXT_END:
        context = (offset - CONTEXT) // CONTEXT_STRIDE
        register = offset & (CONTEXT_STRIDE - 1)
        if register == THRESHOLD:
            return plic.threshold[context]
        if register == CLAIM:
            return _claim(plic, context)
    return 0


@nopython
def _write_word(plic: Plic, offset: int, value: int) -> None:
    if PRIORITY + 4 <= offset < PRIORITY + 4 * PLIC_SOURCES:
        plic.priority[(offset - PRIORITY) >> 2] = value & PRIORITY_MASK
        _update(plic)
    elif ENABLE <= offset < _ENABLE_END:
        word = (offset & (ENABLE_STRIDE - 1)) >> 2
        if word < _WORDS:
            plic.enable[(offset - ENABLE) // ENABLE_STRIDE * _WORDS + word] = value
            _update(plic)
    elif CONTEXT <= offset < _CONTEXT_END:
        context = (offset - CONTEXT) // CONTEXT_STRIDE
        register = offset & (CONTEXT_STRIDE - 1)
        if register == THRESHOLD:
            plic.threshold[context] = value & PRIORITY_MASK
            _update(plic)
        elif register == CLAIM:
            _complete(plic, value)


@nopython
def plic_read(plic: Plic, offset: int, size: int) -> int:
    """Read `size` bytes at `offset`; reading a claim register claims."""
    if offset & 3 != 0:
        return 0
    if size == 4:
        return _read_word(plic, offset)
    if size == 8:
        low = _read_word(plic, offset)
        return low | (_read_word(plic, offset + 4) << 32)
    return 0


@nopython
def plic_write(plic: Plic, offset: int, size: int, value: int) -> None:
    """Write `size` bytes of `value` at `offset`; outputs may change."""
    if offset & 3 != 0:
        return
    if size == 4:
        _write_word(plic, offset, value & _LOW_HALF)
    elif size == 8:
        _write_word(plic, offset, value & _LOW_HALF)
        _write_word(plic, offset + 4, (value >> 32) & _LOW_HALF)
