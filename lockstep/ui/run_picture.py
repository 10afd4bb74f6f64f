"""A picture of a real run's view: for documents, whose pictures tests make anew."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable

from lockstep.host.options import RunOptions
from lockstep.machine.config import MachineConfig
from lockstep.machine.loader.place import guest_name
from lockstep.monitor.pair import run_pair
from lockstep.monitor.status import Status, StatusSource
from lockstep.ui.terminal.emulator import Emulator
from lockstep.ui.view.frame import Frame, compose
from lockstep.ui.view.layout import console_size
from lockstep.ui.view.model import Model

STATUS_S = 0.25


def picture_of_run(
    config: MachineConfig,
    options: RunOptions,
    columns: int,
    lines: int,
    is_worth_it: Callable[[Status, Model], bool],
) -> Frame:
    """Run the guest of `config` as a pair until `is_worth_it`; what its live view shows then (`picture.as_svg`).

    If that never comes, what it shows at the end. For the main thread, as `run_pair`.
    """
    model = Model(guest_name(config), Emulator(*console_size(columns, lines)))
    lock, is_over = threading.Lock(), threading.Event()
    frames: list[Frame] = []

    def show(data: bytes) -> None:
        with lock:
            model.emulator.feed(data)

    def look(source: StatusSource) -> None:
        while not frames and not is_over.wait(STATUS_S):
            with lock:
                status = source.status()
                model.take(status)
                if is_worth_it(status, model):
                    frames.append(compose(model, columns, lines))
        source.remote.stop(by="the picture is made")

    def observe(source: StatusSource) -> None:
        threading.Thread(target=look, args=(source,), daemon=True).start()

    run_pair(config, dataclasses.replace(options, write_console=show), observer=observe)
    is_over.set()
    with lock:
        return frames[0] if frames else compose(model, columns, lines)
