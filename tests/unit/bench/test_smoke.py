"""Every benchmark runs, at smoke size, as a user runs them."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command import REPOSITORY, environment

from bench.__main__ import CASES
from bench.promises import PROMISES

TIMEOUT_S = 300


@dataclasses.dataclass(frozen=True)
class Smoke:
    """What all of them printed, wrote and drew."""

    output: str
    written: dict[str, Any]
    plots: Path


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Smoke:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two CPUs")
    directory = tmp_path_factory.mktemp("bench")
    done = run("--smoke", "--json", str(directory / "bench.json"), "--plots", str(directory))
    assert done.returncode == 0, done.stdout + done.stderr
    return Smoke(done.stdout, json.loads((directory / "bench.json").read_text()), directory)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=REPOSITORY,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.timeout(TIMEOUT_S + 10)
@pytest.mark.parametrize("name", CASES)
def test_case(name: str, smoke: Smoke) -> None:
    (case,) = (case for case in smoke.written["cases"] if case["name"] == name)
    assert case["failures"] == []
    assert case["hash"] in smoke.output
    for target in case["targets"]:
        assert target["promise"].startswith(f"{name}.")
        assert target["verdict"] == "not judged (smoke)"
        assert PROMISES[target["promise"]].what in smoke.output
    for value in case["values"]:
        assert value["min"] <= value["median"] <= value["max"], value
    assert case["values"]
    assert all(value["name"].strip() for value in case["values"])
    assert (smoke.plots / f"{name}.svg").read_text().rstrip().endswith("</svg>")
    missing = [what for what in case["skipped"] if "isn't installed" in what]
    if missing:
        pytest.skip(missing[0])


@pytest.mark.slow
@pytest.mark.timeout(TIMEOUT_S + 10)
def test_the_machine_is_said(smoke: Smoke) -> None:
    assert set(smoke.written["machine"]) >= {"cpu", "cores", "kernel", "python", "unicorn", "numba", "qemu"}
    assert smoke.output.startswith("machine: ")


def test_what_makes_no_sense_is_refused_in_one_line(tmp_path: Path) -> None:
    for arguments in (["log", "--json", str(tmp_path / "no" / "x")], ["log", "--plots", "/dev/null/x"]):
        refused = run(*arguments)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr.startswith("bench: ")
        assert refused.stderr.count("\n") == 1
    assert "there is no benchmark 'nothing'" in run("nothing").stderr
