"""Log entries as a host deals with them: the primary stamps and takes them, the secondary takes them as stamped."""

from __future__ import annotations

import ctypes
import struct

from lockstep.host.divergence import MachinesDifferError
from lockstep.log.entry import CHECK, KIND_NAMES, Entry
from lockstep.log.errors import FULL, raise_if_error
from lockstep.machine.checks import compare_check
from lockstep.machine.entries import take
from lockstep.machine.machine import Machine
from lockstep.machine.memory_map import ENTROPY_SLOT
from lockstep.machine.state import WIRE_BYTES
from lockstep.machine.virtio import FLUSHED, READ_FAILED

_OFFSET_NS = struct.Struct("<q")
_DISK = struct.Struct("<3q")
KEY_BYTES = 32
_DRIVER_OK = 4


def wire_room(machine: Machine) -> int:
    """How many more bytes of live input the machine can take now."""
    return WIRE_BYTES - int(machine.board["wire_tail"] - machine.board["wire_head"])


def input_count(machine: Machine) -> int:
    """How many bytes of live input the machine has taken since reset."""
    return int(machine.board["wire_tail"])


def clock_payload(time_offset_ns: int) -> bytes:
    """The payload of a CLOCK entry that moves guest time to position + `time_offset_ns`."""
    return _OFFSET_NS.pack(time_offset_ns)


def unreadable_payload(machine: Machine) -> bytes:
    """The payload of the DISK entry that says which request can't be read, on a machine that stopped for that."""
    disk = int(machine.control["unreadable"]) - 1
    return _DISK.pack(disk, READ_FAILED, int(machine.board["disks"][disk]["requests"]))


def waiting_flush(machine: Machine) -> bytes | None:
    """The payload of the DISK entry that completes the oldest flush that waits for one; None: none does."""
    if machine.config.clock == "virtual":
        return None
    disks = machine.board["disks"][: len(machine.config.disks)]
    waiting = [
        (int(disk["flush_numbers"][disk["flushes_first"]]), number)
        for number, disk in enumerate(disks)
        if disk["flushes_count"]
    ]
    if not waiting:
        return None
    output, disk = min(waiting)
    return _DISK.pack(disk, FLUSHED, output)


def wants_entropy(machine: Machine) -> bool:
    """Whether it is time for an ENTROPY entry: a driver is there, and no key yet."""
    board = machine.board
    if not int(board["virtio"][ENTROPY_SLOT]["status"]) & _DRIVER_OK or machine.config.clock == "virtual":
        return False
    return not int(board["entropy"]["is_keyed"])


def signed_pc(machine: Machine) -> int:
    """The program counter as the log's int64."""
    return machine.pc - (machine.pc >> 63 << 64)


def take_entry(machine: Machine, kind: int, payload: bytes) -> bool:
    """Let an entry take effect, here and now, on a machine that stands at a natural block start.

    False, and nothing has happened, if the machine's tape is full. `LogError` for a payload that can't be.
    """
    address = ctypes.cast(ctypes.c_char_p(payload), ctypes.c_void_p).value or 0
    result = take(machine.wires.first_wiring, kind, address, len(payload))
    if result == FULL:
        return False
    raise_if_error(result)
    return True


def entry_counts(machine: Machine) -> dict[str, int]:
    """Entries that the machine has taken, by kind."""
    counts = machine.control["entries"]
    return {name: int(counts[kind]) for kind, name in KIND_NAMES.items() if counts[kind]}


def check_place(machine: Machine, entry: Entry) -> None:
    """Raise `MachinesDifferError` unless the machine is where the primary was when it stamped `entry`."""
    of_entry = f"of the next {KIND_NAMES[entry.kind]} entry"
    if machine.position != entry.position:
        raise MachinesDifferError(f"the position {of_entry}", str(entry.position), str(machine.position))
    if signed_pc(machine) != entry.pc:
        raise MachinesDifferError(f"the pc {of_entry}", f"{entry.pc & (1 << 64) - 1:#x}", f"{machine.pc:#x}")


def check_entry(machine: Machine, entry: Entry) -> None:
    """Raise `MachinesDifferError` unless the machine is what `entry` says that the primary was; CHECKs say most."""
    check_place(machine, entry)
    if entry.kind == CHECK:
        difference = compare_check(machine.wires, entry.payload)
        if difference is not None:
            raise MachinesDifferError(difference.what, difference.expected, difference.actual)
