"""Whatever the guest's files hold: a plan that keeps its promises, or a GuestError of one line. Nothing else.

Hypothesis prints the example that fails, and the seed to repeat it with.
"""

from __future__ import annotations

import gzip
import struct
import tracemalloc
from dataclasses import replace

import numpy as np
from elf_builder import HEADER, RAM, Elf, Load
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lockstep.errors import GuestError
from lockstep.machine.config import MachineConfig
from lockstep.machine.loader.place import BootPlan, plan_boot, write_boot

MEMORY_BYTES = 1 << 20
RAM_END = RAM + MEMORY_BYTES

VALID = Elf(
    (Load(RAM, bytes(64)), Load(RAM + 0x1000, b"data", memory_bytes=0x800), Load(RAM + 0x3000, b"x" * 40)),
    entry=RAM + 4,
    section_offset=300,
).build()  # fmt: skip

# Numbers at the edges of what a field can mean, and some of any size.
EDGES = (
    0,
    1,
    2,
    RAM - 1,
    RAM,
    RAM + 1,
    RAM_END - 1,
    RAM_END,
    RAM_END + 1,
    1 << 31,
    1 << 60,
    (1 << 63) - 1,
    1 << 63,
)
numbers = (
    st.sampled_from(EDGES)
    | st.integers(0, 300)
    | st.integers(RAM, RAM_END)
    | st.integers(-16, -1).map(lambda value: value % 2**64)
    | st.integers(0, 2**64 - 1)
)
shorts = st.sampled_from((0, 1, 2, 3, 32, 56, 64, 243, 0xFFFE, 0xFFFF)) | st.integers(0, 0xFFFF)
bytes_of_fields = st.integers(0, 4) | st.integers(0, 255)
words = st.sampled_from((0, 1, 2, 4, 6, 7, 0x6474E551)) | st.integers(0, 2**32 - 1)


# What each field may become. One or two of them at a time: a file that is wrong all over is refused at once.
LOAD_CHANGES = {
    "physical": st.integers(RAM, RAM + 0x3000) | numbers,
    "memory_bytes": numbers,
    "file_bytes": numbers,
    "virtual": numbers,
    "offset": numbers,
    "kind": words,
    "flags": words,
}
HEADER_CHANGES = {
    "entry": st.integers(RAM, RAM + 80),
    "word_class": bytes_of_fields,
    "byte_order": bytes_of_fields,
    "kind": shorts,
    "machine": shorts,
    "header_count": shorts,
    "header_bytes": shorts,
    "header_offset": numbers,
    "section_offset": numbers,
    "section_count": shorts,
}


@st.composite
def changes(draw: st.DrawFn, fields: dict[str, st.SearchStrategy[int]]) -> dict[str, int]:
    """New values for none, one or two of `fields`."""
    names = draw(st.lists(st.sampled_from(sorted(fields)), max_size=2, unique=True))
    return {name: draw(fields[name]) for name in names}


