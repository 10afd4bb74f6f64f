"""Bits that flip on the TCP channel: the checksum refuses them, the secondary is discarded, the guest goes on."""

from __future__ import annotations

from faults import FlippingProxy, flip_bits, law, run_monitor
from pair_runs import drawn
from programs import bundled

from lockstep.host.options import RunOptions
from lockstep.host.solo import run_solo
from lockstep.machine.loader.place import plan_boot

FLIPS_MIN = 12
BYTES_MAX = 6000


def test_flipped_bits_change_nothing() -> None:
    """Each secondary's channel has one bit flipped, anywhere: in the handshake, a frame's head, an entry, an answer."""
    draw = drawn()
    config = bundled("compute", "rounds=3")
    alone = run_solo(config, RunOptions(), plan_boot(config))
    flips = runs = 0
    while flips < FLIPS_MIN:
        proxies: list[FlippingProxy] = []
        result = run_monitor(
            config,
            RunOptions(channel="tcp"),
            lambda monitor, into=proxies: flip_bits(monitor, draw, BYTES_MAX, into),
        )
        flipped = [proxy for proxy in proxies if proxy.has_flipped]
        print(f"{len(proxies)} secondaries, {len(result.clones)} clones; flipped:", *flipped, sep="\n  ")
        assert law(result) == law(alone), result.message
        assert flipped[: len(proxies) - 1] == proxies[:-1], "a secondary was replaced whose channel was sound"
        assert not result.failovers, "the primary was taken for the culprit"
        flips, runs = flips + len(flipped), runs + 1
        assert runs < 10, "hardly any bits are flipped"
