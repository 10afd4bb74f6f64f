"""Being here puts `tests/` on the import path; and what CI asks of the machine that it runs on."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

# Tests call nopython functions, which an image of compiled code has for native code only.
os.environ["LOCKSTEP_NATIVE"] = "compile"
REQUIRE_TOOLS = "LOCKSTEP_REQUIRE_TOOLS"
MISSING = ("is not installed", "isn't installed", "no network")
"""What the reason of a skip says when something is missing that CI must have."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With LOCKSTEP_REQUIRE_TOOLS=1 a test that is skipped for want of a tool has failed."""
    report = yield
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
    if report.skipped and os.environ.get(REQUIRE_TOOLS) == "1" and any(sign in reason for sign in MISSING):
        report.outcome = "failed"
        report.longrepr = f"{REQUIRE_TOOLS}=1, and {reason}"
    return report
