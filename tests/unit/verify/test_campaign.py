"""A campaign: nothing escapes, and it comes again with its seed."""

from __future__ import annotations

import dataclasses

import programs
import pytest
import random_programs

from lockstep.errors import UsageError
from lockstep.verify.campaign import CampaignOptions, run_campaign
from lockstep.verify.tabulate import complaint, tabulate

CONFIG = programs.machine_config(random_programs.random_program(6000))


def test_nothing_escapes_and_the_same_seed_gives_the_same_table() -> None:
    tables = [tabulate(run_campaign(CONFIG, CampaignOptions(count=8, seed=seed))) for seed in (7, 7, 8)]
    for table in tables:
        assert complaint(table) == "", table["trials"]
        assert table["rows"][-1]["trials"] == 8
        assert table["rows"][-1]["detected"] > 3
        del table["wall_s"]
    assert tables[0] == tables[1]
    assert tables[0]["trials"] != tables[2]["trials"]


@pytest.mark.parametrize(
    ("config", "count", "why"),
    [
        (CONFIG, 0, "--campaign 0 injects nothing"),
        (dataclasses.replace(CONFIG, clock="host"), 3, "leave --clock host out"),
        (programs.machine_config(b"\x73\x00\x50\x10"), 3, "instructions only"),
    ],
)
def test_what_makes_no_sense_is_refused(config: programs.MachineConfig, count: int, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        run_campaign(config, CampaignOptions(count=count, seed=1))


def test_a_guest_that_does_not_end_is_bounded() -> None:
    spin = programs.machine_config(b"\x6f\x00\x00\x00")
    campaign = run_campaign(spin, CampaignOptions(count=4, seed=2, max_icount=5000))
    assert campaign.reference.ending.ending == "reached"
    assert campaign.reference.icount in (5000, 5001)
    assert complaint(tabulate(campaign)) == ""
