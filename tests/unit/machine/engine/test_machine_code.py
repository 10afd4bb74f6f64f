"""Machine code that no compiler made, called as C does; and as Capstone reads it."""

from __future__ import annotations

import ctypes

import capstone

from lockstep.machine.engine import machine_code
from lockstep.machine.engine.machine_code import CodeMemory

MEMORY = CodeMemory()
WORD = ctypes.c_int64
CALLED = ctypes.CFUNCTYPE(WORD, WORD, WORD, WORD, WORD)


def mnemonics(code: bytes) -> list[str]:
    engine = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    lines = list(engine.disasm(code, 0))
    assert sum(line.size for line in lines) == len(code), "bytes that are no instruction"
    return [line.mnemonic for line in lines]


def test_block_hook() -> None:
    calls = []
    slow = CALLED(lambda *arguments: calls.append(arguments) or 0)
    words = (WORD * 4)(100, 0, 0, 0)  # position; CONTROL: deadline, -, in flight
    at = ctypes.addressof(words)
    block = WORD(7)
    code = machine_code.block_hook(
        position=at,
        control=at + 8,
        deadline=at + 8,
        in_flight=at + 24,
        slow=ctypes.cast(slow, ctypes.c_void_p).value or 0,
        wiring=0x1234,
    )
    assert "call" not in mnemonics(code)
    hook = CALLED(MEMORY.add(code))
    block_at = ctypes.addressof(block)
    words[1] = 107
    hook(1, 0x8000_0000, 12, block_at)
    assert (list(words), calls) == ([107, 107, 0, block_at], []), "up to the deadline a block just runs"
    hook(1, -4, -1, block_at)
    assert list(words) == [107, 107, 0, block_at], "beyond it, the slow path decides"
    assert calls == [(0x1234, -4, 0xFFFF_FFFF, block_at)], "the size is 32 bits wide"


def test_skip_if() -> None:
    calls = []
    original = CALLED(lambda *arguments: calls.append(arguments) or 5)
    flag = ctypes.create_string_buffer(b"\0\0\0\1")
    record = (WORD * 3)(0, 0, ctypes.addressof(flag))
    address = ctypes.cast(original, ctypes.c_void_p).value or 0
    at = ctypes.addressof(record)
    skips = CALLED(MEMORY.add(machine_code.skip_if(second=77, record=16, flag=3, original=address)))
    skips(at, 77, 3, 4)
    assert calls == []
    assert skips(at, 78, 3, 4) == 5
    never = CALLED(MEMORY.add(machine_code.skip_if(second=77, record=16, flag=2, original=address)))
    assert never(at, 77, 3, 4) == 5
    assert calls == [(at, 78, 3, 4), (at, 77, 3, 4)]


def test_with_fourth() -> None:
    function = CALLED(lambda a, b, c, d: a + 10 * b + 100 * c + 1000 * d)
    code = machine_code.with_fourth(ctypes.cast(function, ctypes.c_void_p).value or 0, 4)
    assert CALLED(MEMORY.add(code))(1, 2, 3, 9) == 4321


def test_test_word() -> None:
    words = (ctypes.c_int32 * 3)(0, 0x6000, 0)
    is_set = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p)(MEMORY.add(machine_code.test_word(4, 0x6000)))
    found = []
    for value in (0x6000, 0x2000, 0x1000, 0, -1):
        words[1] = value
        found.append(is_set(ctypes.addressof(words)))
    assert found == [True, True, False, False, True]


def test_if_called_from_elsewhere() -> None:
    calls = []
    ours = CALLED(lambda *arguments: calls.append("ours") or 1)
    theirs = CALLED(lambda *arguments: calls.append("theirs") or 2)
    function, original = (ctypes.cast(each, ctypes.c_void_p).value or 0 for each in (ours, theirs))
    flag = ctypes.create_string_buffer(b"\0\1")
    record = (WORD * 2)(0, ctypes.addressof(flag))

    def made(size_bytes: int, flag: int) -> bytes:
        return machine_code.if_called_from_elsewhere(
            0, size_bytes, record=8, flag=flag, function=function, original=original
        )

    everywhere, nowhere = (1 << 64) - 1, 0
    for size_bytes, flag_at, result in (
        (nowhere, 1, 1),
        (nowhere, 0, 2),
        (everywhere, 1, 2),
        (everywhere, 0, 2),
    ):
        call = CALLED(MEMORY.add(made(size_bytes, flag_at)))
        assert call(ctypes.addressof(record), 0, 0, 0) == result
    assert calls == ["ours", "theirs", "theirs", "theirs"]


def test_if_flagged() -> None:
    ours, theirs = (
        CALLED(lambda *arguments: sum(arguments[1:])),
        CALLED(lambda *arguments: -sum(arguments[1:])),
    )
    function, original = (ctypes.cast(each, ctypes.c_void_p).value or 0 for each in (ours, theirs))
    flag = ctypes.create_string_buffer(b"\0\1")
    record = (WORD * 2)(0, ctypes.addressof(flag))
    results = [
        CALLED(MEMORY.add(machine_code.if_flagged(8, at, function, other)))(ctypes.addressof(record), 1, 2, 3)
        for at, other in ((1, original), (0, original), (1, 0), (0, 0))
    ]
    assert results == [6, -6, 6, 0]
