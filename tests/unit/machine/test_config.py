"""Machines that make no sense are refused where they are described."""

from __future__ import annotations

from typing import Any

import pytest

from lockstep.errors import UsageError
from lockstep.machine.config import MachineConfig


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "there is nothing to run: give a GUEST, --kernel or --bios"),
        ({"guest": b"g", "kernel": b"k"}, "GUEST and --kernel are both given: leave one of them out"),
        ({"bios": b"b", "initrd": b"i"}, "--initrd needs a kernel: give --kernel as well"),
        ({"guest": b"g", "harts": 0}, "--harts 0 is out of range: give 1 to 8"),
        ({"guest": b"g", "harts": 9}, "--harts 9 is out of range: give 1 to 8"),
        ({"guest": b"g", "clock": "wall"}, "--clock 'wall' is unknown: give host or virtual"),
        ({"guest": b"g", "memory_bytes": 4096}, "--memory 4K is out of range: give 1M to 64G"),
        ({"guest": b"g", "memory_bytes": (1 << 20) + 1}, "--memory 1048577 bytes is not a multiple of .*"),
        ({"guest": b"g", "append": "a\0b"}, "--append holds a NUL character: leave it out"),
        ({"guest": b"g", "append": "\ud800"}, "--append holds text that is not UTF-8: .*"),
    ],
)  # fmt: skip
def test_no_such_machine(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"^{message}$"):
        MachineConfig(**fields)


def test_the_payload_is_the_guest_or_the_kernel() -> None:
    assert MachineConfig(guest=b"g").payload == b"g"
    assert MachineConfig(kernel=b"k", bios=b"b").payload == b"k"
    assert MachineConfig(bios=b"b").payload is None
