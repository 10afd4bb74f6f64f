from __future__ import annotations

import os
from pathlib import Path

from lockstep.machine.compiled import UNUSED_DAYS_MAX, remove_outdated
from lockstep.native_cache import IMAGE_FILE, source_key

NOW_S = 1_800_000_000.0
OLD_S = NOW_S - (UNUSED_DAYS_MAX + 1) * 86_400


def compiled_code(parent: Path, name: str, used_s: float, *, complete: bool = True) -> Path:
    directory = parent / name
    (directory / "machine_0").mkdir(parents=True)
    (directory / "lock").touch()
    if complete:
        (directory / IMAGE_FILE).touch()
        os.utime(directory / IMAGE_FILE, (used_s, used_s))
    os.utime(directory, (used_s, used_s))
    return directory


def test_only_what_is_old_and_unused_and_ours_goes(tmp_path: Path) -> None:
    compiled_code(tmp_path, "old", OLD_S)
    compiled_code(tmp_path, "old-incomplete", OLD_S, complete=False)
    recent = compiled_code(tmp_path, "recent", NOW_S - 86_400)
    mine = compiled_code(tmp_path, "mine", OLD_S)
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    os.utime(foreign, (OLD_S, OLD_S))
    remove_outdated(tmp_path, keep=mine, now_s=NOW_S)
    assert sorted(tmp_path.iterdir()) == sorted([recent, mine, foreign])


def test_key_follows_the_source_that_is_compiled(tmp_path: Path) -> None:
    machine, cli = tmp_path / "machine" / "a.py", tmp_path / "cli" / "b.py"
    for file in (machine, cli):
        file.parent.mkdir()
        file.write_text("x = 1\n")
    before = source_key(tmp_path)
    cli.write_text("x = 2\n")
    assert source_key(tmp_path) == before
    times = machine.stat().st_atime_ns, machine.stat().st_mtime_ns
    machine.write_text("x = 2\n")
    os.utime(machine, ns=times)
    changed = source_key(tmp_path)
    assert changed != before, "the same time and size, but other code"
    os.utime(machine, ns=(times[0], times[1] + 1))
    assert source_key(tmp_path) != changed, "Numba's own index goes by the time: it would compile all again"
