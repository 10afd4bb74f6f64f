"""Benchmarks: `python -m bench`. docs/benchmarks.md says what each of them measures."""

from __future__ import annotations

import os

COMPILE_VARIABLE = "LOCKSTEP_NATIVE"
# Benchmarks of the log have native code of their own, which is compiled together with the log's.
os.environ[COMPILE_VARIABLE] = "compile"
