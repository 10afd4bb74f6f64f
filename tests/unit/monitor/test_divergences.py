from __future__ import annotations

from typing import Any

import msgspec
import pytest

from lockstep.host import messages as m
from lockstep.machine.checks import make_check
from lockstep.machine.config import MachineConfig
from lockstep.machine.machine import Machine
from lockstep.monitor.divergences import Divergences

ENDED = m.Ended(
    stop="FINISHED", exited=False, exit_code=0, icount=9, digest="a", console_bytes=3, at_s=1.0,
    log={}, log_bytes=0, pc=0x8000_0000, checks=4,
)  # fmt: skip
DIVERGED = m.Diverged(
    icount=7, pc=0x8000_0010, what="device uart", expected="a", actual="b", disassembly=["=> x"], checks=3
)


def changed(message: Any, **fields: object) -> Any:
    return msgspec.structs.replace(message, **fields)


def test_counts_of_several_secondaries_add_up() -> None:
    divergences = Divergences()
    divergences.checked(2, 5)
    divergences.checked(2, 8)
    divergences.checked(3, 1)
    assert (divergences.compared, divergences.mismatched) == (9, 0)
    divergences.found(3, DIVERGED)
    assert (divergences.compared, divergences.mismatched) == (11, 1)


def test_the_first_difference_is_the_one_reported() -> None:
    divergences = Divergences("reclone")
    divergences.found(2, DIVERGED)
    divergences.found(3, changed(DIVERGED, what="schedule"))
    assert divergences.mismatched == 2
    assert divergences.first == {
        "icount": 7, "pc": 0x8000_0010, "what": "device uart", "expected": "a", "actual": "b",
        "disassembly": ["=> x"],
    }  # fmt: skip


def test_equal_ends() -> None:
    divergences = Divergences()
    assert divergences.compare_ends(2, ENDED, changed(ENDED, at_s=2.0, log_bytes=5)) is None
    assert (divergences.compared, divergences.mismatched, divergences.first) == (5, 0, None)


@pytest.mark.parametrize("field", ["icount", "digest", "console_bytes", "exit_code"])
def test_ends_that_differ(field: str) -> None:
    divergences = Divergences()
    text = divergences.compare_ends(2, ENDED, changed(ENDED, **{field: "b" if field == "digest" else 77}))
    assert text is not None
    assert f"{field}, at the guest's end" in text
    assert divergences.first is not None
    assert divergences.first["expected"] == str(getattr(ENDED, field))


def test_checks_say_in_what_digests_differ() -> None:
    config = MachineConfig(guest=b"\x6f\0\0\0", guest_name="spin", memory_bytes=1 << 20, clock="virtual")
    machine = Machine(config)
    before = make_check(machine.wires, 0, 256)
    machine.wires.ram[0x5003] = 9
    after = make_check(machine.wires, 0, 256)
    divergences = Divergences()
    actual = changed(ENDED, digest="b", check=after)
    text = divergences.compare_ends(2, changed(ENDED, check=before), actual)
    assert (
        text == "the two machines differ at icount 9, pc 0x80000000: RAM page 0x80005000, at the guest's end"
    )


def test_a_secondary_is_discarded_aloud() -> None:
    said: list[str] = []
    for is_over in (False, True):
        Divergences("reclone", said.append).overrule("they differ", is_over=is_over)
    assert said == [
        "they differ; that secondary is discarded, another one is made from the primary",
        "they differ; that secondary is discarded, the primary's end counts",
    ]
