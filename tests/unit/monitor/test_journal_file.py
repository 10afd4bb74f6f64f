"""A journal in a file: lines of several runs, a disk that is full, a line that was cut."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lockstep.errors import UsageError
from lockstep.monitor.journal_file import JournalFile
from lockstep.monitor.status import Happening


def happening(number: int) -> Happening:
    return Happening(at_s=1.5, kind="failover", text="it happens", data={"number": number})


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_runs_append_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    for run in range(2):
        journals = [JournalFile(path, lambda line: None) for _ in range(2)]
        for number in range(50):
            journals[number % 2].write(happening(run * 50 + number))
        for journal in journals:
            journal.close()
    found = lines(path)
    assert sorted(line["data"]["number"] for line in found) == list(range(100))
    assert len({line["run"] for line in found}) == 4
    first = found[0]
    assert (first["at_s"], first["kind"], first["text"], first["pid"]) == (
        1.5,
        "failover",
        "it happens",
        os.getpid(),
    )
    assert str(first["time"]).endswith("+00:00")


def test_after_a_line_that_was_cut_comes_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_text('{"kind": "sta')
    journal = JournalFile(path, lambda line: None)
    journal.write(happening(1))
    journal.close()
    cut, whole = path.read_text().splitlines()
    assert cut == '{"kind": "sta'
    assert json.loads(whole)["data"] == {"number": 1}


def test_a_full_disk_is_said_once() -> None:
    said: list[str] = []
    journal = JournalFile(Path("/dev/full"), said.append)
    for number in range(3):
        journal.write(happening(number))
    journal.close()
    assert said == [
        "the journal /dev/full can't be written: No space left on device; the guest runs on without it"
    ]


@pytest.mark.parametrize("where", ["", "missing/journal"])
def test_a_path_that_can_t_be_written_is_a_usage_error(where: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--journal .* can't be written"):
        JournalFile(tmp_path / where, lambda line: None)


def test_a_pipe_that_nobody_reads_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="give another path"):
        JournalFile(tmp_path / "pipe", lambda line: None)
