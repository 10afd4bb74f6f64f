"""Devices' access to RAM: where a guest physical range is on this host, and stores that drop translated code.

Nothing here is called within a block: translated code that a store hits is dropped at once, for all harts, and the
hart that is about to run looks its code up again. Guests may expect that only after a `fence.i`; they get it earlier,
at the same place on every host.
"""

from __future__ import annotations

from lockstep.machine.access import Control, load_flags, store_byte, store_half
from lockstep.machine.memory_map import RAM_BASE
from lockstep.machine.mmu import invalidate_page
from lockstep.machine.state import PAGE_CODE_MASK
from lockstep.native import inline, nopython
from lockstep.native_calls import call_void


@inline
def host_address(control: Control, address: int, length: int) -> int:
    """Where the `length` bytes from guest physical `address` on are, or 0: they aren't all in RAM.

    Any int64 may be asked for: what wraps around is outside.
    """
    offset = address - RAM_BASE
    if length < 0 or length > control.ram_bytes or offset < 0 or offset > control.ram_bytes - length:
        return 0
    return control.ram_address + offset


@inline
def physical_address(control: Control, host: int) -> int:
    """The guest physical address of the byte of RAM at `host`."""
    return host - control.ram_address + RAM_BASE


@nopython
def drop_code(control: Control, host: int, length: int) -> None:
    """After a device has stored `length` bytes to RAM at `host`: no code translated from there may run any more."""
    if length <= 0:
        return
    page = (host - control.ram_address) >> 12
    last = (host - control.ram_address + length - 1) >> 12
    while page <= last:
        harts = load_flags(control.pages_address + 4 * page) & PAGE_CODE_MASK
        if harts:
            invalidate_page(control, page, harts)
            control.code_dropped = 1
        page += 1


@nopython
def copy_bytes(control: Control, target: int, source: int, length: int) -> None:
    """Copy from anywhere to this host's own memory."""
    call_void(control.libc_memmove, (target, source, length))


@nopython
def store_bytes(control: Control, host: int, source: int, length: int) -> None:
    """Store the `length` bytes at `source` to RAM at `host`."""
    call_void(control.libc_memmove, (host, source, length))
    drop_code(control, host, length)


@nopython
def store_zeros(control: Control, host: int, length: int) -> None:
    """Store zeros to RAM at `host`."""
    call_void(control.libc_memset, (host, 0, length))
    drop_code(control, host, length)


@nopython
def store_one_byte(control: Control, host: int, value: int) -> None:
    """Store a byte to RAM at `host`."""
    store_byte(host, value)
    drop_code(control, host, 1)


@nopython
def store_16_bits(control: Control, host: int, value: int) -> None:
    """Store 16 bits, little-endian, to RAM at `host`."""
    store_half(host, value)
    drop_code(control, host, 2)
