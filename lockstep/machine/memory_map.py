"""The board's memory map and interrupt numbers, compatible with QEMU's riscv `virt` machine.

All addresses and sizes are physical and in bytes.
"""

FINISHER_BASE, FINISHER_SIZE = 0x0010_0000, 0x1000
RTC_BASE, RTC_SIZE = 0x0010_1000, 0x1000
CLINT_BASE, CLINT_SIZE = 0x0200_0000, 0x1_0000
PLIC_BASE, PLIC_SIZE = 0x0C00_0000, 0x60_0000
UART_BASE, UART_SIZE = 0x1000_0000, 0x1000
VIRTIO_BASE, VIRTIO_SIZE, VIRTIO_SLOTS = 0x1000_1000, 0x1000, 8
"""The first slot's registers, the bytes of each, and how many slots there are."""
DISKS_MAX = 6
"""Disks are in the first slots."""
NETWORK_SLOT, ENTROPY_SLOT = 6, 7
RAM_BASE = 0x8000_0000

VIRTIO_IRQ = 1
"""Of slot 0; the others follow."""
UART_IRQ = 10
RTC_IRQ = 11
PLIC_SOURCES = 96
"""Interrupt sources of the PLIC, source 0 (which means none) included."""

HARTS_MAX = 8
TIMEBASE_HZ = 10_000_000
UART_CLOCK_HZ = 3_686_400
UART_BAUD = 115_200

KERNEL_OFFSET = 0x20_0000
"""Where `--kernel` goes, relative to RAM_BASE, when `--bios` takes the start (as QEMU does for rv64)."""
