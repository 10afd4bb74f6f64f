"""The blob, read back by a parser of our own (Devicetree Specification, chapter 5) and by dtc."""

from __future__ import annotations

import shutil
import struct
import subprocess
from dataclasses import dataclass, field

import pytest

from lockstep.machine.device_tree import device_tree
from lockstep.machine.flattened_tree import FlattenedTree

RAM = 0x8000_0000


@dataclass
class Node:
    """A node read back."""

    properties: dict[str, bytes] = field(default_factory=dict)
    children: dict[str, Node] = field(default_factory=dict)

    def at(self, path: str) -> Node:
        node = self
        for name in path.split("/"):
            node = node.children[name]
        return node

    def cells(self, name: str) -> list[int]:
        value = self.properties[name]
        return list(struct.unpack(f">{len(value) // 4}I", value))

    def longs(self, name: str) -> list[int]:
        value = self.properties[name]
        return list(struct.unpack(f">{len(value) // 8}Q", value))

    def strings(self, name: str) -> list[str]:
        *texts, rest = self.properties[name].split(b"\0")
        assert rest == b"", f"{name} isn't terminated"
        return [text.decode() for text in texts]


def read(blob: bytes) -> Node:
    """The root of `blob`; every byte of it is accounted for."""
    header = struct.unpack_from(">10I", blob)
    magic, total, structure, strings, reserve, version, compatible, boot_hart, strings_size, size = header
    assert (magic, total, version, compatible, boot_hart) == (0xD00DFEED, len(blob), 17, 16, 0)
    assert reserve == 40
    assert blob[reserve:structure] == bytes(16), "nothing is reserved"
    assert reserve % 8 == structure % 4 == 0
    assert (structure + size, strings + strings_size) == (strings, total)

    top = Node()
    stack = [top]
    at = structure
    while True:
        (token,) = struct.unpack_from(">I", blob, at)
        at += 4
        if token == 1:
            name_end = blob.index(0, at)
            node = Node()
            stack[-1].children[blob[at:name_end].decode()] = node
            stack.append(node)
            at = (name_end + 4) // 4 * 4
        elif token == 2:
            stack.pop()
        elif token == 3:
            assert not stack[-1].children, "properties come before child nodes"
            length, name_at = struct.unpack_from(">II", blob, at)
            name_at += strings
            name = blob[name_at : blob.index(0, name_at)].decode()
            assert name not in stack[-1].properties
            stack[-1].properties[name] = blob[at + 8 : at + 8 + length]
            assert not any(blob[at + 8 + length : at + 8 + (length + 3) // 4 * 4]), "padding is zero"
            at += 8 + (length + 3) // 4 * 4
        else:
            assert token == 9
            break
    assert stack == [top]
    assert at == strings
    assert list(top.children) == [""]
    return top.children[""]


def test_the_writer_writes_what_the_parser_reads() -> None:
    tree = FlattenedTree()
    tree.begin_node("")
    tree.strings("compatible", "one", "two,three")
    tree.begin_node("child@1234567")
    tree.cells("reg", 1, 0xFFFF_FFFF)
    tree.longs("compatible", 2**64 - 1, 5)
    tree.end_node()
    tree.begin_node("x")
    tree.property("flag")
    tree.property("odd", b"abcde")
    tree.end_node()
    tree.end_node()
    root = read(tree.blob())
    assert root.strings("compatible") == ["one", "two,three"]
    assert root.at("child@1234567").cells("reg") == [1, 0xFFFF_FFFF]
    assert root.at("child@1234567").longs("compatible") == [2**64 - 1, 5]
    assert root.at("x").properties == {"flag": b"", "odd": b"abcde"}


def test_an_open_node_is_noticed() -> None:
    tree = FlattenedTree()
    tree.begin_node("")
    with pytest.raises(ValueError, match="1 nodes are still open"):
        tree.blob()


@pytest.mark.parametrize("harts", [1, 2, 8])
def test_every_hart_reaches_every_interrupt_controller(harts: int) -> None:
    root = read(device_tree(harts=harts, memory_bytes=128 << 20))
    cpus = root.at("cpus")
    assert cpus.cells("timebase-frequency") == [10_000_000]
    assert list(cpus.children) == [f"cpu@{hart}" for hart in range(harts)]
    handles = []
    for hart, cpu in enumerate(cpus.children.values()):
        assert cpu.cells("reg") == [hart]
        assert cpu.strings("riscv,isa") == ["rv64imafdc"]
        assert cpu.strings("mmu-type") == ["riscv,sv39"]
        handles += cpu.at("interrupt-controller").cells("phandle")
    # Machine software and timer interrupt; machine and supervisor external interrupt.
    clint, plic = root.at("soc/clint@2000000"), root.at("soc/plic@c000000")
    assert clint.cells("interrupts-extended") == [cell for h in handles for cell in (h, 3, h, 7)]
    assert plic.cells("interrupts-extended") == [cell for h in handles for cell in (h, 11, h, 9)]
    assert len({*handles, *plic.cells("phandle"), *root.at("soc/test@100000").cells("phandle")}) == harts + 2


def test_the_board_is_where_it_should_be() -> None:
    root = read(device_tree(harts=1, memory_bytes=64 << 30))
    assert root.strings("compatible") == ["riscv-virtio"]
    assert root.at("memory@80000000").longs("reg") == [RAM, 64 << 30]
    soc = root.at("soc")
    # As QEMU's `-M virt,dumpdtb=` has them.
    assert {name: node.longs("reg") for name, node in soc.children.items()} == {
        "test@100000": [0x100000, 0x1000],
        "rtc@101000": [0x101000, 0x1000],
        "clint@2000000": [0x2000000, 0x10000],
        "plic@c000000": [0xC000000, 0x600000],
        "serial@10000000": [0x10000000, 0x100],
    }
    plic = soc.at("plic@c000000")
    assert plic.cells("riscv,ndev") == [95]
    for name, irq in (("serial@10000000", 10), ("rtc@101000", 11)):
        assert soc.at(name).cells("interrupts") == [irq]
        assert soc.at(name).cells("interrupt-parent") == plic.cells("phandle")
    assert soc.at("serial@10000000").cells("clock-frequency") == [3_686_400]
    for name, value in (("poweroff", 0x5555), ("reboot", 0x7777)):
        assert root.at(name).strings("compatible") == [f"syscon-{name}"]
        assert root.at(name).cells("regmap") == soc.at("test@100000").cells("phandle")
        assert (root.at(name).cells("offset"), root.at(name).cells("value")) == ([0], [value])


def test_virtio_slots_are_those_that_hold_something() -> None:
    slots = (0, 1, 6, 7)
    soc = read(device_tree(harts=2, memory_bytes=1 << 28, virtio_slots=slots)).at("soc")
    nodes = {name: node for name, node in soc.children.items() if name.startswith("virtio")}
    # As in QEMU's tree, whose slots are at the same addresses with the same interrupts.
    assert list(nodes) == [f"virtio_mmio@{0x10001000 + 0x1000 * slot:x}" for slot in slots]
    for slot, node in zip(slots, nodes.values(), strict=True):
        assert node.strings("compatible") == ["virtio,mmio"]
        assert node.longs("reg") == [0x10001000 + 0x1000 * slot, 0x1000]
        assert node.cells("interrupts") == [1 + slot]
        assert node.cells("interrupt-parent") == soc.at("plic@c000000").cells("phandle")


def test_chosen_says_what_was_chosen() -> None:
    chosen = read(device_tree(harts=1, memory_bytes=1 << 27)).at("chosen")
    assert chosen.properties.keys() == {"stdout-path"}
    assert chosen.strings("stdout-path") == ["/soc/serial@10000000"]
    initrd = range(0x1_8820_0000, 0x1_8820_1234)
    blob = device_tree(harts=1, memory_bytes=1 << 27, bootargs="console=ttyS0 ü\udcff", initrd=initrd)
    chosen = read(blob).at("chosen")
    assert chosen.properties["bootargs"] == "console=ttyS0 ü".encode() + b"\xff\0"
    assert chosen.longs("linux,initrd-start") == [initrd.start]
    assert chosen.longs("linux,initrd-end") == [initrd.stop]


def test_the_blob_is_the_same_every_time_and_its_size_knows_no_addresses() -> None:
    first = device_tree(harts=4, memory_bytes=1 << 27, bootargs="quiet", initrd=range(0, 0))
    assert first == device_tree(harts=4, memory_bytes=1 << 27, bootargs="quiet", initrd=range(0, 0))
    other = device_tree(harts=4, memory_bytes=1 << 36, bootargs="quiet", initrd=range(RAM, RAM * 2))
    assert len(first) == len(other)
    assert first != other


@pytest.mark.skipif(shutil.which("dtc") is None, reason="device-tree-compiler isn't installed")
@pytest.mark.parametrize("harts", [1, 8])
def test_dtc_has_nothing_to_object(harts: int) -> None:
    initrd = range(RAM, RAM + 5)
    blob = device_tree(
        harts=harts, memory_bytes=1 << 28, bootargs="quiet", initrd=initrd, virtio_slots=range(8)
    )
    source = subprocess.run(
        ["dtc", "-I", "dtb", "-O", "dts", "-"], input=blob, capture_output=True, check=True, timeout=60
    )
    assert source.stderr == b""
    again = subprocess.run(
        ["dtc", "-I", "dts", "-O", "dtb", "-"],
        input=source.stdout,
        capture_output=True,
        check=True,
        timeout=60,
    )
    # What dtc says of `again` is about handles having become plain numbers in the source.
    assert read(again.stdout) == read(blob)
