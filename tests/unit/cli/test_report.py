from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from lockstep import __version__
from lockstep.cli.report import check_report_path, make_report, write_report
from lockstep.errors import InternalError, UsageError
from lockstep.host.result import RunResult

RESULT = RunResult(
    outcome="exit",
    exit_code=3,
    icount=5_000_000,
    wall_s=0.5,
    console={"bytes": 2, "xxh3_128": "ab"},
    digest="cd",
)
KEYS = [
    "version", "guest", "outcome", "exit_code", "icount", "wall_s", "mips", "console", "digest", "log",
    "checks", "failovers", "clones", "divergence",
]  # fmt: skip


def test_keys_in_the_order_of_the_contract() -> None:
    report = make_report("hello", "f00", RESULT)
    assert list(report) == KEYS
    assert report["guest"] == {"name": "hello", "sha256": "f00"}
    assert (report["version"], report["mips"]) == (__version__, 10.0)
    assert (report["log"], report["checks"], report["divergence"]) == (None, None, None)
    assert (report["failovers"], report["clones"]) == ([], [])


def test_no_rate_without_a_run() -> None:
    failed = RunResult(outcome="error", exit_code=125, icount=None, wall_s=0.0, console={}, digest=None)
    assert make_report("x", None, failed)["mips"] is None


def test_written_whole_over_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("older and much longer than what replaces it" * 100)
    check_report_path(path)
    write_report(path, {"a": 1})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]


def test_checking_leaves_nothing_behind(tmp_path: Path) -> None:
    check_report_path(tmp_path / "report.json")
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(path.read_text()))
    reader.start()
    write_report(path, {"a": 1})
    reader.join(10)
    assert json.loads(read[0]) == {"a": 1}
    assert path.is_fifo()


@pytest.mark.parametrize("name", ["missing/report.json", "file/report.json", ".", "nul\0"])
def test_path_that_can_not_be_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="--report"):
        check_report_path(tmp_path / name)


def test_a_directory_that_went_away_meanwhile(tmp_path: Path) -> None:
    with pytest.raises(InternalError, match="can't be written"):
        write_report(tmp_path / "gone" / "report.json", {})
