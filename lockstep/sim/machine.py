"""A toy guest: deterministic, with a state that remembers everything it ever was given.

What it writes depends on its state, on input and on the time that it was told, so two machines that differ in
anything soon write different bytes.
"""

from __future__ import annotations

INPUT, CLOCK, END = 1, 2, 5
"""Kinds of log entries, as in `log.entry`."""
END_OF_INPUT = 4
"""The guest ends when it reads this byte."""
CONSOLE_BYTES_MAX = 48
"""What the console takes before somebody drains it."""
_MASK = (1 << 64) - 1
_FACTOR, _ADDEND = 6364136223846793005, 1442695040888963407

KIND_NAMES = {INPUT: "input", CLOCK: "clock", END: "end"}
Entry = tuple[int, int, int, bytes]
"""kind, position, pc, payload"""


class ToyMachine:
    """One guest."""

    def __init__(self, seed: int) -> None:
        """At reset."""
        self.position = 0
        self.state = seed
        self.clock = 0
        self.taken = bytearray()
        """All live input that was put on its wire."""
        self.consumed = 0
        self.output = bytearray()
        """All that it ever wrote."""
        self.drained = 0
        self.is_parked = False
        self.has_ended = False

    def flip(self, bit: int) -> None:
        """A soft error."""
        self.state ^= 1 << bit

    def copy(self) -> ToyMachine:
        """An equal one."""
        other = ToyMachine(self.state)
        other.__dict__.update(self.__dict__)
        other.taken, other.output = bytearray(self.taken), bytearray(self.output)
        return other

    @property
    def pc(self) -> int:
        """Where it is: something that differs as soon as the state does."""
        return self.state >> 32

    @property
    def is_quiet(self) -> bool:
        """Whether it may be copied here."""
        return self.state >> 50 & 3 == 0

    @property
    def digest(self) -> str:
        """Its whole state."""
        return f"{self.position}:{self.state:016x}:{self.clock}:{self.consumed}/{len(self.taken)}"

    def run(self, limit: int) -> None:
        """Run blocks while they start before `limit`, until it parks, ends or its console is full."""
        position, state = self.position, self.state
        output_max = self.drained + CONSOLE_BYTES_MAX
        while position < limit and not self.is_parked and not self.has_ended:
            if len(self.output) >= output_max:
                break
            state = (state * _FACTOR + _ADDEND + position) & _MASK
            bits = state >> 40
            position += 1 + bits % 5
            if not bits & 3 and self.consumed < len(self.taken):
                byte = self.taken[self.consumed]
                self.consumed += 1
                state ^= byte << 17
                self.output.append(byte)
                self.has_ended = byte == END_OF_INPUT
            elif not bits % 7:
                self.output.append((state ^ self.clock) >> 33 & 0x7F | 0x80)
            elif not bits % 61:
                self.is_parked = True
            elif not bits % 11:
                state ^= self.clock
        self.position, self.state = position, state

    @property
    def is_console_full(self) -> bool:
        """Whether it stands still until somebody drains its console."""
        return len(self.output) >= self.drained + CONSOLE_BYTES_MAX

    def drain(self) -> bytes:
        """What it wrote since the last time."""
        data = bytes(self.output[self.drained :])
        self.drained = len(self.output)
        return data

    def apply(self, kind: int, payload: bytes) -> None:
        """Let an entry take effect here."""
        if kind == INPUT:
            self.taken += payload
        elif kind == CLOCK:
            self.clock = max(self.clock, int.from_bytes(payload, "little"))
        self.is_parked = False
