from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lockstep.machine.devices.plic import (
    CLAIM,
    CONTEXT,
    CONTEXT_STRIDE,
    CONTEXTS,
    ENABLE,
    ENABLE_STRIDE,
    PENDING,
    PLIC,
    PRIORITY,
    plic_best,
    plic_output,
    plic_read,
    plic_reset,
    plic_set_line,
    plic_write,
)
from lockstep.machine.memory_map import PLIC_SOURCES, UART_IRQ

MACHINE, SUPERVISOR = 0, 1
LAST = PLIC_SOURCES - 1


@pytest.fixture
def plic() -> Any:
    record = np.zeros(1, PLIC)[0]
    plic_reset(record)
    return record


def set_priority(plic: Any, source: int, priority: int) -> None:
    plic_write(plic, PRIORITY + 4 * source, 4, priority)


def set_threshold(plic: Any, context: int, threshold: int) -> None:
    plic_write(plic, CONTEXT + CONTEXT_STRIDE * context, 4, threshold)


def enable(plic: Any, context: int, *sources: int) -> None:
    for word in range(PLIC_SOURCES // 32):
        bits = sum(1 << source % 32 for source in sources if source // 32 == word)
        plic_write(plic, ENABLE + ENABLE_STRIDE * context + 4 * word, 4, bits)


def claim(plic: Any, context: int) -> int:
    return int(plic_read(plic, CONTEXT + CONTEXT_STRIDE * context + CLAIM, 4))


def complete(plic: Any, context: int, source: int) -> None:
    plic_write(plic, CONTEXT + CONTEXT_STRIDE * context + CLAIM, 4, source)


def pending(plic: Any) -> list[int]:
    words = [plic_read(plic, PENDING + 4 * word, 4) for word in range(PLIC_SOURCES // 32)]
    return [source for source in range(PLIC_SOURCES) if words[source // 32] >> source % 32 & 1]


def listen(plic: Any, *sources: int, context: int = SUPERVISOR) -> None:
    for source in sources:
        set_priority(plic, source, 1)
    enable(plic, context, *sources)


def test_layout_is_that_of_qemu_virt(plic: Any) -> None:
    plic_write(plic, 0x0000 + 4 * 95, 4, 3)
    plic_write(plic, 0x2000 + 0x80 * 15 + 8, 4, 1 << 31)
    plic_write(plic, 0x20_0000 + 0x1000 * 15, 4, 2)
    plic_set_line(plic, 95, 1)
    assert plic_read(plic, 0x1000 + 8, 4) == 1 << 31
    assert plic_read(plic, 0x20_0000 + 0x1000 * 15, 4) == 2
    assert plic_read(plic, 0x20_0004 + 0x1000 * 15, 4) == 95


@pytest.mark.parametrize("source", [1, UART_IRQ, 31, 32, 63, 64, LAST])
def test_claim_and_complete(plic: Any, source: int) -> None:
    listen(plic, source)
    assert not plic_output(plic, SUPERVISOR)
    plic_set_line(plic, source, 1)
    assert pending(plic) == [source]
    assert plic_output(plic, SUPERVISOR)
    assert not plic_output(plic, MACHINE)
    assert plic_best(plic, SUPERVISOR) == source
    assert claim(plic, SUPERVISOR) == source
    assert pending(plic) == []
    assert not plic_output(plic, SUPERVISOR)
    assert claim(plic, SUPERVISOR) == 0
    plic_set_line(plic, source, 0)
    complete(plic, SUPERVISOR, source)
    assert not plic_output(plic, SUPERVISOR)


def test_line_still_high_on_completion_is_pending_again(plic: Any) -> None:
    listen(plic, UART_IRQ)
    plic_set_line(plic, UART_IRQ, 1)
    assert claim(plic, SUPERVISOR) == UART_IRQ
    complete(plic, SUPERVISOR, UART_IRQ)
    assert pending(plic) == [UART_IRQ]
    assert claim(plic, SUPERVISOR) == UART_IRQ


def test_line_raised_in_service_waits_for_completion(plic: Any) -> None:
    listen(plic, UART_IRQ)
    plic_set_line(plic, UART_IRQ, 1)
    claim(plic, SUPERVISOR)
    plic_set_line(plic, UART_IRQ, 0)
    plic_set_line(plic, UART_IRQ, 1)
    assert not plic_output(plic, SUPERVISOR)
    complete(plic, SUPERVISOR, UART_IRQ)
    assert plic_output(plic, SUPERVISOR)


def test_line_that_falls_before_the_claim_takes_its_request_back(plic: Any) -> None:
    listen(plic, UART_IRQ)
    plic_set_line(plic, UART_IRQ, 1)
    plic_set_line(plic, UART_IRQ, 0)
    assert pending(plic) == []
    assert not plic_output(plic, SUPERVISOR)
    assert claim(plic, SUPERVISOR) == 0


def test_highest_priority_first_then_lowest_source(plic: Any) -> None:
    listen(plic, 5, 40, 41, 70)
    set_priority(plic, 40, 6)
    set_priority(plic, 70, 6)
    for source in (70, 41, 40, 5):
        plic_set_line(plic, source, 1)
    assert [claim(plic, SUPERVISOR) for _ in range(5)] == [40, 70, 5, 41, 0]


def test_threshold_masks_priorities_up_to_it(plic: Any) -> None:
    listen(plic, UART_IRQ)
    plic_set_line(plic, UART_IRQ, 1)
    for threshold in range(8):
        set_threshold(plic, SUPERVISOR, threshold)
        for priority in range(8):
            set_priority(plic, UART_IRQ, priority)
            assert plic_output(plic, SUPERVISOR) == (priority > threshold), (priority, threshold)
    assert claim(plic, SUPERVISOR) == 0


def test_priority_0_never_interrupts(plic: Any) -> None:
    enable(plic, SUPERVISOR, UART_IRQ)
    plic_set_line(plic, UART_IRQ, 1)
    assert pending(plic) == [UART_IRQ]
    assert not plic_output(plic, SUPERVISOR)


def test_enabling_and_disabling_changes_the_output_at_once(plic: Any) -> None:
    set_priority(plic, UART_IRQ, 1)
    plic_set_line(plic, UART_IRQ, 1)
    enable(plic, 7, UART_IRQ)
    assert [context for context in range(CONTEXTS) if plic_output(plic, context)] == [7]
    enable(plic, 7)
    assert not plic_output(plic, 7)


def test_one_claim_serves_all_contexts(plic: Any) -> None:
    listen(plic, UART_IRQ, context=1)
    enable(plic, 3, UART_IRQ)
    plic_set_line(plic, UART_IRQ, 1)
    assert plic_output(plic, 1)
    assert plic_output(plic, 3)
    assert claim(plic, 3) == UART_IRQ
    assert not plic_output(plic, 1)
    assert claim(plic, 1) == 0


def test_completion_where_not_enabled_counts_as_in_qemu(plic: Any) -> None:
    listen(plic, UART_IRQ)
    plic_set_line(plic, UART_IRQ, 1)
    claim(plic, SUPERVISOR)
    complete(plic, MACHINE, UART_IRQ)
    assert plic_output(plic, SUPERVISOR)


@pytest.mark.parametrize("source", [0, UART_IRQ + 1, PLIC_SOURCES, 0xFFFF_FFFF, -1])
def test_completion_of_another_source_does_nothing(plic: Any, source: int) -> None:
    listen(plic, UART_IRQ)
    plic_set_line(plic, UART_IRQ, 1)
    claim(plic, SUPERVISOR)
    before = plic.tobytes()
    complete(plic, SUPERVISOR, source)
    assert plic.tobytes() == before


def test_registers_keep_their_legal_bits(plic: Any) -> None:
    set_priority(plic, 1, 0xFFFF_FFFF)
    assert plic_read(plic, PRIORITY + 4, 4) == 7
    set_threshold(plic, 0, 0xFFFF_FFFD)
    assert plic_read(plic, CONTEXT, 4) == 5
    plic_write(plic, ENABLE, 4, -1)
    assert plic_read(plic, ENABLE, 4) == 0xFFFF_FFFF
    set_priority(plic, 0, 7)
    assert plic_read(plic, PRIORITY, 4) == 0


def test_pending_is_read_only(plic: Any) -> None:
    plic_write(plic, PENDING, 4, -1)
    assert pending(plic) == []


def test_source_0_has_no_line(plic: Any) -> None:
    listen(plic, 0)
    for source in (0, -1, PLIC_SOURCES, 1 << 40):
        plic_set_line(plic, source, 1)
    assert pending(plic) == []


def test_eight_bytes_are_two_words(plic: Any) -> None:
    plic_write(plic, ENABLE + ENABLE_STRIDE, 8, 0x8000_0003_4000_0000 - 2**64)
    assert plic_read(plic, ENABLE + ENABLE_STRIDE, 4) == 0x4000_0000
    assert plic_read(plic, ENABLE + ENABLE_STRIDE + 4, 4) == 0x8000_0003
    assert plic_read(plic, ENABLE + ENABLE_STRIDE, 8) & 2**64 - 1 == 0x8000_0003_4000_0000


def test_eight_bytes_of_a_context_are_threshold_and_claim(plic: Any) -> None:
    listen(plic, UART_IRQ)
    set_priority(plic, UART_IRQ, 5)
    set_threshold(plic, SUPERVISOR, 4)
    plic_set_line(plic, UART_IRQ, 1)
    assert plic_read(plic, CONTEXT + CONTEXT_STRIDE * SUPERVISOR, 8) == UART_IRQ << 32 | 4
    assert not plic_output(plic, SUPERVISOR)


@pytest.mark.parametrize(
    ("offset", "size"),
    [
        (PRIORITY + 4, 1),
        (PRIORITY + 4, 2),
        (PRIORITY + 5, 4),
        (PRIORITY + 4 * PLIC_SOURCES, 4),
        (ENABLE + 12, 4),
        (ENABLE + ENABLE_STRIDE * CONTEXTS, 4),
        (CONTEXT + 8, 4),
        (CONTEXT + CONTEXT_STRIDE * CONTEXTS, 4),
        (-4, 4),
    ],
)
def test_other_accesses_read_0_and_are_ignored(plic: Any, offset: int, size: int) -> None:
    before = plic.tobytes()
    plic_write(plic, offset, size, 3)
    assert plic.tobytes() == before
    assert plic_read(plic, offset, size) == 0


def test_there_is_no_output_beyond_the_contexts(plic: Any) -> None:
    listen(plic, UART_IRQ)
    plic_set_line(plic, UART_IRQ, 1)
    for context in (-1, CONTEXTS, 64, 65):
        assert not plic_output(plic, context)
        assert plic_best(plic, context) == 0


def test_enable_words_beyond_the_sources_are_not_the_next_contexts(plic: Any) -> None:
    enable(plic, 1, *range(PLIC_SOURCES))
    before = plic.tobytes()
    for offset in range(ENABLE + PLIC_SOURCES // 8, ENABLE + ENABLE_STRIDE, 4):
        assert plic_read(plic, offset, 4) == 0
        plic_write(plic, offset, 4, 1)
    assert plic.tobytes() == before
