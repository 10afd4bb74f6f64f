"""Hostile guests never bring the process down or hang it, and are as deterministic as any: see `hostile`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lockstep.paths import package_directory

COUNT = 60
PROGRAM = Path(__file__).resolve().parent.parent / "hostile.py"


@pytest.mark.parametrize("first", [0, 10_000])
def test_hostile_guests(first: int) -> None:
    process = subprocess.run(
        [sys.executable, PROGRAM, str(first), str(COUNT)],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        env={**os.environ, "PYTHONPATH": str(package_directory().parent)},
    )
    seeds = process.stdout.split()
    last = seeds[-1] if seeds else "none"
    assert process.returncode == 0, f"seed {last}: exit status {process.returncode}\n{process.stderr[-3000:]}"
    assert len(seeds) == COUNT
