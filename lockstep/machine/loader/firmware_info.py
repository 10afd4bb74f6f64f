"""What OpenSBI's fw_dynamic asks for in a2: where to go next, and in which mode.

Source: OpenSBI, docs/firmware/fw_dynamic.md and include/sbi/fw_dynamic.h, version 2 of the structure.
"""

from __future__ import annotations

import struct

_MAGIC = int.from_bytes(b"OSBI", "little")
_VERSION = 2
_SUPERVISOR_MODE = 1
_LAYOUT = struct.Struct("<6Q")
FIRMWARE_INFO_BYTES = _LAYOUT.size


def firmware_info(next_address: int) -> bytes:
    """The structure that sends firmware on to `next_address` in supervisor mode; hart 0 boots."""
    options = boot_hart = 0
    return _LAYOUT.pack(_MAGIC, _VERSION, next_address, _SUPERVISOR_MODE, options, boot_hart)
