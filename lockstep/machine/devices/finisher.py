"""The test finisher: how a guest ends its run (SiFive test device, as on QEMU's `virt`).

One register at offset 0. The low 16 bits say what, the high 16 bits are the exit code:
0x5555 power off, 0x3333 exit with the code, 0x7777 reset. Reads give 0. The first stop wins: later
writes, of another hart say, change nothing. As in QEMU, byte writes do nothing.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from lockstep.native import nopython

KIND_NONE, KIND_POWEROFF, KIND_EXIT, KIND_RESET = 0, 1, 2, 3
EXIT_CODE_MAX = 119
"""Higher codes of a guest are reported as this one: 120 and above are lockstep's own exit statuses."""

_FAIL, _PASS, _RESET = 0x3333, 0x5555, 0x7777

FINISHER = np.dtype([("stopped", np.int64), ("exit_code", np.int64), ("kind", np.int64)], align=True)


class Finisher(Protocol):
    """A FINISHER record, as the functions below see it."""

    stopped: int  # 1 from the first stop on
    exit_code: int  # 0 to EXIT_CODE_MAX
    kind: int  # KIND_*


@nopython
def finisher_reset(finisher: Finisher) -> None:
    """Running again: not stopped."""
    finisher.stopped = 0
    finisher.exit_code = 0
    finisher.kind = KIND_NONE


@nopython
def finisher_read(finisher: Finisher, offset: int, size: int) -> int:
    """All registers read 0."""
    return 0


@nopython
def finisher_write(finisher: Finisher, offset: int, size: int, value: int) -> int:
    """Write `size` bytes of `value`; returns the `kind` of stop now in force (0: none)."""
    if finisher.stopped != 0 or offset != 0 or size < 2:
        return finisher.kind
    command = value & 0xFFFF
    code = (value >> 16) & 0xFFFF if size >= 4 else 0
    if command == _PASS:
        finisher.kind = KIND_POWEROFF
    elif command == _FAIL:
        finisher.kind = KIND_EXIT
        finisher.exit_code = min(code, EXIT_CODE_MAX)
    elif command == _RESET:
        finisher.kind = KIND_RESET
    if finisher.kind != KIND_NONE:
        finisher.stopped = 1
    return finisher.kind
