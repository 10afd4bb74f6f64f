"""Benchmarks: `python -m bench`. docs/benchmarks.md says what each of them measures."""
