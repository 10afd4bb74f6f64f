"""`lockstep sim`: break a simulated pair in every way we know, and see whether it keeps its promises."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lockstep.sim.run import Verdict

SEED_BITS = 32
SEED_MAX = 2**63 - 1


def sim(
    seed: Annotated[
        int | None, typer.Option(metavar="N", min=0, max=SEED_MAX, help="The first seed; drawn if not given.")
    ] = None,
    count: Annotated[int, typer.Option(metavar="N", min=1, help="How many seeds, from --seed upwards.")] = 1,
    trace: Annotated[bool, typer.Option("--trace", help="Print every event of every seed.")] = False,
) -> int:
    """Simulate a pair on virtual time, under seeded faults.

    The protocol is the real one. Hosts crash, stop, wake, lag and lose each other; channels delay, double and break;
    the monitor is late. All the while safety is checked: one writer per generation, no byte lost, doubled or
    reordered, input once and in order, output as the survivor's state has it, what a flush promised in the disk's file.
    Then the faults stop, and the pair must be Protected again and the guest must end. A seed always gives the same
    events.

    Exit status: 0 all seeds passed, 1 safety was violated, 3 only liveness was (nothing wrong was done, but the pair
    or its guest got stuck), 2 usage.
    """
    from lockstep.sim.run import Failure, run_seed

    first = random.SystemRandom().getrandbits(SEED_BITS) if seed is None else seed
    typer.echo(f"seed {first}" + (f" to {first + count - 1}" if count > 1 else ""))
    verdicts = []
    started_s = time.perf_counter()
    for number in range(first, first + count):
        lines: list[str] | None = [] if trace else None
        verdict = run_seed(number, trace=lines)
        verdicts.append(verdict)
        for line in lines or ():
            typer.echo(line)
        if verdict.failure is not None:
            again = "" if trace else f"; lockstep sim --seed {number} --trace shows how"
            typer.echo(f"seed {number}: {verdict.failure.name.lower()}: {verdict.text}{again}")
    typer.echo(_summary(verdicts))
    if not trace:
        typer.echo(f"{count / (time.perf_counter() - started_s) * 60:,.0f} seeds a minute")
    failures = {verdict.failure for verdict in verdicts}
    return next((kind.value for kind in (Failure.SAFETY, Failure.LIVENESS) if kind in failures), 0)


def _summary(verdicts: list[Verdict]) -> str:
    passed = sum(verdict.failure is None for verdict in verdicts)
    faults, failovers, clones, differ, full = (
        sum(getattr(verdict, what) for verdict in verdicts)
        for what in ("faults", "failovers", "clones", "divergences", "full_rings")
    )
    lost = sum(verdict.is_guest_lost for verdict in verdicts)
    return (
        f"{passed} of {len(verdicts)} passed: {faults} faults, {failovers} failovers, {clones} clones, "
        f"{differ} divergences, {full} waits for a full ring, {lost} guests lost to faults that hit an unprotected pair"
    )
