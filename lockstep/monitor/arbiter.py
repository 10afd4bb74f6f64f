"""The arbiter (rule 6): one record of who is primary and who may follow it, changed by test-and-set.

Each change is a file that is created atomically in one directory; who creates number N+1 has won it. The interface
is small enough for a distributed store with compare-and-swap.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from lockstep.errors import InternalError


class ArbiterError(InternalError):
    """The record can't be read or changed: who runs the guest can't be settled."""


class Record(msgspec.Struct, frozen=True):
    """Who holds which role. `version` counts changes; `generation` counts how often the primary changed."""

    version: int
    generation: int
    primary: int
    secondary: int | None


class Arbiter(Protocol):
    """A store of one record with an atomic change."""

    def begin(self, record: Record) -> bool:
        """Store the first record; False if there is one."""

    def current(self) -> Record:
        """The record as it stands."""

    def change(self, before: Record, after: Record) -> bool:
        """Replace `before` by `after`; False if somebody else was faster."""


class DirectoryArbiter:
    """An arbiter in a directory of the local machine, or any file system with atomic link(2).

    What goes wrong there raises `ArbiterError`.
    """

    def __init__(self, directory: Path) -> None:
        """Use `directory`, which must exist."""
        self._directory = directory

    def current(self) -> Record:
        """The record with the highest version."""
        with self._reported():
            newest = max(self._directory.glob("record-*"))
            return msgspec.json.decode(newest.read_bytes(), type=Record)

    def begin(self, record: Record) -> bool:
        """Store the first record."""
        return self._create(record)

    def change(self, before: Record, after: Record) -> bool:
        """Replace `before` by `after`; False if somebody else was faster."""
        if after.version != before.version + 1:
            raise ValueError("a change makes the next version")
        return self._create(after)

    def _create(self, record: Record) -> bool:
        temporary = self._directory / f"new-{os.getpid()}"
        with self._reported():
            try:
                temporary.write_bytes(msgspec.json.encode(record))
                os.link(temporary, self._directory / f"record-{record.version:012d}")
            except FileExistsError:
                return False
            finally:
                temporary.unlink(missing_ok=True)
        return True

    @contextlib.contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._error(error.strerror or type(error).__name__) from None
        except (ValueError, msgspec.DecodeError):
            raise self._error("the record is gone") from None

    def _error(self, why: str) -> ArbiterError:
        return ArbiterError(
            f"the arbiter's directory {self._directory} can't be used ({why}): nobody may take over"
        )


def win(arbiter: Arbiter, candidate: int) -> Record | None:
    """Make `candidate` the primary of the next generation. None: it isn't the secondary on record, or was late."""
    before = arbiter.current()
    if before.secondary != candidate:
        return None
    after = Record(before.version + 1, before.generation + 1, candidate, None)
    return after if arbiter.change(before, after) else None


def set_secondary(arbiter: Arbiter, primary: int, secondary: int | None) -> Record | None:
    """Record who follows `primary`, or that nobody does. None: `primary` isn't it any more."""
    before = arbiter.current()
    if before.primary != primary:
        return None
    after = Record(before.version + 1, before.generation, primary, secondary)
    return after if arbiter.change(before, after) else None
