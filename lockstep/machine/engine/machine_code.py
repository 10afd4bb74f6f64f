"""Machine code of x86-64 that is too small, or runs too often, to be made by a compiler.

Each function returns the bytes of one C function in the System V calling convention: arguments in rdi, rsi, rdx,
rcx; the result in rax; rax, rcx, rdx, rsi, rdi and r8 to r11 may be overwritten.
"""

from __future__ import annotations

import ctypes
import mmap
import struct


class CodeMemory:
    """Executable memory that only grows; keep it alive as long as something can call what is in it."""

    def __init__(self, size_bytes: int = 4 * mmap.PAGESIZE) -> None:
        """Room for `size_bytes` of code."""
        self._memory = mmap.mmap(
            -1,
            size_bytes,
            flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS,
            prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC,
        )
        self._address = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))

    def add(self, code: bytes) -> int:
        """Put a function there; its address."""
        self._memory.seek(-(-self._memory.tell() // 16) * 16)
        address = self._address + self._memory.tell()
        self._memory.write(code)
        return address


def _word(value: int) -> bytes:
    return struct.pack("<Q", value)


def _near(target: int, base: int) -> bytes:
    return struct.pack("<i", target - base)


def block_hook(position: int, control: int, deadline: int, in_flight: int, slow: int, wiring: int) -> bytes:
    """The block hook's fast path, for each block that runs: `void hook(engine, pc, uint32 size, block)`.

    All parameters are host addresses: the position, CONTROL and two of its words, the slow path
    `void slow(wiring, pc, size, block)`, the hart's WIRING. A block's first word is its length:

        new = position + block.length
        if new > deadline: go to the slow path (also where the length is UNKNOWN, larger than any deadline)
        position = new; in_flight = block
    """
    due = (
        b"\x48\xbf" + _word(wiring)  # mov rdi, wiring
        + b"\x89\xd2"  # mov edx, edx
        + b"\x48\xb8" + _word(slow)  # mov rax, slow
        + b"\xff\xe0"  # jmp rax
    )  # fmt: skip
    plain = (
        b"\x49\x89\x00"  # mov [r8], rax
        + b"\x49\x89\x89" + _near(in_flight, control)  # mov [r9 + in_flight], rcx
        + b"\xc3"  # ret
    )  # fmt: skip
    return (
        b"\x49\xb8" + _word(position)  # mov r8, position
        + b"\x49\xb9" + _word(control)  # mov r9, control
        + b"\x49\x8b\x00"  # mov rax, [r8]
        + b"\x48\x03\x01"  # add rax, [rcx]
        + b"\x49\x3b\x81" + _near(deadline, control)  # cmp rax, [r9 + deadline]
        + b"\x7f" + bytes([len(plain)])  # jg due
        + plain
        + due
    )  # fmt: skip


def skip_if(second: int, record: int, flag: int, original: int) -> bytes:
    """Calls `original` with all that it was given, or does nothing.

    Nothing if the second argument is `second` and, in the record that the first one points at, the pointer at offset
    `record` leads to a byte at offset `flag` that isn't 0.
    """
    go_on = (
        b"\x48\xb8" + _word(original)  # mov rax, original
        + b"\xff\xe0"  # jmp rax
    )  # fmt: skip
    look = (
        b"\x48\x8b\x87" + struct.pack("<i", record)  # mov rax, [rdi + record]
        + b"\x80\xb8" + struct.pack("<i", flag) + b"\0"  # cmp byte [rax + flag], 0
        + b"\x75" + bytes([len(go_on)])  # jne to the end
    )  # fmt: skip
    return (
        b"\x48\xb8" + _word(second)  # mov rax, second
        + b"\x48\x39\xc6"  # cmp rsi, rax
        + b"\x75" + bytes([len(look)])  # jne go_on
        + look
        + go_on
        + b"\xc3"  # ret
    )  # fmt: skip


def if_called_from_elsewhere(
    start: int, size_bytes: int, record: int, flag: int, function: int, original: int
) -> bytes:
    """Calls `function` instead of `original` if the caller isn't in the `size_bytes` of code from `start` on.

    And only if, in the record that the first argument points at, the pointer at offset `record` leads to a byte at
    offset `flag` that isn't 0.
    """
    theirs = (
        b"\x48\xb8" + _word(original)  # mov rax, original
        + b"\xff\xe0"  # jmp rax
    )  # fmt: skip
    ours = (
        b"\x48\xb8" + _word(function)  # mov rax, function
        + b"\xff\xe0"  # jmp rax
    )  # fmt: skip
    look = (
        b"\x48\x8b\x87" + struct.pack("<i", record)  # mov rax, [rdi + record]
        + b"\x80\xb8" + struct.pack("<i", flag) + b"\0"  # cmp byte [rax + flag], 0
        + b"\x74" + bytes([len(ours)])  # je theirs
    )  # fmt: skip
    return (
        b"\x48\x8b\x04\x24"  # mov rax, [rsp]
        + b"\x48\xb9" + _word(start)  # mov rcx, start
        + b"\x48\x29\xc8"  # sub rax, rcx
        + b"\x48\xb9" + _word(size_bytes)  # mov rcx, size
        + b"\x48\x39\xc8"  # cmp rax, rcx
        + b"\x72" + bytes([len(look + ours)])  # jb theirs
        + look
        + ours
        + theirs
    )  # fmt: skip


def if_flagged(record: int, flag: int, function: int, original: int) -> bytes:
    """Calls `function` or `original` with all that it was given; where there is no `original` (0), returns 0.

    It is `function` if, in the record that the first argument points at, the pointer at offset `record` leads to a byte
    at offset `flag` that isn't 0.
    """
    ours = (
        b"\x48\xb8" + _word(function)  # mov rax, function
        + b"\xff\xe0"  # jmp rax
    )  # fmt: skip
    theirs = b"\x48\xb8" + _word(original) + b"\xff\xe0" if original else b"\x31\xc0\xc3"  # xor eax, eax; ret
    return (
        b"\x48\x8b\x87" + struct.pack("<i", record)  # mov rax, [rdi + record]
        + b"\x80\xb8" + struct.pack("<i", flag) + b"\0"  # cmp byte [rax + flag], 0
        + b"\x74" + bytes([len(ours)])  # je theirs
        + ours
        + theirs
    )  # fmt: skip


def with_fourth(function: int, fourth: int) -> bytes:
    """Calls `function` with the three arguments that it was given and `fourth`."""
    return (
        b"\x48\xb9" + _word(fourth)  # mov rcx, fourth
        + b"\x48\xb8" + _word(function)  # mov rax, function
        + b"\xff\xe0"  # jmp rax
    )  # fmt: skip


def test_word(offset: int, mask: int) -> bytes:
    """`bool test(record)`: whether the int32 at `offset` in the record has any bit of `mask`."""
    return (
        b"\x8b\x87" + struct.pack("<i", offset)  # mov eax, [rdi + offset]
        + b"\xa9" + struct.pack("<I", mask)  # test eax, mask
        + b"\x0f\x95\xc0"  # setne al
        + b"\xc3"  # ret
    )  # fmt: skip
