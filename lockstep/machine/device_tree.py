"""The device tree that tells a guest what the board has, in the words of QEMU's riscv `virt` machine.

Sources: Linux, Documentation/devicetree/bindings (riscv/cpus, timer/sifive,clint, interrupt-controller/
sifive,plic-1.0.0, serial/8250, rtc/google,goldfish-rtc, power/reset/syscon-*).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from lockstep.machine import memory_map as board
from lockstep.machine.flattened_tree import FlattenedTree

MACHINE_SOFTWARE_INTERRUPT, MACHINE_TIMER_INTERRUPT = 3, 7
SUPERVISOR_EXTERNAL_INTERRUPT, MACHINE_EXTERNAL_INTERRUPT = 9, 11

UART_REGISTERS_BYTES = 0x100
FINISHER_POWEROFF, FINISHER_REBOOT = 0x5555, 0x7777


def device_tree(
    *,
    harts: int,
    memory_bytes: int,
    bootargs: str = "",
    initrd: range | None = None,
    virtio_slots: Iterable[int] = (),
) -> bytes:
    """The blob for a board with `harts` and `memory_bytes`; `initrd` is its range of physical addresses.

    `virtio_slots` are those that hold a device.

    Its size depends on `harts`, `bootargs`, how many slots those are and whether there is an initrd.
    """
    tree = FlattenedTree()
    # Handles that nodes refer to each other by: one per hart's interrupt controller, then the board's.
    hart_handles = range(1, harts + 1)
    plic_handle, finisher_handle = harts + 1, harts + 2
    with _node(tree, ""):
        tree.cells("#address-cells", 2)
        tree.cells("#size-cells", 2)
        tree.strings("compatible", "riscv-virtio")
        tree.strings("model", "lockstep,virt")
        _chosen(tree, bootargs, initrd)
        with _node(tree, f"memory@{board.RAM_BASE:x}"):
            tree.strings("device_type", "memory")
            tree.longs("reg", board.RAM_BASE, memory_bytes)
        _cpus(tree, hart_handles)
        with _node(tree, "soc"):
            tree.cells("#address-cells", 2)
            tree.cells("#size-cells", 2)
            tree.strings("compatible", "simple-bus")
            tree.property("ranges")
            _finisher(tree, finisher_handle)
            _rtc(tree, plic_handle)
            _clint(tree, hart_handles)
            _plic(tree, hart_handles, plic_handle)
            _uart(tree, plic_handle)
            for slot in virtio_slots:
                _virtio(tree, plic_handle, slot)
        _power(tree, "poweroff", finisher_handle, FINISHER_POWEROFF)
        _power(tree, "reboot", finisher_handle, FINISHER_REBOOT)
    return tree.blob()


@contextmanager
def _node(tree: FlattenedTree, name: str) -> Iterator[None]:
    tree.begin_node(name)
    yield
    tree.end_node()


@contextmanager
def _device(tree: FlattenedTree, name: str, base: int, size_bytes: int, *compatible: str) -> Iterator[None]:
    with _node(tree, f"{name}@{base:x}"):
        tree.strings("compatible", *compatible)
        tree.longs("reg", base, size_bytes)
        yield


def _chosen(tree: FlattenedTree, bootargs: str, initrd: range | None) -> None:
    # No rng-seed: it would have to come from somewhere, and a run is a pure function of the guest.
    with _node(tree, "chosen"):
        if bootargs:
            tree.strings("bootargs", bootargs)
        tree.strings("stdout-path", f"/soc/serial@{board.UART_BASE:x}")
        if initrd is not None:
            tree.longs("linux,initrd-start", initrd.start)
            tree.longs("linux,initrd-end", initrd.stop)


def _cpus(tree: FlattenedTree, hart_handles: range) -> None:
    with _node(tree, "cpus"):
        tree.cells("#address-cells", 1)
        tree.cells("#size-cells", 0)
        tree.cells("timebase-frequency", board.TIMEBASE_HZ)
        for hart, handle in enumerate(hart_handles):
            with _node(tree, f"cpu@{hart:x}"):
                tree.strings("device_type", "cpu")
                tree.cells("reg", hart)
                tree.strings("status", "okay")
                tree.strings("compatible", "riscv")
                tree.strings("riscv,isa", "rv64imafdc")
                # The walker knows Sv48 and Sv57 as well; kernels that want them probe satp.
                tree.strings("mmu-type", "riscv,sv39")
                with _node(tree, "interrupt-controller"):
                    tree.cells("#address-cells", 0)
                    tree.cells("#interrupt-cells", 1)
                    tree.property("interrupt-controller")
                    tree.strings("compatible", "riscv,cpu-intc")
                    tree.cells("phandle", handle)


def _finisher(tree: FlattenedTree, handle: int) -> None:
    compatible = ("sifive,test1", "sifive,test0", "syscon")
    with _device(tree, "test", board.FINISHER_BASE, board.FINISHER_SIZE, *compatible):
        tree.cells("phandle", handle)


def _rtc(tree: FlattenedTree, plic_handle: int) -> None:
    with _device(tree, "rtc", board.RTC_BASE, board.RTC_SIZE, "google,goldfish-rtc"):
        _interrupt(tree, plic_handle, board.RTC_IRQ)


def _clint(tree: FlattenedTree, hart_handles: range) -> None:
    with _device(tree, "clint", board.CLINT_BASE, board.CLINT_SIZE, "sifive,clint0", "riscv,clint0"):
        _interrupts_of_harts(tree, hart_handles, MACHINE_SOFTWARE_INTERRUPT, MACHINE_TIMER_INTERRUPT)


def _plic(tree: FlattenedTree, hart_handles: range, handle: int) -> None:
    with _device(tree, "plic", board.PLIC_BASE, board.PLIC_SIZE, "sifive,plic-1.0.0", "riscv,plic0"):
        tree.cells("#address-cells", 0)
        tree.cells("#interrupt-cells", 1)
        tree.property("interrupt-controller")
        # The order numbers the PLIC's contexts: per hart machine mode, then supervisor mode.
        _interrupts_of_harts(tree, hart_handles, MACHINE_EXTERNAL_INTERRUPT, SUPERVISOR_EXTERNAL_INTERRUPT)
        tree.cells("riscv,ndev", board.PLIC_SOURCES - 1)
        tree.cells("phandle", handle)


def _uart(tree: FlattenedTree, plic_handle: int) -> None:
    with _device(tree, "serial", board.UART_BASE, UART_REGISTERS_BYTES, "ns16550a"):
        tree.cells("clock-frequency", board.UART_CLOCK_HZ)
        _interrupt(tree, plic_handle, board.UART_IRQ)


def _virtio(tree: FlattenedTree, plic_handle: int, slot: int) -> None:
    base = board.VIRTIO_BASE + slot * board.VIRTIO_SIZE
    with _device(tree, "virtio_mmio", base, board.VIRTIO_SIZE, "virtio,mmio"):
        _interrupt(tree, plic_handle, board.VIRTIO_IRQ + slot)


def _power(tree: FlattenedTree, name: str, finisher_handle: int, value: int) -> None:
    with _node(tree, name):
        tree.strings("compatible", f"syscon-{name}")
        tree.cells("regmap", finisher_handle)
        tree.cells("offset", 0)
        tree.cells("value", value)


def _interrupt(tree: FlattenedTree, plic_handle: int, irq: int) -> None:
    tree.cells("interrupt-parent", plic_handle)
    tree.cells("interrupts", irq)


def _interrupts_of_harts(tree: FlattenedTree, hart_handles: range, *interrupts: int) -> None:
    cells = (cell for handle in hart_handles for interrupt in interrupts for cell in (handle, interrupt))
    tree.cells("interrupts-extended", *cells)
