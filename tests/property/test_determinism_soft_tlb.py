"""libunicorn's soft-TLB may be of any size at any time: it follows the host's clock, and no guest can tell."""

from __future__ import annotations

import random

import programs
import pytest
import random_programs

from lockstep.machine.engine import layout
from lockstep.machine.engine.libunicorn import Engine, read_word, write_word
from lockstep.machine.machine import Machine, Stop

SIZES_BITS = range(6, 17)
MODES = 4
WINDOW_BEGIN_NS, WINDOW_MAX_ENTRIES, USED_ENTRIES = 16, 24, 32
"""Of QEMU's CPUTLBDesc, in bytes."""


def descriptor(engine: Engine, mode: int) -> int:
    return engine.cpu + layout.TLB_DESCRIPTION + mode * layout.TLB_DESCRIPTION_BYTES


def entries(engine: Engine, mode: int) -> int:
    """How many entries the soft-TLB of a privilege has now."""
    mask = read_word(engine.cpu + layout.TLB_FAST + layout.TLB_FAST_BYTES * mode)
    return (mask >> layout.TLB_ENTRY_BITS) + 1


def disturb(engine: Engine, draw: random.Random) -> None:
    """As if the host's clock had gone on, and much or little been used since: the next flush takes another size."""
    for mode in range(MODES):
        at = descriptor(engine, mode)
        write_word(at + WINDOW_BEGIN_NS, 0)
        used = 1 << draw.choice(SIZES_BITS)
        write_word(at + WINDOW_MAX_ENTRIES, used)
        write_word(at + USED_ENTRIES, used)


@pytest.mark.parametrize(
    ("name", "append"),
    [("sloppy", "rounds=1 passes=6"), ("sloppy", "rounds=1 passes=4 fence=1"), ("paging", "")],
)
def test_its_size_changes_nothing(name: str, append: str) -> None:
    config = programs.bundled(name, append)
    straight = programs.run_on(Machine(config), limit=1 << 40)
    assert straight.stop == "FINISHED"
    for seed in range(2):
        machine, draw, console = Machine(config), random.Random(seed), b""
        sizes = set()
        stop = None
        while stop is not Stop.FINISHED:
            (engine,) = machine.wires.engines
            disturb(engine, draw)
            stop = machine.run(limit=machine.position + draw.randrange(straight.position // 50))
            console += machine.drain_console()
            sizes |= {entries(engine, mode) for mode in range(MODES)}
        assert len(sizes) > 2, f"its size was never changed: {sizes}"
        found = programs.run_on(machine, console=console, limit=1 << 40)
        assert found == straight, f"seed {seed}: {straight.differences(found)}"


def test_random_programs() -> None:
    for seed in range(9000, 9030):
        config, draw = programs.machine_config(random_programs.random_program(seed)), random.Random(seed)
        straight = programs.run_on(Machine(config))
        machine, console = Machine(config), b""
        while machine.position < programs.LIMIT:
            disturb(machine.wires.engines[0], draw)
            stop = machine.run(limit=machine.position + draw.randrange(1, 300))
            console += machine.drain_console()
            if stop is not Stop.REACHED:
                break
        found = programs.run_on(machine, console=console)
        assert found == straight, f"seed {seed}: {straight.differences(found)}"
