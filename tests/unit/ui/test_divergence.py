"""The picture of a divergence."""

from __future__ import annotations

import io
from typing import Any

from lockstep.ui.divergence import show_divergence

DIVERGENCE: dict[str, Any] = {
    "icount": 10_000_000,
    "pc": 0x80000596,
    "what": "x7 differs",
    "expected": "x7 0x1000",
    "actual": "x7 0x3000",
    "disassembly": ["   0x80000594: ec26 c.sdsp s1, 0x18(sp)", "=> 0x80000596: 892a c.mv s2, a0"],
    "window": None,
    "registers": [
        {
            "hart": 0,
            "name": "x7",
            "abi": "t2",
            "expected": "0x1000",
            "actual": "0x3000",
            "differs": True,
        },
        {"hart": 0, "name": "x8", "abi": "s0", "expected": "0x5", "actual": "0x5", "differs": False},
        {"hart": 0, "name": "x9", "abi": "s1", "expected": "0x0", "actual": "0x0", "differs": False},
    ],
    "devices": [{"name": "uart.ier", "expected": "0x0", "actual": "0x1"}],
    "memory": [
        {
            "page": "0x80001000",
            "words_count": 3,
            "words": [{"address": "0x80001008", "expected": "0x1", "actual": "0x2"}],
        }
    ],
    "memory_pages": 5,
    "log": [{"kind": "clock", "position": 9_000_000, "sequence": 3, "pc": "0x80000010", "payload": "ab"}],
}

PICTURE = """\
The machines differ first after instruction 10,000,000, pc 0x80000596
  x7 differs

     0x80000594: ec26 c.sdsp s1, 0x18(sp)
  => 0x80000596: 892a c.mv s2, a0

Registers (differences marked; those that are 0 on both sides left out)
   name   expected  actual     name   expected  actual
*  x7 t2  0x1000    0x3000     x8 s0  0x5       0x5

Memory: 5 pages differ
page                  address                            expected  actual
0x80001000            0x80001008                         0x1       0x2
                      ... and 2 more words of this page
... and 4 more pages

Devices, counters, schedule
name      expected  actual
uart.ier  0x0       0x1

The log's last entries
kind    position  pc          payload
clock  9,000,000  0x80000010  ab
"""


def shown(divergence: dict[str, Any]) -> str:
    stream = io.StringIO()
    show_divergence(divergence, stream)
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())


def test_the_picture() -> None:
    assert shown(DIVERGENCE) == PICTURE


def test_a_window_where_it_could_not_be_located() -> None:
    window = {"icount": None, "pc": None, "window": [10, 2000], "what": "it did not come again"}
    assert shown({**window, "disassembly": [], "log": []}) == (
        "The machines differed somewhere between instructions 10 and 2,000\n  it did not come again\n\n"
    )


def test_harts_are_told_apart() -> None:
    rows = [{**row, "hart": hart} for hart in (0, 1) for row in DIVERGENCE["registers"][:1]]
    picture = shown({**DIVERGENCE, "registers": rows})
    assert "hart0.x7 t2" in picture
    assert "hart1.x7 t2" in picture
