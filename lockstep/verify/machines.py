"""Machines that are ready to be forked."""

from __future__ import annotations

import time

from lockstep.machine.compiled import warm_up
from lockstep.machine.config import MachineConfig
from lockstep.machine.disassembly import disassemble_around
from lockstep.machine.loader.place import BootPlan
from lockstep.machine.machine import Machine
from lockstep.verify.subject import Subject


def build_machine(config: MachineConfig, typed: bytes, plan: BootPlan | None) -> Machine:
    """The machine of `config`, with all native code loaded that its copies use."""
    warm_up()
    machine = Machine(config, typed=typed, plan=plan)
    if config.clock == "host":
        machine.board["rtc_epoch_ns"] = time.time_ns()
    disassemble_around(machine)
    Subject(machine).run_through([0], 0)
    return machine
