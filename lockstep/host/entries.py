"""Log entries that change a machine: the primary stamps and applies them, the secondary applies them as stamped."""

from __future__ import annotations

import struct

from lockstep.host.divergence import MachinesDifferError
from lockstep.log.entry import CLOCK, INPUT, KIND_NAMES, Entry
from lockstep.machine.machine import Machine
from lockstep.machine.state import WIRE_BYTES

_OFFSET_NS = struct.Struct("<q")


def wire_room(machine: Machine) -> int:
    """How many more bytes of live input the machine can take now."""
    return WIRE_BYTES - int(machine.board["wire_tail"] - machine.board["wire_head"])


def input_count(machine: Machine) -> int:
    """How many bytes of live input the machine has taken since reset."""
    return int(machine.board["wire_tail"])


def clock_payload(time_offset_ns: int) -> bytes:
    """The payload of a CLOCK entry that moves guest time to position + `time_offset_ns`."""
    return _OFFSET_NS.pack(time_offset_ns)


def signed_pc(machine: Machine) -> int:
    """The program counter as the log's int64."""
    return machine.pc - (machine.pc >> 63 << 64)


def apply_entry(machine: Machine, kind: int, payload: bytes) -> None:
    """Let the entry take effect on a machine that stands at a natural block start. Others than these have none."""
    board = machine.board
    if kind == INPUT:
        for byte in payload:
            tail = int(board["wire_tail"])
            board["wire"][tail % WIRE_BYTES] = byte
            board["wire_tail"] = tail + 1
    elif kind == CLOCK:
        (offset,) = _OFFSET_NS.unpack(payload)
        board["time_offset_ns"] = max(offset, int(board["time_offset_ns"]))


def check_place(machine: Machine, entry: Entry) -> None:
    """Raise `MachinesDifferError` unless the machine is where the primary was when it stamped `entry`."""
    of_entry = f"of the next {KIND_NAMES[entry.kind]} entry"
    if machine.position != entry.position:
        raise MachinesDifferError(f"the position {of_entry}", str(entry.position), str(machine.position))
    if signed_pc(machine) != entry.pc:
        raise MachinesDifferError(f"the pc {of_entry}", f"{entry.pc & (1 << 64) - 1:#x}", f"{machine.pc:#x}")
