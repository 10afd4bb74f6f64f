"""What the guest `records` leaves on a disk, computed anew: what it has to hold after the guest's record n."""

from __future__ import annotations

import re
from pathlib import Path

BLOCK_BYTES = 4096
ZERO_EVERY = 16
_WORDS = BLOCK_BYTES // 8
_MAGIC = 0x4452434F434552
_MASK = (1 << 64) - 1


def _hash_mix(value: int, word: int) -> int:
    value = (value ^ word) * 0x9E3779B97F4A7C15 & _MASK
    return value ^ value >> 29


def place(number: int, blocks: int) -> int:
    """The block that record `number` goes to."""
    return _hash_mix(0x7265636F7264, number) % blocks


def record(number: int, block: int) -> bytes:
    """The content of `block` once record `number` is in it."""
    words = [_MAGIC, number, block, 0]
    state = number * 2 + 1
    for _ in range(_WORDS - 4):
        state ^= state << 13 & _MASK
        state ^= state >> 7
        state ^= state << 17 & _MASK
        words.append(state)
    checksum = 1
    for index, word in enumerate(words):
        if index != 3:
            checksum = _hash_mix(checksum, word)
    words[3] = checksum
    return b"".join(word.to_bytes(8, "little") for word in words)


def layout(number: int, blocks: int) -> list[int]:
    """Of each block, the record in it after record `number`; 0: zeros."""
    held = [0] * blocks
    for one in range(1, number + 1):
        held[place(one, blocks)] = 0 if one % ZERO_EVERY == 0 else one
    return held


def numbers_on(path: Path) -> list[int]:
    """Of each block, the number of the record that is in it, whole; 0: zeros. Fails on anything else."""
    image = path.read_bytes()
    found = []
    for block in range(len(image) // BLOCK_BYTES):
        content = image[block * BLOCK_BYTES : (block + 1) * BLOCK_BYTES]
        number = int.from_bytes(content[8:16], "little")
        expected = record(number, block) if number else bytes(BLOCK_BYTES)
        assert content == expected, f"block {block} holds neither zeros nor record {number}"
        found.append(number)
    return found


def last_record(path: Path) -> int:
    """The record after which the disk looked as it does. Fails if it never looked like this."""
    found = numbers_on(path)
    largest = max(found)
    for number in range(largest, largest + ZERO_EVERY + 1):
        if layout(number, len(found)) == found:
            return number
    wanted = layout(largest, len(found))
    differs = {
        block: (want, has) for block, (want, has) in enumerate(zip(wanted, found, strict=True)) if want != has
    }
    raise AssertionError(f"the disk isn't what it was after record {largest}; (should, is): {differs}")


def flushed(console: bytes) -> int:
    """The last record of which the guest says that it is flushed."""
    return max(
        (int(number) for number in re.findall(rb"^flushed (\d+)\r?$", console, re.MULTILINE)), default=0
    )
