"""The journal of a run from the command line: from its start to its end, of a pair or of a single machine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lockstep.errors import LockstepError

if TYPE_CHECKING:
    from lockstep.host.options import RunOptions
    from lockstep.host.result import RunResult
    from lockstep.machine.config import MachineConfig
    from lockstep.monitor.journal_file import JournalFile
    from lockstep.monitor.status import StatusSource


class RunJournal:
    """What a run notes, and where: nowhere, if nobody wants it. A pair notes its own start and end."""

    def __init__(self, file: JournalFile | None, *, solo: bool) -> None:
        """Of a `solo` machine or of a pair."""
        self._file = file
        self._solo = solo

    def observe(self, source: StatusSource) -> None:
        """Note what happens to the pair that is about to start."""
        if self._file is not None:
            source.listen(self._file.write)

    def started(self, config: MachineConfig, options: RunOptions, name: str) -> None:
        """A single machine is about to run the guest `name`."""
        if self._file is not None and self._solo:
            from lockstep.monitor.start_and_end import start_data

            self._note("start", f"{name} is to run alone", start_data(name, config, options, solo=True))

    def ended(self, result: RunResult) -> None:
        """This is what the run came to."""
        if self._file is not None and self._solo:
            from lockstep.monitor.start_and_end import end_data, end_text

            self._note("end", end_text(result), end_data(result), result.wall_s)

    def failed(self, error: LockstepError) -> None:
        """The run failed."""
        if self._solo:
            self._note("end", f"the run fails: {error}", {"outcome": "error", "exit_code": error.exit_code})

    def _note(self, kind: str, text: str, data: dict[str, object], at_s: float = 0.0) -> None:
        from lockstep.monitor.status import Happening

        if self._file is not None:
            self._file.write(Happening(at_s=round(at_s, 6), kind=kind, text=text, data=data))


@contextlib.contextmanager
def open_journal(
    path: Path | None, config: MachineConfig, options: RunOptions, name: str, *, solo: bool
) -> Iterator[RunJournal]:
    """The journal at `path`, or none; closed at the end. UsageError if it can't be written."""
    if path is None:
        yield RunJournal(None, solo=solo)
        return
    from lockstep.monitor.journal_file import JournalFile

    file = JournalFile(path, options.say)
    try:
        journal = RunJournal(file, solo=solo)
        journal.started(config, options, name)
        yield journal
    finally:
        file.close()
