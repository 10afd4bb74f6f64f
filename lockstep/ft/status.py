"""The pair's status, in VMware FT's words."""

from __future__ import annotations

import enum


class Protection(enum.Enum):
    """Whether the guest survives the death of its host."""

    PROTECTED = "Protected"
    STARTING = "Not Protected (Starting)"
    NEED_SECONDARY = "Not Protected (Need Secondary)"
    DISABLED = "Not Protected (Disabled)"
    NOT_RUNNING = "Not Protected (VM Not Running)"
