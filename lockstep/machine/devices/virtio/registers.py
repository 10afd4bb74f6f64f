"""A slot's registers: virtio over MMIO, version 2 (virtio 1.2, section 4.2.2).

Registers are 32 bits wide and aligned: other accesses read 0 and are ignored. The config space from CONFIG on takes 1,
2, 4 and 8 bytes. In an empty slot there is only what says so: a device ID of 0.

Nothing here looks at RAM: a notification only marks its slot.
"""

from __future__ import annotations

from typing import Any

from lockstep.machine.access import Board, Control
from lockstep.machine.devices.virtio.config_space import read_config
from lockstep.machine.devices.virtio.constants import DRIVER_OK, FEATURES_OK, NEEDS_RESET, VERSION_1
from lockstep.machine.devices.virtio.records import QUEUE_ENTRIES_MAX, QUEUES_MAX
from lockstep.machine.devices.virtio.rings import forget_requests, is_running
from lockstep.native import nopython

MAGIC, VERSION, DEVICE_ID, VENDOR_ID = 0x000, 0x004, 0x008, 0x00C
DEVICE_FEATURES, DEVICE_FEATURES_SELECT, DRIVER_FEATURES, DRIVER_FEATURES_SELECT = 0x010, 0x014, 0x020, 0x024
QUEUE_SELECT, QUEUE_SIZE_MAX, QUEUE_SIZE, QUEUE_READY, QUEUE_NOTIFY = 0x030, 0x034, 0x038, 0x044, 0x050
INTERRUPT_STATUS, INTERRUPT_ACKNOWLEDGE, STATUS = 0x060, 0x064, 0x070
QUEUE_DESCRIPTORS, QUEUE_AVAILABLE, QUEUE_USED = 0x080, 0x090, 0x0A0
"""The low halves of addresses; the high ones follow."""
SHARED_MEMORY_LENGTH, SHARED_MEMORY_END = 0x0B0, 0x0C0
CONFIG_GENERATION, CONFIG = 0x0FC, 0x100

MAGIC_VALUE, VERSION_VALUE, VENDOR_VALUE = 0x74726976, 2, 0x4C4F434B
"""`virt`; and `KCOL`, as there's no register of vendors."""

_LOW_HALF = 0xFFFF_FFFF


@nopython
def _reset(board: Board, slot: int) -> None:
    device = board.virtio[slot]
    device.status = 0
    device.interrupt_status = 0
    device.features_accepted = 0
    device.device_features_select = 0
    device.driver_features_select = 0
    device.queue_select = 0
    for index in range(QUEUES_MAX):
        queue = device.queues[index]
        queue.size = 0
        queue.ready = 0
        queue.descriptors = 0
        queue.available = 0
        queue.used = 0
        queue.available_index = 0
        queue.used_index = 0
    board.virtio_lines &= ~(1 << slot)
    forget_requests(board, slot)


@nopython
def _half_of(value: int, half: int) -> int:
    """The 32 bits that a select register chose of 64; the others don't exist."""
    return (value >> (32 * half)) & _LOW_HALF if half < 2 else 0


@nopython
def _with_half(value: int, half: int, bits: int) -> int:
    if half == 0:
        return (value & ~_LOW_HALF) | bits
    return (value & _LOW_HALF) | bits << 32


@nopython
def virtio_read(board: Board, slot: int, offset: int, size: int) -> int:
    """Read `size` bytes at `offset` in a slot."""
    if offset >= CONFIG:
        return read_config(board, slot, offset - CONFIG, size)
    if size != 4 or offset & 3:
        return 0
    device = board.virtio[slot]
    if offset == MAGIC:
        return MAGIC_VALUE
    if offset == VERSION:
        return VERSION_VALUE
    if device.device_id == 0:
        return 0
    if offset == DEVICE_ID:
        return device.device_id
    if offset == VENDOR_ID:
        return VENDOR_VALUE
    if offset == DEVICE_FEATURES:
        return _half_of(device.features_offered, device.device_features_select)
    if offset == QUEUE_SIZE_MAX:
        return QUEUE_ENTRIES_MAX if device.queue_select < device.queues_count else 0
    if offset == QUEUE_READY:
        return device.queues[device.queue_select].ready if device.queue_select < device.queues_count else 0
    if offset == INTERRUPT_STATUS:
        return device.interrupt_status
    if offset == STATUS:
        return device.status
    if SHARED_MEMORY_LENGTH <= offset < SHARED_MEMORY_END:
        return _LOW_HALF  # there is none
    if offset == CONFIG_GENERATION:
        return device.config_generation
    return 0


@nopython
def _write_status(board: Board, slot: int, value: int) -> None:
    device = board.virtio[slot]
    if value == 0:
        _reset(board, slot)
        return
    wanted = value & ~NEEDS_RESET & 0xFF
    accepted = device.features_accepted
    if accepted & ~device.features_offered or accepted & VERSION_1 == 0:
        wanted &= ~FEATURES_OK
    if (device.status | wanted) & FEATURES_OK == 0:
        wanted &= ~DRIVER_OK
    # Only a reset takes a bit away.
    device.status |= wanted


@nopython
def _write_queue(device: Any, queue: Any, offset: int, value: int) -> None:
    if offset == QUEUE_READY:
        queue.ready = value & 1
    elif queue.ready:
        return  # where it is is settled
    elif offset == QUEUE_SIZE:
        queue.size = value
    elif offset & -8 == QUEUE_DESCRIPTORS:
        queue.descriptors = _with_half(queue.descriptors, (offset >> 2) & 1, value)
    elif offset & -8 == QUEUE_AVAILABLE:
        queue.available = _with_half(queue.available, (offset >> 2) & 1, value)
    elif offset & -8 == QUEUE_USED:
        queue.used = _with_half(queue.used, (offset >> 2) & 1, value)


@nopython
def virtio_write(board: Board, control: Control, slot: int, offset: int, size: int, value: int) -> None:
    """Write `size` bytes of `value` at `offset` in a slot; lines may change."""
    device = board.virtio[slot]
    if size != 4 or offset & 3 or offset >= CONFIG or device.device_id == 0:
        return
    value &= _LOW_HALF
    if offset == DEVICE_FEATURES_SELECT:
        device.device_features_select = value
    elif offset == DRIVER_FEATURES_SELECT:
        device.driver_features_select = value
    elif offset == DRIVER_FEATURES:
        if device.status & FEATURES_OK == 0 and device.driver_features_select < 2:
            device.features_accepted = _with_half(
                device.features_accepted, device.driver_features_select, value
            )
    elif offset == QUEUE_SELECT:
        device.queue_select = value
    elif offset == QUEUE_NOTIFY:
        if value < device.queues_count and is_running(device):
            board.virtio_notified |= 1 << slot
            control.deadline = 0
    elif offset == INTERRUPT_ACKNOWLEDGE:
        device.interrupt_status &= ~value
        if device.interrupt_status == 0:
            board.virtio_lines &= ~(1 << slot)
    elif offset == STATUS:
        _write_status(board, slot, value)
    elif device.queue_select < device.queues_count:
        _write_queue(device, device.queues[device.queue_select], offset, value)
