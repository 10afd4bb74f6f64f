from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lockstep.machine.devices import finisher as device
from lockstep.machine.devices.finisher import finisher_read, finisher_reset, finisher_write

PASS, FAIL, RESET = 0x5555, 0x3333, 0x7777


@pytest.fixture
def finisher() -> Any:
    return np.zeros(1, device.FINISHER)[0]


def outcome(finisher: Any) -> tuple[int, int, int]:
    return int(finisher["stopped"]), int(finisher["kind"]), int(finisher["exit_code"])


@pytest.mark.parametrize(
    ("value", "kind", "exit_code"),
    [
        (PASS, device.KIND_POWEROFF, 0),
        (PASS | 5 << 16, device.KIND_POWEROFF, 0),
        (FAIL, device.KIND_EXIT, 0),
        (FAIL | 1 << 16, device.KIND_EXIT, 1),
        (FAIL | 119 << 16, device.KIND_EXIT, 119),
        (FAIL | 120 << 16, device.KIND_EXIT, 119),
        (FAIL | 0xFFFF << 16, device.KIND_EXIT, 119),
        (RESET, device.KIND_RESET, 0),
        (RESET | 3 << 16, device.KIND_RESET, 0),
    ],
)
def test_a_word_stops_the_guest(finisher: Any, value: int, kind: int, exit_code: int) -> None:
    assert finisher_write(finisher, 0, 4, value) == kind
    assert outcome(finisher) == (1, kind, exit_code)


def test_a_sign_extended_word_has_a_16_bit_code(finisher: Any) -> None:
    finisher_write(finisher, 0, 8, -(2**63) | 0x0005_3333)
    assert outcome(finisher) == (1, device.KIND_EXIT, 5)


def test_a_half_word_has_no_code(finisher: Any) -> None:
    finisher_write(finisher, 0, 2, FAIL | 7 << 16)
    assert outcome(finisher) == (1, device.KIND_EXIT, 0)


@pytest.mark.parametrize(
    ("offset", "size", "value"), [(0, 4, 0), (0, 4, 0x1234), (4, 4, PASS), (-4, 4, PASS), (0, 1, 0x55)]
)
def test_other_writes_do_nothing(finisher: Any, offset: int, size: int, value: int) -> None:
    assert finisher_write(finisher, offset, size, value) == device.KIND_NONE
    assert outcome(finisher) == (0, device.KIND_NONE, 0)


def test_the_first_stop_wins(finisher: Any) -> None:
    finisher_write(finisher, 0, 4, FAIL | 9 << 16)
    assert finisher_write(finisher, 0, 4, PASS) == device.KIND_EXIT
    assert outcome(finisher) == (1, device.KIND_EXIT, 9)


def test_reads_give_0_and_reset_runs_again(finisher: Any) -> None:
    finisher_write(finisher, 0, 4, FAIL | 9 << 16)
    assert finisher_read(finisher, 0, 4) == 0
    finisher_reset(finisher)
    assert outcome(finisher) == (0, device.KIND_NONE, 0)
