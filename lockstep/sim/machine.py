"""A toy guest: deterministic, with a state that remembers everything it ever was given.

What it writes depends on its state, on input and on the time that it was told, so two machines that differ in
anything soon write different bytes.
"""

from __future__ import annotations

from lockstep.sim.devices import BLOCKS, ToyDevices

INPUT, CLOCK, END, DISK, FRAME = 1, 2, 5, 6, 7
"""Kinds of log entries, as in `log.entry`."""
END_OF_INPUT = 4
"""The guest ends when it reads this byte."""
CONSOLE_BYTES_MAX = 48
"""What the console takes before somebody drains it."""
_MASK = (1 << 64) - 1
_FACTOR, _ADDEND = 6364136223846793005, 1442695040888963407

KIND_NAMES = {INPUT: "input", CLOCK: "clock", END: "end", DISK: "disk", FRAME: "frame"}
Entry = tuple[int, int, int, bytes]
"""kind, position, pc, payload"""


class ToyMachine:
    """One guest."""

    def __init__(self, seed: int, file: list[int] | None = None) -> None:
        """At reset. `file` has its disk's blocks; without, it has one of its own."""
        self.position = 0
        self.state = seed
        self.devices = ToyDevices([0] * BLOCKS if file is None else file)
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
        other.devices = self.devices.copy()
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
        devices = f"{len(self.devices.disk_outputs)}:{len(self.devices.frames)}"
        return f"{self.position}:{self.state:016x}:{self.clock}:{self.consumed}/{len(self.taken)}:{devices}"

    def run(self, limit: int) -> None:
        """Run blocks while they start before `limit`, until it parks, ends or its output finds no room."""
        devices = self.devices
        if self.is_parked or self.has_ended or devices.is_full:
            return
        position, state, output, taken = self.position, self.state, self.output, self.taken
        room = self.drained + CONSOLE_BYTES_MAX - len(output)
        while position < limit and room > 0:
            state = (state * _FACTOR + _ADDEND + position) & _MASK
            bits = state >> 40
            position += 1 + bits % 5
            if not bits & 3 and self.consumed < len(taken):
                byte = taken[self.consumed]
                self.consumed += 1
                state ^= byte << 17
                output.append(byte)
                room -= 1
                if byte == END_OF_INPUT:
                    self.has_ended = True
                    break
            elif not bits % 7:
                output.append((state ^ self.clock) >> 33 & 0x7F | 0x80)
                room -= 1
            elif not bits % 61:
                self.is_parked = True
                break
            elif not bits % 11:
                state ^= self.clock
            elif not bits % 13:
                state = devices.use(bits // 13, state, position)
                if devices.is_full:
                    break
        self.position, self.state = position, state

    @property
    def is_console_full(self) -> bool:
        """Whether it stands still until somebody drains its console."""
        return len(self.output) >= self.drained + CONSOLE_BYTES_MAX

    @property
    def is_output_full(self) -> bool:
        """Whether it stands still until somebody takes something, of whatever it puts out."""
        return self.is_console_full or self.devices.is_full

    @property
    def has_output(self) -> bool:
        """Whether it wrote something since the last time."""
        return len(self.output) > self.drained

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
        elif kind == DISK:
            self.state ^= self.devices.take_disk(payload)
        elif kind == FRAME:
            self.state ^= self.devices.take_frame(payload)
        self.is_parked = False
