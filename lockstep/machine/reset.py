"""All devices as they are after power-on, in one call."""

from __future__ import annotations

from lockstep.machine.access import board_of, wiring_at
from lockstep.machine.devices.clint import clint_reset
from lockstep.machine.devices.finisher import finisher_reset
from lockstep.machine.devices.plic import plic_reset
from lockstep.machine.devices.rtc import rtc_reset
from lockstep.machine.devices.uart import uart_reset
from lockstep.native import exported, int64, void


@exported(void(int64))
def reset_devices(first_wiring: int) -> None:
    """Reset the devices of the machine whose hart 0 is wired at `first_wiring`."""
    board = board_of(wiring_at(first_wiring))
    uart_reset(board.uart)
    plic_reset(board.plic)
    clint_reset(board.clint)
    rtc_reset(board.rtc)
    finisher_reset(board.finisher)
