import pytest

from lockstep.cli.run_options import PairOptions, make_options
from lockstep.errors import UsageError
from lockstep.host.options import Crash

NO_PAIR = PairOptions(crashes=[])


def test_defaults() -> None:
    options = make_options(NO_PAIR, solo=False, timeout_s=None, max_icount=None)
    assert (options.timeout_s, options.max_icount, options.channel) == (None, None, "shm")
    assert (options.crashes, options.crash_every_s, options.crash_unprotected) == ((), None, False)


def test_crashes_keep_their_order() -> None:
    pair = PairOptions(
        channel="tcp", crashes=["secondary@2M", "primary@1M"], crash_every="2s", crash_unprotected=True
    )
    options = make_options(pair, solo=False, timeout_s=1.5, max_icount="1.5G")
    assert options.crashes == (Crash("secondary", icount=2_000_000), Crash("primary", icount=1_000_000))
    assert (options.channel, options.crash_every_s, options.crash_unprotected) == ("tcp", 2.0, True)
    assert (options.timeout_s, options.max_icount) == (1.5, 1_500_000_000)


@pytest.mark.parametrize("timeout_s", [0.0, -1.0, float("nan"), float("inf")])
def test_timeout_has_to_be_a_time(timeout_s: float) -> None:
    with pytest.raises(UsageError, match="--timeout"):
        make_options(NO_PAIR, solo=True, timeout_s=timeout_s, max_icount=None)


def test_solo_has_nobody_to_crash() -> None:
    with pytest.raises(UsageError, match="leave --solo out"):
        make_options(PairOptions(crashes=["primary@1M"]), solo=True, timeout_s=None, max_icount=None)


def test_unknown_channel() -> None:
    with pytest.raises(UsageError, match="shm or tcp"):
        make_options(PairOptions(channel="udp", crashes=[]), solo=False, timeout_s=None, max_icount=None)
