"""Sources of non-determinism that can be ruled out by looking: at imports, at compiled code, at the layout of state."""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from typing import Any

import capstone
import numpy as np
import pytest
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

from lockstep.cli.session import prepare
from lockstep.machine.engine import floating_point
from lockstep.machine.engine.layout import ENV, ENV_STATE_BYTES
from lockstep.machine.engine.libunicorn import library
from lockstep.machine.state import BOARD
from lockstep.native_cache import NATIVE_CACHE
from lockstep.native_image import read_image
from lockstep.paths import package_directory

UNPREDICTABLE = {"time", "random", "secrets", "uuid", "datetime", "socket", "threading", "multiprocessing"}
DETERMINISTIC_PACKAGES = ("machine", "log", "ft")
ALLOWED = {("machine/compiled.py", "time")}
"""How old compiled code is."""
ARITHMETIC = r"f\w+|v?(add|sub|mul|div|sqrt|u?comi|cmp|cvt|max|min|fm|fnm)\w*[sp][sd]\w*"
"""Mnemonics of x87, SSE and AVX."""
CLOCKS_KNOWN = {"gettimeofday", "clock_gettime"}
"""libunicorn's only clocks: the first decides on the size of the soft-TLB, the second is for its own timeouts."""
CLOCKS_AND_DICE = {
    *("time", "gettimeofday", "clock_gettime", "clock", "times", "getrusage", "timespec_get", "ftime"),
    *(
        "rand",
        "rand_r",
        "srand",
        "random",
        "srandom",
        "drand48",
        "lrand48",
        "getrandom",
        "getentropy",
        "arc4random",
    ),
}


def imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            yield node.module.split(".")[0]


def test_nothing_below_the_host_can_tell_the_time_or_throw_dice() -> None:
    package = package_directory()
    found = {
        (str(path.relative_to(package)), module)
        for name in DETERMINISTIC_PACKAGES
        for path in (package / name).rglob("*.py")
        for module in imported(path.read_text())
        if module in UNPREDICTABLE
    }
    assert found <= ALLOWED


def test_nothing_below_the_host_asks_the_kernel_for_random_bytes() -> None:
    package = package_directory()
    for name in DETERMINISTIC_PACKAGES:
        for path in (package / name).rglob("*.py"):
            assert not re.search(r"\burandom\b|\bgetrandom\b|\bhash\(|\bid\(", path.read_text()), path


def test_libunicorn_has_no_other_clocks_and_no_dice() -> None:
    with open(library._name, "rb") as file:
        symbols = ELFFile(file).get_section_by_name(".dynsym").iter_symbols()
        needed = {symbol.name for symbol in symbols if symbol["st_shndx"] == "SHN_UNDEF"}
    assert "memcpy" in needed, "nothing was found at all"
    assert needed & CLOCKS_AND_DICE == CLOCKS_KNOWN


def leaves(record: np.dtype[Any], offset: int = 0) -> Iterator[tuple[int, int]]:
    """Where each field without fields of its own begins and ends."""
    if record.subdtype is not None:
        element, shape = record.subdtype
        for index in range(int(np.prod(shape))):
            yield from leaves(element, offset + index * element.itemsize)
    elif record.fields is None:
        yield offset, offset + record.itemsize
    else:
        for field, at, *_ in record.fields.values():
            yield from leaves(field, offset + at)


def test_state_has_no_padding() -> None:
    """A gap would hold whatever was in memory, and be part of every digest."""
    end = 0
    for first, last in sorted(leaves(BOARD)):
        assert first == end, f"a gap of {first - end} bytes before byte {first} of BOARD"
        end = last
    assert end == BOARD.itemsize


def test_registers_end_before_what_is_libunicorns_own() -> None:
    """Pointers, and what a float_status holds beside the flags, are in no digest."""
    assert ENV.fields is not None
    for name in ("engine", "float_exception_flags"):
        assert ENV.fields[name][1] >= ENV_STATE_BYTES


@pytest.fixture(scope="module")
def operations() -> dict[str, set[str]]:
    """The floating-point instructions in all that is entered natively, by name of the function."""
    prepare()
    image = read_image(NATIVE_CACHE)
    assert image is not None
    return {name: set(float_instructions(function.code)) for name, function in image.functions.items()}


def float_instructions(code: bytes) -> Iterator[str]:
    """Mnemonics of the scalar and packed floating-point instructions of an ELF object that aren't mere moves."""
    disassembler = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    for section in ELFFile(io.BytesIO(code)).iter_sections():
        if section["sh_flags"] & SH_FLAGS.SHF_EXECINSTR:
            for _, _, mnemonic, _ in disassembler.disasm_lite(section.data(), 0):
                if re.fullmatch(ARITHMETIC, mnemonic):
                    yield mnemonic


def test_native_code_computes_with_integers(operations: dict[str, set[str]]) -> None:
    """But for four functions of one operation each: no contraction, no reordering, and no processor differs."""
    own = {
        f"{floating_point.__name__}.{name}": {mnemonic, f"v{mnemonic}"}
        for name, mnemonic in (
            ("add", "addsd"),
            ("subtract", "subsd"),
            ("multiply", "mulsd"),
            ("divide", "divsd"),
        )
    }
    assert len(operations) > 20
    for name, found in operations.items():
        assert len(found) == (name in own), f"{name}: {found}"
        assert found <= own.get(name, set()), f"{name}: {found}"
