"""A picture of the live view, made from a real run."""

from __future__ import annotations

from lockstep.catalog.choice import GuestOptions, choose_machine
from lockstep.host.options import Crash, RunOptions
from lockstep.monitor.status import Status
from lockstep.ui.run_picture import picture_of_run
from lockstep.ui.view.model import Model
from lockstep.ui.view.picture import as_svg, as_text


def test_a_failover_in_a_picture() -> None:
    guest = GuestOptions(
        guest="timer",
        memory=None,
        harts=1,
        bios=None,
        kernel=None,
        initrd=None,
        append="seconds=100",
        clock="host",
    )
    options = RunOptions(crashes=(Crash("primary", after_s=0.5),), timeout_s=60)

    def is_protected_again(status: Status, model: Model) -> bool:
        return bool(status.clones) and status.protection == "Protected"

    frame = picture_of_run(choose_machine(guest), options, 120, 40, is_protected_again)
    text = as_text(frame)
    for wanted in (
        "Protected",
        "generation 2",
        "failovers 1",
        "clones 1",
        "(primary) is lost",
        "goes live as",
    ):
        assert wanted in text, text
    svg = as_svg(frame, "lockstep run timer")
    assert svg.startswith("<svg")
    assert "goes" in svg
