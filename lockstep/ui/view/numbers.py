"""Numbers as people read them in little room."""

from __future__ import annotations

_BYTE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_COUNT_UNITS = ("", " k", " M", " G", " T", " P")


def bytes_text(count: float) -> str:
    """`1.5 MiB`."""
    unit = 0
    while count >= 1000 and unit < len(_BYTE_UNITS) - 1:
        count, unit = count / 1024, unit + 1
    return f"{count:.3g} {_BYTE_UNITS[unit]}" if count < 999.5 else f"{count:.0f} {_BYTE_UNITS[unit]}"


def count_text(count: float) -> str:
    """`1.25 G`."""
    unit = 0
    while count >= 999.5 and unit < len(_COUNT_UNITS) - 1:
        count, unit = count / 1000, unit + 1
    return f"{count:.3g}{_COUNT_UNITS[unit]}"


def milliseconds_text(duration_ms: float) -> str:
    """`0.61 ms`, `250 ms`, `1.5 s`."""
    if duration_ms >= 999.5:
        return f"{duration_ms / 1e3:.3g} s"
    return f"{duration_ms:.2g} ms" if duration_ms < 10 else f"{duration_ms:.0f} ms"


def clock_text(seconds: float) -> str:
    """`1:02:03` or `2:03`."""
    minutes, second = divmod(int(max(seconds, 0)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
