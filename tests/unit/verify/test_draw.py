"""Errors that are drawn: of every kind, where there is something to hit, the same for the same seed."""

from __future__ import annotations

from collections import Counter

from lockstep.machine.config import MachineConfig
from lockstep.machine.memory_map import RAM_BASE
from lockstep.machine.soft_error import check_soft_error, parse_soft_error
from lockstep.verify.draw import SHARES, draw_errors

CONFIG = MachineConfig(guest=b"\x6f\x00\x00\x00", memory_bytes=1 << 20, harts=3)
PAGES = (0, 7, 255)
SEED = 11


def test_all_make_sense_and_can_be_asked_for_on_the_command_line() -> None:
    for error in draw_errors(2000, SEED, 5000, 3, PAGES):
        check_soft_error(error, CONFIG)
        assert parse_soft_error(str(error)) == error
        assert 1 <= error.icount < 5000
        if error.address is not None:
            assert (error.address - RAM_BASE) // 4096 in PAGES


def test_every_kind_gets_its_share_and_every_hart_some() -> None:
    errors = draw_errors(4000, SEED, 5000, 3, PAGES)
    counts = Counter(error.target for error in errors)
    for kind, share in SHARES.items():
        assert abs(counts[kind] / 40 - share) < 4, f"seed {SEED}: {counts}"
    assert {error.hart for error in errors} == {0, 1, 2}


def test_the_seed_decides() -> None:
    assert draw_errors(50, 1, 5000, 1, PAGES) == draw_errors(50, 1, 5000, 1, PAGES)
    assert draw_errors(50, 1, 5000, 1, PAGES) != draw_errors(50, 2, 5000, 1, PAGES)
