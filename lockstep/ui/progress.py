"""Progress on stderr: a moving line on a terminal, a plain line per step anywhere else."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

Report = Callable[[str, float | None], None]
"""Called with what is being done and how far it is (0 to 1, None if unknown)."""


@contextlib.contextmanager
def steps_shown() -> Iterator[Report]:
    """Within: what the function given is called with is shown."""
    if not sys.stderr.isatty():
        yield _plain_report()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("", total=None)

        def report(step: str, done: float | None) -> None:
            total = None if done is None else 1.0
            shown.update(task, description=step, total=total, completed=done or 0.0)

        yield report


def _plain_report() -> Report:
    last = ""

    def report(step: str, done: float | None) -> None:
        nonlocal last
        if step != last:
            print(f"lockstep: {step} ...", file=sys.stderr, flush=True)
        last = step

    return report


@contextlib.contextmanager
def step_shown(step: str) -> Iterator[None]:
    """Within: one thing of unknown length is being done."""
    with steps_shown() as report:
        report(step, None)
        yield
