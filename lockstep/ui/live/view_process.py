"""The process of the live view: between the run's socket, the user's keys and the terminal."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import sys
import time

import msgspec

from lockstep.monitor.status import Status
from lockstep.ui.live import messages
from lockstep.ui.live.keys import Command, Keys
from lockstep.ui.live.pacing import Pacing
from lockstep.ui.live.terminal import KEYS, Terminal
from lockstep.ui.terminal.emulator import Emulator
from lockstep.ui.view.frame import compose
from lockstep.ui.view.layout import console_size
from lockstep.ui.view.model import Model
from lockstep.ui.view.styles import Glyphs

READ_BYTES = 1 << 20
READ_EVERY_S = 0.08
FLOOD_READ_EVERY_S = 0.02
"""While more output comes than was drawn yet, it is taken in larger pieces, this far apart."""
OUTPUT_BYTES_MAX = 1 << 20
BURST_BYTES = 1 << 18
OUTPUT_BYTES_PER_S = 20_000
"""Output beyond a burst and this rate is a flood, too fast to be read: only its end is looked at."""
KEYS_BYTES_MAX = 1 << 16
FOREGROUND_POLL_S = 0.25


class ViewProcess:
    """One view, from its first frame to what it leaves on the screen."""

    def __init__(
        self, run: socket.socket, keys_out: int, notices: int, terminal: Terminal, glyphs: Glyphs
    ) -> None:
        """`run` is the run's socket, `keys_out` a pipe to the guest, `notices` a pipe with what lockstep says."""
        self._run, self._keys_out, self._notices, self._terminal = run, keys_out, notices, terminal
        for descriptor in (run.fileno(), keys_out, notices):
            os.set_blocking(descriptor, False)
        self._model = Model("lockstep", Emulator(*console_size(*terminal.size), self._answer), glyphs)
        self._decoder = messages.Decoder()
        # Kept, since a buffer of this size costs a mapping each time.
        self._received = memoryview(bytearray(READ_BYTES))
        self._keys = Keys()
        self._takes_keys = False
        self._typed = bytearray()
        self._output = bytearray()
        self._allowance_bytes: float = BURST_BYTES
        self._fed_at_s = 0.0
        self._next_read_s = 0.0
        self._said = bytearray()
        self._bells = 0
        self._pacing = Pacing()
        self._is_dirty = True
        self._is_over = False
        self.has_said_goodbye = False
        self._signals: set[int] = set()
        self._selector = selectors.PollSelector()

    # The loop.

    def serve(self) -> None:
        """Until the run is over or gone."""
        wake = self._hear_signals()
        self._read_run()
        if self._is_over:  # quicker than a view can be shown
            return
        self._terminal.take()
        for descriptor, read in (
            (self._notices, self._read_notices),
            (KEYS, self._read_keys),
            (wake, lambda: os.read(wake, 4096)),
        ):
            self._selector.register(descriptor, selectors.EVENT_READ, read)
        while not self._is_over:
            self._watch_for_room()
            for key, _ in self._selector.select(self._wait_s()):
                key.data()
            self._heed_signals()
            self._draw_if_due()

    def finish(self) -> None:
        """Give the terminal back, with the guest's lines and what lockstep said on it."""
        self._terminal.give_back()
        self._feed()
        self._read_notices()
        self._terminal.print_lines(self._model.emulator.everything())
        skipped = self._model.emulator.skipped_bytes
        with contextlib.suppress(OSError):
            if skipped:
                sys.stderr.write(f"lockstep: {skipped:,} bytes of the console came too fast to be shown\n")
            for notice in self._model.notices:
                sys.stderr.write(f"{notice}\n")
            if not self.has_said_goodbye:
                sys.stderr.write("lockstep: the process that ran the guest died, and the guest with it\n")

    def _wait_s(self) -> float | None:
        if not self._terminal.is_taken:
            return FOREGROUND_POLL_S
        due = [self._next_read_s] if self._next_read_s else []
        if (self._is_dirty or self._output) and self._terminal.display.is_idle:
            due.append(self._pacing.next_frame_s)
        return max(min(due) - time.monotonic(), 0.0) if due else None

    def _watch_for_room(self) -> None:
        """Be told when what waits can be written, and when there is something to read that should be read now."""
        display, run = self._terminal.display, self._run.fileno()
        if time.monotonic() >= self._next_read_s:
            self._next_read_s = 0.0
        if (run in self._selector.get_map()) != (not self._next_read_s):
            if self._next_read_s:
                self._selector.unregister(run)
            else:
                self._selector.register(run, selectors.EVENT_READ, self._read_run)
        for descriptor, is_waiting, write in (
            (self._terminal.screen, not display.is_idle, display.flush),
            (self._keys_out, bool(self._typed), self._write_keys),
        ):
            is_watched = descriptor in self._selector.get_map()
            if is_waiting and not is_watched:
                self._selector.register(descriptor, selectors.EVENT_WRITE, write)
            elif is_watched and not is_waiting:
                self._selector.unregister(descriptor)

    # Pictures.

    def _feed(self) -> None:
        if self._output:
            data = bytes(self._output)
            self._output.clear()
            screen, model = self._model.emulator.screen, self._model
            before = screen.scrolled_off
            model.emulator.feed(data, is_flood=self._is_flood(len(data)))
            if model.scrolled_back:  # the lines that one looks at stay where they are
                moved = screen.scrolled_off - before
                model.scrolled_back = min(model.scrolled_back + moved, len(screen.scrollback))
            self._is_dirty = True

    def _is_flood(self, count: int) -> bool:
        now_s = time.monotonic()
        earned = (now_s - self._fed_at_s) * OUTPUT_BYTES_PER_S
        self._allowance_bytes, self._fed_at_s = min(self._allowance_bytes + earned, BURST_BYTES), now_s
        is_flood = count > self._allowance_bytes
        self._allowance_bytes = max(self._allowance_bytes - count, 0.0)
        return is_flood

    def _draw_if_due(self) -> None:
        now_s = time.monotonic()
        terminal = self._terminal
        if not terminal.is_taken:
            if terminal.is_ours:
                self._resume()
            return
        if now_s < self._pacing.next_frame_s or not terminal.display.is_idle:
            return
        started_s = time.process_time()
        self._feed()
        if not self._is_dirty:
            return
        self._is_dirty = False
        screen = self._model.emulator.screen
        self._model.is_escaped, self._model.is_scrolling = self._keys.is_escaped, self._keys.is_scrolling
        frame = compose(self._model, *terminal.size)
        terminal.display.draw(frame, screen.keyboard_modes, has_bell=screen.bells > self._bells)
        self._bells = screen.bells
        self._pacing.drew(now_s, time.process_time() - started_s)

    def _resize(self) -> None:
        self._feed()
        size = console_size(*self._terminal.size, is_panel_shown=self._model.is_panel_shown)
        self._model.emulator.resize(*size)
        self._redraw()

    def _redraw(self) -> None:
        self._terminal.display.forget()
        self._is_dirty = True
        self._pacing.hurry()

    # The run.

    def _read_run(self) -> None:
        try:
            data = self._received[: self._run.recv_into(self._received)]
        except BlockingIOError:
            return
        except OSError:
            data = self._received[:0]
        if not data:
            self._is_over = True
        if self._output:
            is_flood = len(data) > READ_BYTES >> 4
            self._next_read_s = time.monotonic() + (FLOOD_READ_EVERY_S if is_flood else READ_EVERY_S)
        for kind, body in self._decoder.messages(data):
            if kind == messages.OUTPUT:
                self._output += body
                if len(self._output) > OUTPUT_BYTES_MAX:
                    self._feed()
            elif kind == messages.STATUS:
                self._model.take(msgspec.msgpack.decode(body, type=Status))
                self._is_dirty = True
            elif kind == messages.START:
                start = msgspec.msgpack.decode(body, type=messages.Start)
                self._model.guest, self._takes_keys = start.guest, start.takes_keys
            elif kind == messages.GOODBYE:
                self._is_over = self.has_said_goodbye = True

    def _act(self, command: Command) -> None:
        self._run.setblocking(True)
        with contextlib.suppress(OSError):
            self._run.sendall(messages.encode(messages.ACTION, command.value.encode()))
        self._run.setblocking(False)

    def _read_notices(self) -> None:
        try:
            data = os.read(self._notices, READ_BYTES)
        except OSError:
            return
        if not data:
            if self._notices in self._selector.get_map():
                self._selector.unregister(self._notices)
            return
        *lines, rest = (bytes(self._said) + data).split(b"\n")
        self._said = bytearray(rest[-4096:])
        self._model.notices.extend(line.decode("utf-8", "replace") for line in lines)
        self._is_dirty = True

    # Keys.

    def _answer(self, data: bytes) -> None:
        """The terminal's own word to a guest that asks, unless it has much to read already."""
        if self._takes_keys and len(self._typed) < KEYS_BYTES_MAX // 16:
            self._typed += data
            self._write_keys()

    def _read_keys(self) -> None:
        try:
            data = os.read(KEYS, 4096)
        except OSError:
            data = b""
        if not data:  # the terminal is gone
            self._selector.unregister(KEYS)
            self._act(Command.LEAVE)
            return
        model = self._model
        if model.is_help_shown:
            model.is_help_shown = False
            data = b"" if self._keys.is_escaped or data[:1] != b"\x01" else data
        for key in self._keys.read(data):
            if isinstance(key, Command):
                self._do(key)
            elif self._takes_keys and len(self._typed) + len(key) <= KEYS_BYTES_MAX:
                model.scrolled_back = 0
                self._typed += key
        self._write_keys()
        self._is_dirty = True
        self._pacing.hurry()

    def _write_keys(self) -> None:
        with contextlib.suppress(BlockingIOError):
            try:
                while self._typed:
                    del self._typed[: os.write(self._keys_out, self._typed)]
            except BrokenPipeError:
                self._typed.clear()

    def _do(self, command: Command) -> None:
        model, page = self._model, self._model.emulator.screen.lines - 1
        steps = {Command.PAGE_UP: page, Command.PAGE_DOWN: -page, Command.LINE_UP: 1, Command.LINE_DOWN: -1}
        most = len(model.emulator.screen.scrollback)
        if command in steps:
            model.scrolled_back = min(max(model.scrolled_back + steps[command], 0), most)
        elif command is Command.OLDEST:
            model.scrolled_back = most
        elif command is Command.NEWEST:
            model.scrolled_back = 0
        elif command is Command.HELP:
            model.is_help_shown = True
        elif command is Command.PANEL:
            model.is_panel_shown = not model.is_panel_shown
            self._resize()
        elif command is Command.REDRAW:
            self._redraw()
        elif command is Command.SUSPEND:
            os.kill(0, signal.SIGTSTP)  # as the terminal itself would: to the whole job
        else:
            self._act(command)

    # Signals.

    def _hear_signals(self) -> int:
        reader, writer = os.pipe()
        for descriptor in (reader, writer):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in (
            signal.SIGWINCH,
            signal.SIGTSTP,
            signal.SIGCONT,
            signal.SIGTERM,
            signal.SIGINT,
            signal.SIGHUP,
        ):
            signal.signal(number, lambda number, _: self._signals.add(number))
        return reader

    def _heed_signals(self) -> None:
        numbers, self._signals = self._signals, set()
        if numbers & {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}:
            self._act(Command.LEAVE)  # the run ends in order, and says goodbye
        if signal.SIGTSTP in numbers:
            self._suspend()
        if signal.SIGWINCH in numbers and self._terminal.is_taken:
            self._resize()

    def _suspend(self) -> None:
        if self._terminal.is_taken:
            self._selector.unregister(KEYS)
            self._terminal.give_back()
        os.kill(os.getpid(), signal.SIGSTOP)

    def _resume(self) -> None:
        """In the foreground again."""
        self._terminal.take()
        self._selector.register(KEYS, selectors.EVENT_READ, self._read_keys)
        self._resize()
