"""Sizes, counts and durations as people type them."""

from __future__ import annotations

import pytest

from lockstep.errors import UsageError
from lockstep.machine.quantities import format_memory, parse_duration, parse_icount, parse_memory

NONSENSE = [
    "",
    "M",
    "-1",
    "+1",
    "1 M",
    " 1",
    "1e3",
    "0x10",
    "1.",
    ".5",
    "1,5",
    "12MB",
    "1MM",
    "nan",
    "inf",
    "٣",
    "9" * 5000,
]


@pytest.mark.parametrize(
    ("text", "memory_bytes"),
    [
        ("128M", 128 << 20),
        ("128m", 128 << 20),
        ("64", 64 << 20),
        ("1.5G", 3 << 29),
        ("2048K", 2 << 20),
        ("64g", 64 << 30),
        ("0.0625T", 64 << 30),
        ("1", 1 << 20),
        ("1028k", 1028 << 10),
    ],
)
def test_memory(text: str, memory_bytes: int) -> None:
    assert parse_memory(text) == memory_bytes


@pytest.mark.parametrize("text", [*NONSENSE, "5X", "0.0000001K", "1.00000001M"])
def test_nonsense_is_no_memory(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--memory .* is not a size: give one as 128M or 2G$"):
        parse_memory(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0", "--memory 0 bytes is out of range: give 1M to 64G"),
        ("1023K", "--memory 1047552 bytes is not a multiple of 4 KiB: give whole mebibytes, as 128M"),
        ("1020K", "--memory 1020K is out of range: give 1M to 64G"),
        ("65G", "--memory 65G is out of range: give 1M to 64G"),
        ("99999999T", "--memory 99999999T is out of range: give 1M to 64G"),
        ("1025K", "--memory 1049600 bytes is not a multiple of 4 KiB: give whole mebibytes, as 128M"),
    ],
)
def test_memory_that_no_machine_has(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_memory(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "icount"),
    [("0", 0), ("123", 123), ("5M", 5_000_000), ("1.5G", 1_500_000_000), ("2k", 2000), ("1T", 10**12)],
)
def test_icount(text: str, icount: int) -> None:
    assert parse_icount(text) == icount


@pytest.mark.parametrize("text", [*NONSENSE, "1.5", "5ms", "9300000000G", str(2**63)])
def test_nonsense_is_no_icount(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--max-icount .* is not a count of instructions: give one as"):
        parse_icount(text, "--max-icount")


@pytest.mark.parametrize(
    ("text", "seconds"), [("300ms", 0.3), ("2.5s", 2.5), ("2", 2.0), ("0", 0.0), ("10us", 1e-5), ("0.1", 0.1)]
)
def test_duration(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", [*NONSENSE, "5M", "5m", "2S"])
def test_nonsense_is_no_duration(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--timeout .* is not a duration: give one as 300ms or 2.5s$"):
        parse_duration(text, "--timeout")


def test_what_was_typed_is_shown_on_one_short_line() -> None:
    with pytest.raises(UsageError) as caught:
        parse_memory("two\nlines" * 1000)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize("text", ["128M", "3G", "1028K", "64G"])
def test_memory_is_shown_as_it_is_typed(text: str) -> None:
    assert format_memory(parse_memory(text)) == text
