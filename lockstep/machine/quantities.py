"""Sizes, instruction counts and durations, from the command line and back."""

from __future__ import annotations

import re
from fractions import Fraction

from lockstep.errors import UsageError

KIB, MIB, GIB, TIB = 2**10, 2**20, 2**30, 2**40

PAGE_BYTES = 4 * KIB
MEMORY_BYTES_MIN = 1 * MIB
MEMORY_BYTES_MAX = 64 * GIB

# Digits are bounded, so that nonsense costs no time. ASCII only: `\d` would take every script's digits.
_QUANTITY = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,20})?)([A-Za-z]{0,2})")

_MEMORY_UNITS = {"": MIB, "K": KIB, "M": MIB, "G": GIB, "T": TIB}
_COUNT_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_DURATION_UNITS = {"": Fraction(1), "s": Fraction(1), "ms": Fraction(1, 10**3), "us": Fraction(1, 10**6)}
_SHOWN_MAX = 40


def parse_memory(text: str, option: str = "--memory") -> int:
    """Bytes of RAM from "128M", "1.5G" or "64" (MiB, as QEMU). UsageError if no machine has that much."""
    memory_bytes = _whole(text.upper(), _MEMORY_UNITS)
    if memory_bytes is None:
        raise UsageError(f"{option} {_shown(text)} is not a size: give one as 128M or 2G")
    check_memory(memory_bytes, option)
    return memory_bytes


def check_memory(memory_bytes: int, option: str = "--memory") -> None:
    """UsageError unless a machine can have `memory_bytes` of RAM."""
    if memory_bytes % PAGE_BYTES:
        raise UsageError(
            f"{option} {memory_bytes} bytes is not a multiple of 4 KiB: give whole mebibytes, as 128M"
        )
    if not MEMORY_BYTES_MIN <= memory_bytes <= MEMORY_BYTES_MAX:
        raise UsageError(
            f"{option} {format_memory(memory_bytes)} is out of range: "
            f"give {format_memory(MEMORY_BYTES_MIN)} to {format_memory(MEMORY_BYTES_MAX)}"
        )


def parse_icount(text: str, option: str = "icount") -> int:
    """A number of instructions from "123", "5M" or "1.5G" (powers of 1000). UsageError if it is none."""
    icount = _whole(text.upper(), _COUNT_UNITS)
    if icount is None or icount >= 2**63:
        raise UsageError(
            f"{option} {_shown(text)} is not a count of instructions: give one as 5000, 5M or 1.5G"
        )
    return icount


def parse_duration(text: str, option: str = "duration") -> float:
    """Seconds from "300ms", "2.5s" or "2". UsageError if it is none."""
    seconds = _quantity(text, _DURATION_UNITS)
    if seconds is None:
        raise UsageError(f"{option} {_shown(text)} is not a duration: give one as 300ms or 2.5s")
    return float(seconds)


def format_memory(memory_bytes: int) -> str:
    """`memory_bytes` in the largest unit that leaves it whole, as `parse_memory` takes it (or in bytes)."""
    for suffix in "TGMK":
        if memory_bytes % _MEMORY_UNITS[suffix] == 0 and memory_bytes:
            return f"{memory_bytes // _MEMORY_UNITS[suffix]}{suffix}"
    return f"{memory_bytes} bytes"


def _quantity(text: str, units: dict[str, int] | dict[str, Fraction]) -> Fraction | None:
    match = _QUANTITY.fullmatch(text)
    unit = units.get(match[2]) if match else None
    return Fraction(match[1]) * unit if match and unit is not None else None


def _whole(text: str, units: dict[str, int]) -> int | None:
    quantity = _quantity(text, units)
    return quantity.numerator if quantity is not None and quantity.denominator == 1 else None


def _shown(text: str) -> str:
    """`text` on one line and of bounded length."""
    return repr(text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "…")
