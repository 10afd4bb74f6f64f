"""Every benchmark runs, at smoke size, as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command import REPOSITORY, environment

from bench.__main__ import CASES

TIMEOUT_S = 200


@pytest.mark.slow
@pytest.mark.timeout(TIMEOUT_S + 10)
@pytest.mark.parametrize("name", CASES)
def test_case(name: str, tmp_path: Path) -> None:
    if name in ("checks", "interval", "log", "overhead") and len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two CPUs")
    path = tmp_path / "bench.json"
    done = subprocess.run(
        [sys.executable, "-m", "bench", name, "--smoke", "--json", str(path)],
        cwd=REPOSITORY,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    written = json.loads(path.read_text())
    assert set(written["machine"]) >= {"cpu", "cores", "kernel", "python", "unicorn", "numba", "qemu"}
    (case,) = written["cases"]
    assert case["name"] == name
    assert case["failures"] == []
    assert case["hash"] in done.stdout
    for target in case["targets"]:
        assert target["verdict"] == "not judged (smoke)"
        assert f"{target['bound']} {target['limit']:g}" in done.stdout
    for value in case["values"]:
        assert value["min"] <= value["median"] <= value["max"], value
    assert case["values"]
    assert case["targets"]
    missing = [what for what in case["skipped"] if "qemu" in what]
    if missing:
        pytest.skip(missing[0])
