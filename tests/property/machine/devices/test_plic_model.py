"""The PLIC against a model of it: sets and dicts, written from the specification."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep.machine.devices.plic import (
    PLIC,
    plic_best,
    plic_output,
    plic_read,
    plic_reset,
    plic_set_line,
    plic_write,
)

SOURCES = range(1, 96)
CONTEXTS = range(16)


class Model:
    """The gateways and the core, one source at a time."""

    def __init__(self) -> None:
        self.high: set[int] = set()
        self.pending: set[int] = set()
        self.in_service: set[int] = set()
        self.priority = dict.fromkeys(SOURCES, 0)
        self.threshold = dict.fromkeys(CONTEXTS, 0)
        self.enabled: dict[int, set[int]] = {context: set() for context in CONTEXTS}

    def set_line(self, source: int, level: bool) -> None:
        if level:
            self.high.add(source)
        else:
            self.high.discard(source)
        self.gate(source)

    def gate(self, source: int) -> None:
        """A request is forwarded while the line is high, one at a time."""
        if source in self.high and source not in self.in_service:
            self.pending.add(source)
        else:
            self.pending.discard(source)

    def best(self, context: int) -> int:
        eligible = [
            source
            for source in self.pending & self.enabled[context]
            if self.priority[source] > self.threshold[context]
        ]
        return min(eligible, key=lambda source: (-self.priority[source], source), default=0)

    def claim(self, context: int) -> int:
        source = self.best(context)
        if source:
            self.in_service.add(source)
            self.gate(source)
        return source

    def complete(self, source: int) -> None:
        if source in self.in_service:
            self.in_service.remove(source)
            self.gate(source)

    def pending_word(self, word: int) -> int:
        return sum(1 << source % 32 for source in self.pending if source // 32 == word)

    def enable_word(self, context: int, word: int, bits: int) -> None:
        kept = {source for source in self.enabled[context] if source // 32 != word}
        self.enabled[context] = kept | {32 * word + bit for bit in range(32) if bits >> bit & 1}


# Few contexts and sources, so that they meet; both ends of each word among them.
SOME_SOURCES = st.sampled_from([1, 2, 10, 31, 32, 33, 63, 64, 95])
SOME_CONTEXTS = st.sampled_from([0, 1, 2, 15])
WORDS = st.integers(0, 2)
BITS = st.one_of(st.just(0xFFFF_FFFF), st.integers(0, 0xFFFF_FFFF))
STEPS = st.one_of(
    st.tuples(st.just("line"), SOME_SOURCES, st.booleans()),
    st.tuples(st.just("line"), SOME_SOURCES, st.just(True)),
    st.tuples(st.just("priority"), SOME_SOURCES, st.integers(0, 7)),
    st.tuples(st.just("threshold"), SOME_CONTEXTS, st.sampled_from([0, 0, 1, 3, 7])),
    st.tuples(st.just("enable"), SOME_CONTEXTS, st.tuples(WORDS, BITS)),
    st.tuples(st.just("claim"), SOME_CONTEXTS, st.none()),
    st.tuples(st.just("complete"), SOME_CONTEXTS, SOME_SOURCES),
)


def step(plic: Any, model: Model, name: str, which: int, argument: Any) -> None:
    context = 0x20_0000 + 0x1000 * which
    if name == "line":
        plic_set_line(plic, which, int(argument))
        model.set_line(which, argument)
    elif name == "priority":
        plic_write(plic, 4 * which, 4, argument)
        model.priority[which] = argument
    elif name == "threshold":
        plic_write(plic, context, 4, argument)
        model.threshold[which] = argument
    elif name == "enable":
        word, bits = argument
        plic_write(plic, 0x2000 + 0x80 * which + 4 * word, 4, bits)
        model.enable_word(which, word, bits)
    elif name == "claim":
        assert plic_read(plic, context + 4, 4) == model.claim(which)
    else:
        plic_write(plic, context + 4, 4, argument)
        model.complete(argument)


def assert_equal(plic: Any, model: Model) -> None:
    assert [plic_best(plic, context) for context in CONTEXTS] == [model.best(context) for context in CONTEXTS]
    assert [plic_output(plic, context) for context in CONTEXTS] == [
        model.best(context) != 0 for context in CONTEXTS
    ]
    assert [plic_read(plic, 0x1000 + 4 * word, 4) for word in range(3)] == [
        model.pending_word(word) for word in range(3)
    ]
    assert not model.pending & model.in_service


@settings(deadline=None, max_examples=300)
@given(st.lists(STEPS, max_size=60))
def test_plic_behaves_as_its_model(steps: list[tuple[str, int, Any]]) -> None:
    plic, model = np.zeros(1, PLIC)[0], Model()
    plic_reset(plic)
    for context in (0, 1):  # something to claim from the start
        for word in range(3):
            step(plic, model, "enable", context, (word, 0xFFFF_FFFF))
    for source in (1, 10, 31, 32, 95):
        step(plic, model, "priority", source, 1)
    for name, which, argument in steps:
        step(plic, model, name, which, argument)
        assert_equal(plic, model)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.sampled_from([1, 10, 33, 64, 95]), st.integers(1, 7)), unique_by=lambda p: p[0]))
def test_claiming_until_empty_serves_each_source_once_in_order(priorities: list[tuple[int, int]]) -> None:
    plic = np.zeros(1, PLIC)[0]
    plic_reset(plic)
    for word in range(3):
        plic_write(plic, 0x2080 + 4 * word, 4, -1)
    for source, priority in priorities:
        plic_write(plic, 4 * source, 4, priority)
        plic_set_line(plic, source, 1)
    claimed = []
    while plic_output(plic, 1):
        claimed.append(plic_read(plic, 0x20_1004, 4))
    assert claimed == [source for source, _ in sorted(priorities, key=lambda p: (-p[1], p[0]))]
