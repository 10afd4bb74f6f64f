import pytest

from lockstep.cli.run_options import PairOptions, check_soft_errors, make_options
from lockstep.errors import UsageError
from lockstep.host.options import Crash
from lockstep.machine.config import MachineConfig

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


def test_checks_by_default_as_wished_and_off() -> None:
    def intervals(every: str | None, ram_every: str | None) -> tuple[float | None, float | None]:
        pair = PairOptions(crashes=[], check_every=every, check_ram_every=ram_every)
        checks = make_options(pair, solo=False, timeout_s=None, max_icount=None).checks
        return checks.every_s, checks.ram_every_s

    assert intervals(None, None) == (0.05, 0.8)
    assert intervals("5ms", "2.5s") == (0.005, 2.5)
    assert intervals("0", "off") == (None, None)
    with pytest.raises(UsageError, match="1ms or more"):
        intervals("10us", None)
    with pytest.raises(UsageError, match="--check-ram-every"):
        intervals(None, "never")


def test_soft_errors_are_read() -> None:
    pair = PairOptions(crashes=[], soft_errors=["x7@10M:13", "0x80001000@5M:4"], on_divergence="reclone")
    options = make_options(pair, solo=False, timeout_s=None, max_icount=None)
    assert [str(error) for error in options.soft_errors] == ["x7@10000000:13", "0x80001000@5000000:4"]
    assert options.on_divergence == "reclone"


def test_soft_errors_have_to_hit_the_machine() -> None:
    pair = PairOptions(crashes=[], soft_errors=["0x80100000@1M:0"])
    options = make_options(pair, solo=False, timeout_s=None, max_icount=None)
    check_soft_errors(options, MachineConfig(guest=b"x", memory_bytes=2 << 20))
    with pytest.raises(UsageError, match="outside RAM"):
        check_soft_errors(options, MachineConfig(guest=b"x", memory_bytes=1 << 20))


@pytest.mark.parametrize(
    "pair",
    [
        PairOptions(crashes=[], soft_errors=["x7@10M:13"]),
        PairOptions(crashes=[], check_every="1s"),
        PairOptions(crashes=[], check_ram_every="off"),
        PairOptions(crashes=[], on_divergence="stop"),
    ],
)
def test_solo_has_nobody_to_be_compared_with(pair: PairOptions) -> None:
    with pytest.raises(UsageError, match="leave --solo"):
        make_options(pair, solo=True, timeout_s=None, max_icount=None)
