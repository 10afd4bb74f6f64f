"""The demo on Debian Linux: typed at, and killed while it prints."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from lockstep.errors import DivergenceError, InternalError

if TYPE_CHECKING:
    from lockstep.host.options import Remote
    from lockstep.host.result import RunResult

LINES = 3000
KILL_AT_LINE = 1000
PROMPT = b"# "
TIMEOUT_S = 100.0


class Typist:
    """Sits at the guest's console: waits for the prompt, types, and has the primary killed while it prints."""

    def __init__(self, keyboard: int, remote: Remote) -> None:
        """`keyboard` is what the guest's console reads from."""
        self._keyboard, self._remote = keyboard, remote
        self._lock = threading.Lock()
        self.seen = bytearray()
        self._typed_at: int | None = None
        self._killed = False

    def show(self, data: bytes) -> None:
        """The guest printed `data`."""
        from lockstep.cli.streams import write_stdout

        write_stdout(data)
        with self._lock:
            self.seen += data
        if self._typed_at is None:
            if self.seen.endswith(PROMPT) or self.seen.rstrip(b"\x1b[6n").endswith(PROMPT):
                self._typed_at = len(self.seen)
                os.write(self._keyboard, b"seq 1 %d; exit\n" % LINES)
        elif not self._killed and b"\n%d\r\n" % KILL_AT_LINE in self.seen[self._typed_at :]:
            self._killed = True
            self._remote.crash("primary")

    @property
    def numbers(self) -> list[int]:
        """The numbers that the guest printed, a line each, in the order in which they came."""
        lines = bytes(self.seen[self._typed_at or 0 :]).splitlines()
        return [int(line) for line in lines if line.isdigit()]


def demo_linux() -> None:
    """Boot Debian Linux protected, type at it, kill its primary's host while it prints; check every line."""
    from lockstep.catalog.choice import GuestOptions, choose_machine
    from lockstep.cli.messages import say
    from lockstep.host.options import Remote, RunOptions
    from lockstep.monitor.pair import run_pair

    config = choose_machine(GuestOptions(guest="linux", append="quiet loglevel=1"))
    say(f"Debian Linux boots on a pair of hosts; then `seq 1 {LINES}` is typed at its console,")
    say(f"and when line {KILL_AT_LINE} comes out, the primary's process gets SIGKILL")
    reader, writer = os.pipe()
    remote = Remote()
    typist = Typist(writer, remote)
    try:
        options = RunOptions(live_input=reader, write_console=typist.show, remote=remote, timeout_s=TIMEOUT_S)
        result = run_pair(config, options)
    finally:
        os.close(reader)
        os.close(writer)
    _check(result, typist.numbers)
    failover = result.failovers[0]
    blackout_ms, icount = failover["blackout_ms"], failover["icount"]
    say(
        f"killed while it printed; the secondary ran the guest {blackout_ms:.0f} ms later, from instruction {icount:,}"
    )
    for clone in result.clones:
        say(f"a new secondary was made while it ran: the guest stood still for {clone['pause_ms']:.1f} ms")
    say(f"all {LINES} lines came out, each once and in order: nothing was lost, nothing doubled")


def _check(result: RunResult, numbers: list[int]) -> None:
    if result.outcome != "poweroff":
        raise InternalError(f"the pair ended with {result.outcome}: {result.message or 'see above'}")
    if not result.failovers:
        raise InternalError("the primary was never killed: the guest had ended before")
    if numbers != list(range(1, LINES + 1)):
        wrong = next(
            (place for place, number in enumerate(numbers, 1) if place != number), min(len(numbers), LINES)
        )
        raise DivergenceError(
            f"{len(numbers)} of {LINES} lines came out; the first wrong one is line {wrong}"
        )
