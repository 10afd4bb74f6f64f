"""The machine that a script asks for, in the words of `lockstep run`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from lockstep.catalog.choice import GuestOptions, choose_machine
from lockstep.errors import UsageError

if TYPE_CHECKING:
    from lockstep.machine.config import GuestSource, MachineConfig

Source = str | os.PathLike[str] | bytes
"""A file of the guest: its path, or its bytes."""


def config_of(
    guest: Source | None,
    *,
    memory: str | int | None,
    harts: int,
    bios: Source | None,
    kernel: Source | None,
    initrd: Source | None,
    append: str,
    clock: str,
    disks: Iterable[str | os.PathLike[str]] = (),
    net: str = "none",
) -> MachineConfig:
    """The machine's config. UsageError or GuestError if there is no such machine or guest."""
    return choose_machine(
        GuestOptions(
            guest=guest if guest is None or isinstance(guest, bytes) else os.fspath(guest),
            memory=_memory(memory),
            harts=harts,
            bios=_source(bios),
            kernel=_source(kernel),
            initrd=_source(initrd),
            append=append,
            clock=clock,
            disks=tuple(os.fspath(disk) for disk in disks),
            net=net,
        )
    )


def _source(source: Source | None) -> GuestSource | None:
    return source if source is None or isinstance(source, bytes) else Path(source)


def _memory(memory: str | int | None) -> str | None:
    """As `--memory` has it; a number is in bytes."""
    if memory is None or isinstance(memory, str):
        return memory
    if memory < 0 or memory % 4096:
        raise UsageError(f"memory={memory} is not a multiple of 4096 bytes: give bytes, or a text as '128M'")
    return f"{memory // 1024}K"