@st.composite
def structured(draw: st.DrawFn) -> bytes:
    """An ELF of which some fields are anything."""
    loads = [
        Load(RAM + 0x1000 * index, draw(st.binary(min_size=1, max_size=64)))
        for index in range(draw(st.integers(1, 3)))
    ]
    at = draw(st.integers(0, len(loads) - 1))
    loads[at] = replace(loads[at], **draw(changes(LOAD_CHANGES)))
    return replace(Elf(loads=tuple(loads)), **draw(changes(HEADER_CHANGES))).build()


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A valid ELF with some bytes changed, some taken out, some put in, or cut short."""
    data = bytearray(VALID)
    for _ in range(draw(st.integers(0, 8))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        match draw(st.sampled_from(("set", "set long", "take", "put", "cut"))):
            case "set":
                data[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case "set long":
                at = at // 8 * 8
                data[at : at + 8] = struct.pack("<Q", draw(numbers))
            case "take":
                del data[at : at + draw(st.integers(1, 64))]
            case "put":
                data[at:at] = draw(st.binary(max_size=64))
            case "cut":
                del data[at:]
    return bytes(data)


@st.composite
def linux_images(draw: st.DrawFn) -> bytes:
    """A Linux Image whose header says anything."""
    header = struct.pack("<QQQ24x8xI4x", 0x6F, draw(numbers), draw(numbers), 0x05435352)
    return header + draw(st.binary(max_size=100))


anything = mutated() | structured() | st.binary(max_size=300) | linux_images()
packed = anything.map(gzip.compress) | st.tuples(anything.map(gzip.compress), st.integers(0, 400)).map(
    lambda pair: pair[0][: pair[1]]
)
guests = anything | packed


def plan_or_refusal(config: MachineConfig) -> BootPlan | None:
    """The plan, checked; None where it was refused in one line."""
    plan, refusal, peak_bytes = attempt(config)
    # What is unpacked exists packed, unpacked and as a segment for a moment; a claim alone takes nothing.
    assert peak_bytes < 3 * config.memory_bytes, "the loader took more memory than the machine explains"
    assert (plan is None) == bool(refusal)
    assert refusal.isprintable() or not refusal, "a refusal is one line"
    if plan is not None:
        check(plan, config)
    return plan


def attempt(config: MachineConfig) -> tuple[BootPlan | None, str, int]:
    """The plan or why there is none, and the memory that it took to find out in bytes."""
    tracemalloc.start()
    try:
        return plan_boot(config), "", tracemalloc.get_traced_memory()[1]
    except GuestError as error:
        return None, str(error), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def check(plan: BootPlan, config: MachineConfig) -> None:
    """The promises of `BootPlan`."""
    end = RAM
    for segment in plan.segments:
        assert end <= segment.address, "segments overlap, lie below RAM or are out of order"
        assert segment.zero_bytes >= 0
        end = segment.end
    assert end <= RAM + config.memory_bytes
    assert plan.entry % 2 == 0
    assert any(segment.address <= plan.entry < segment.end for segment in plan.segments)
    assert plan.device_tree_address % 8 == 0
    ram = np.zeros(config.memory_bytes, np.uint8)
    write_boot(plan, ram)
    assert ram[plan.device_tree_address - RAM :][:4].tobytes() == b"\xd0\x0d\xfe\xed"


def test_the_unchanged_guest_is_planned() -> None:
    assert plan_or_refusal(MachineConfig(guest=VALID, memory_bytes=MEMORY_BYTES)) is not None


@settings(max_examples=800, deadline=2000)
@given(guest=structured())
def test_an_elf_with_any_fields_is_a_guest_or_is_refused(guest: bytes) -> None:
    plan_or_refusal(MachineConfig(guest=guest, memory_bytes=MEMORY_BYTES))


@settings(max_examples=400, deadline=2000)
@given(guest=mutated())
def test_an_elf_with_any_bytes_is_a_guest_or_is_refused(guest: bytes) -> None:
    plan_or_refusal(MachineConfig(guest=guest, memory_bytes=MEMORY_BYTES))


@settings(max_examples=400, deadline=2000)
@given(guest=guests)
@example(guest=Elf((Load(memory_bytes=2**60, file_bytes=2**60),)).build())
@example(guest=VALID[: HEADER.size])
def test_any_file_is_a_guest_or_is_refused(guest: bytes) -> None:
    plan_or_refusal(MachineConfig(guest=guest, memory_bytes=MEMORY_BYTES))


@settings(max_examples=200, deadline=2000)
@given(
    bios=guests,
    kernel=guests,
    initrd=st.none() | st.binary(max_size=50) | st.integers(0, 5 << 20).map(bytes),
    memory_mib=st.integers(1, 8),
    harts=st.integers(1, 8),
    append=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
)
def test_any_files_together_are_a_machine_or_are_refused(
    bios: bytes, kernel: bytes, initrd: bytes | None, memory_mib: int, harts: int, append: str
) -> None:
    config = MachineConfig(
        bios=bios, kernel=kernel, initrd=initrd, memory_bytes=memory_mib << 20, harts=harts, append=append
    )
    plan_or_refusal(config)
