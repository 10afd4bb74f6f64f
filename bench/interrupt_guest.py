"""Guests whose interrupts come from log entries alone: one counts timer interrupts, one bytes from the UART.

Raw images for the start of RAM. S1 counts interrupts; the guest powers off when it has had as many as it was made for.
"""

from __future__ import annotations

from bench.instructions import (
    MIE,
    MRET,
    MSTATUS,
    MTVEC,
    S0,
    S1,
    S2,
    S3,
    T0,
    T1,
    T2,
    T3,
    T4,
    T5,
    ZERO,
    add,
    add_immediate,
    add_upper_to_pc,
    assemble,
    branch_if_unequal,
    jump,
    load,
    load_constant,
    load_upper,
    set_csr_bits,
    store,
    write_csr,
)
from lockstep.machine.memory_map import CLINT_BASE, FINISHER_BASE, PLIC_BASE, UART_BASE, UART_IRQ

COUNTED, SUMMED = S1, S3
"""Registers that say how many interrupts there were, and what the bytes that came with them add up to."""
TIMER_TICKS = 10_000
"""From one timer interrupt to the next: 1 ms of guest time."""
INTERRUPTS_MAX = 50_000_000
_MTIMECMP_PAGE = (CLINT_BASE + 0x4000) >> 12
_PLIC_ENABLE, _PLIC_CLAIM = PLIC_BASE + 0x2000, PLIC_BASE + 0x20_1000
_SUPERVISOR_ENABLE = 0x80
"""The supervisor's context, as Linux uses it. The page of the machine's is a multiple of 1 MiB away from the UART's:
of two such pages of devices libunicorn's soft-TLB remembers only one at a time."""
_TIMER_INTERRUPT, _SUPERVISOR_EXTERNAL_INTERRUPT = 1 << 7, 1 << 9
_MSTATUS_MIE = 1 << 3
_POWER_OFF = 0x5555


def timer_guest(interrupts: int) -> bytes:
    """Each timer interrupt sets the timer to TIMER_TICKS later."""
    prepare = [
        load_upper(T0, _MTIMECMP_PAGE),
        *load_constant(T1, TIMER_TICKS),
        add(T2, ZERO, T1),
        store(8, T2, T0, 0),
    ]
    handle = [add(T2, T2, T1), store(8, T2, T0, 0)]
    return _guest(prepare, handle, _TIMER_INTERRUPT, interrupts)


def input_guest(interrupts: int) -> bytes:
    """Each interrupt of the UART is claimed, its byte read and summed, and completed."""
    prepare = [
        load_upper(T0, UART_BASE >> 12),
        add_immediate(T2, ZERO, 1),
        store(1, T2, T0, 1),  # interrupt enable: data are ready
        load_upper(T1, PLIC_BASE >> 12),
        store(4, T2, T1, 4 * UART_IRQ),
        load_upper(T1, _PLIC_ENABLE >> 12),
        add_immediate(T2, ZERO, 1 << UART_IRQ),
        store(4, T2, T1, _SUPERVISOR_ENABLE),
        load_upper(T1, _PLIC_CLAIM >> 12),
    ]
    handle = [load(4, T3, T1, 4), load(1, T4, T0, 0), add(SUMMED, SUMMED, T4), store(4, T3, T1, 4)]
    return _guest(prepare, handle, _SUPERVISOR_EXTERNAL_INTERRUPT, interrupts)


def _guest(prepare: list[int], handle: list[int], interrupt: int, interrupts: int) -> bytes:
    """`prepare`, take interrupts until there were so many, power off; `handle` is what each of them does."""
    if not 1 <= interrupts <= INTERRUPTS_MAX:
        raise ValueError(f"{interrupts} interrupts are out of range")
    power_off = [
        load_upper(T0, FINISHER_BASE >> 12),
        *load_constant(T1, _POWER_OFF),
        store(4, T1, T0, 0),
        jump(0),
    ]
    body = [
        *prepare,
        *load_constant(S2, interrupts),
        *load_constant(T5, interrupt),
        write_csr(MIE, T5),
        set_csr_bits(MSTATUS, _MSTATUS_MIE),
        add_immediate(S0, S0, 1),  # loop
        branch_if_unequal(COUNTED, S2, -4),
        *power_off,
    ]
    # The handler lies behind all that; a trap vector is at a multiple of four.
    vector = [add_upper_to_pc(T5, 0), add_immediate(T5, T5, 4 * (3 + len(body))), write_csr(MTVEC, T5)]
    return assemble([*vector, *body, *handle, add_immediate(COUNTED, COUNTED, 1), MRET])
