"""`lockstep demo`: a guest loses its primary host and doesn't notice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lockstep.errors import DivergenceError, InternalError, LockstepError, UsageError

if TYPE_CHECKING:
    from lockstep.host.result import RunResult
    from lockstep.machine.config import MachineConfig

GUEST = "timer"
ARGUMENTS = "seconds=4"
LABELS = ("icount", "digest", "console")


def demo(
    guest: Annotated[
        str | None,
        typer.Argument(metavar="[GUEST]", help="linux or timer; without: linux, if apt can bring it"),
    ] = None,
) -> int:
    """Show a guest that loses its host and goes on.

    The primary's process gets SIGKILL while the guest works; what the guest prints is checked.
    """
    from lockstep.cli.demo_download import demo_download
    from lockstep.cli.demo_linux import demo_linux
    from lockstep.cli.session import prepare

    if guest not in (None, "linux", GUEST):
        raise UsageError(f"there is no demo of {guest!r}: give linux or {GUEST}")
    has_linux = guest != GUEST and _bring_linux(is_wanted=guest == "linux")
    prepare()
    if has_linux:
        demo_linux()
        demo_download()
    else:
        _demo_timer()
    return 0


def _bring_linux(*, is_wanted: bool) -> bool:
    """Fetch Linux unless it is here. False if it can't be had and isn't asked for by name."""
    from lockstep.catalog.linux import fetch_linux, linux_guest
    from lockstep.cli.messages import say
    from lockstep.ui.progress import steps_shown

    guest = linux_guest()
    if guest is not None and guest.initrd_with_drivers is not None:
        return True
    try:
        with steps_shown() as progress:
            fetch_linux(progress)
    except LockstepError as error:
        if is_wanted:
            raise
        say(f"without Linux ({error})")
        return False
    return True


def _demo_timer() -> None:
    """Run a bundled guest alone, then as a pair whose primary is killed half way, and compare."""
    from lockstep.catalog.choice import GuestOptions, choose_machine
    from lockstep.cli.messages import say

    config = choose_machine(GuestOptions(guest=GUEST, append=ARGUMENTS, clock="virtual"))
    say(f"1. {GUEST} alone on one machine: a storm of timer interrupts that hashes where each one hit")
    alone = _run_alone(config)
    assert alone.icount is not None
    crash_icount = alone.icount // 2
    say(f"   {alone.icount:,} instructions in {alone.wall_s:.1f} s, digest {alone.digest}")
    say(f"2. the same on a pair; the primary's process gets SIGKILL at instruction {crash_icount:,}")
    pair = _run_pair(config, crash_icount)
    for failover in pair.failovers:
        blackout_ms, icount = failover["blackout_ms"], failover["icount"]
        say(f"   killed; the secondary went live at instruction {icount:,} after {blackout_ms:.0f} ms")
    say(f"   {pair.icount or 0:,} instructions in {pair.wall_s:.1f} s, digest {pair.digest}")
    _check(alone, pair)
    say("3. icount, digest and every byte of the console are the same: the guest couldn't tell")


def _run_alone(config: MachineConfig) -> RunResult:
    from lockstep.host.options import RunOptions
    from lockstep.host.solo import run_solo

    return run_solo(config, RunOptions())


def _run_pair(config: MachineConfig, crash_icount: int) -> RunResult:
    from lockstep.cli.streams import write_stdout
    from lockstep.host.options import Crash, RunOptions
    from lockstep.monitor.pair import run_pair

    crash = Crash("primary", icount=crash_icount)
    return run_pair(config, RunOptions(write_console=write_stdout, crashes=(crash,)))


def _check(alone: RunResult, pair: RunResult) -> None:
    """The golden law, and that there was a failover for it to hold across."""
    if pair.outcome != alone.outcome:
        raise InternalError(f"the pair ended with {pair.outcome}, not {alone.outcome}: {pair.message}")
    if not pair.failovers:
        raise InternalError("the primary was never killed: the guest had ended before")
    for label in LABELS:
        if getattr(pair, label) != getattr(alone, label):
            raise DivergenceError(
                f"{label} is {getattr(pair, label)}, and {getattr(alone, label)} alone: this must not be"
            )
