from __future__ import annotations

import re
from pathlib import Path

from lockstep import errors
from lockstep.cli.reference import EXIT_STATUSES, REPORT_KEYS, VARIABLES, reference
from lockstep.cli.report import make_report
from lockstep.cli.session import failed_result
from lockstep.host.replay_run import TRUNCATED, UNTIL
from lockstep.host.result import OUTCOME_EXIT_CODES

REPOSITORY = Path(__file__).resolve().parents[3]


def test_the_page_is_up_to_date() -> None:
    page = (REPOSITORY / "docs/reference.md").read_text()
    assert page == reference(), "run: python -m lockstep.cli.reference docs/reference.md"


def test_the_reports_keys_are_those_of_a_report() -> None:
    report = make_report("hello", None, failed_result(errors.InternalError("what")))
    assert [key for key, _ in REPORT_KEYS] == list(report)


def test_every_outcome_is_named() -> None:
    named = set(re.findall(r"`([\w-]+)`", dict(REPORT_KEYS)["outcome"]))
    assert named == {"poweroff", "exit", *OUTCOME_EXIT_CODES, UNTIL, TRUNCATED}


def test_every_exit_status_is_named() -> None:
    raised = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.LockstepError)
    }
    named = {int(status) for status, _ in EXIT_STATUSES if status.isdigit()}
    assert raised | set(OUTCOME_EXIT_CODES.values()) - {0} == named


def test_every_variable_is_one_that_the_code_looks_at() -> None:
    sources = "".join(
        path.read_text() for path in (REPOSITORY / "lockstep").rglob("*.py") if path.stem != "reference"
    )
    for name, _ in VARIABLES:
        assert f'"{name}"' in sources
