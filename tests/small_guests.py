"""Guests of a few instructions, as raw images."""

from __future__ import annotations

from pathlib import Path

SPIN = b"\x6f\x00\x00\x00"
"""j ."""


def image(path: Path, *words: int) -> Path:
    """A raw image of these instructions at `path`."""
    path.write_bytes(b"".join(word.to_bytes(4, "little") for word in words))
    return path


def finisher_guest(path: Path, value: int) -> Path:
    """A raw image that writes `value` (32 bits) to the finisher."""
    upper, lower = (value + 0x800) >> 12 & 0xFFFFF, value & 0xFFF
    return image(
        path,
        0x00100337,  # lui t1, 0x100
        upper << 12 | 5 << 7 | 0x37,  # lui t0, upper
        lower << 20 | 5 << 15 | 5 << 7 | 0x1B,  # addiw t0, t0, lower
        0x00532023,  # sw t0, 0(t1)
    )


def waiting_guest(path: Path) -> Path:
    """A raw image that waits for ever with no interrupt enabled."""
    return image(path, 0x10500073, 0xFFDFF06F)  # wfi; j -4


def printing_guest(path: Path) -> Path:
    """A raw image that prints `x` for ever."""
    return image(
        path,
        0x10000337,  # lui t1, 0x10000
        0x07800293,  # li t0, 'x'
        0x00530023,  # sb t0, 0(t1)
        0xFFDFF06F,  # j -4
    )
