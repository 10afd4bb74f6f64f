import pytest

from lockstep.errors import UsageError
from lockstep.host.options import Crash
from lockstep.monitor.crash_text import parse_crash, parse_crash_every


@pytest.mark.parametrize(
    ("text", "crash"),
    [
        ("primary@5M", Crash("primary", icount=5_000_000)),
        ("secondary@1.5G", Crash("secondary", icount=1_500_000_000)),
        ("primary@0", Crash("primary", icount=0)),
        ("primary@300ms", Crash("primary", after_s=0.3)),
        ("secondary@2.5s", Crash("secondary", after_s=2.5)),
    ],
)
def test_crash(text: str, crash: Crash) -> None:
    assert parse_crash(text) == crash


@pytest.mark.parametrize(
    "text",
    ["", "primary", "primary@", "@5M", "both@5M", "primary@5X", "primary@-1", "primary@1.5", "primary@s"],
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--crash"):
        parse_crash(text)


def test_crash_every() -> None:
    assert parse_crash_every("300ms") == pytest.approx(0.3)
    with pytest.raises(UsageError, match="never let the guest run"):
        parse_crash_every("0s")
