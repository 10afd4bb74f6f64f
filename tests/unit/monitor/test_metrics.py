"""Figures for Prometheus, read as Prometheus does."""

from __future__ import annotations

import socket
import urllib.request

import pytest
from fake_pair import FakePair
from prometheus_client.parser import text_string_to_metric_families

from lockstep.errors import UsageError
from lockstep.monitor.metrics import ADDRESS, metrics_served


def scraped(port: int) -> dict[str, float]:
    """Samples by name and those labels that don't name the pair."""
    text = urllib.request.urlopen(f"http://{ADDRESS}:{port}/metrics", timeout=20).read().decode()
    samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = {name: value for name, value in sample.labels.items() if name not in ("pair", "guest")}
            assert sample.labels["pair"] == "guest"
            samples[" ".join([sample.name, *labels.values()])] = sample.value
    return samples


def test_figures_of_a_pair() -> None:
    with metrics_served(0) as metrics:
        assert scraped(metrics.port) == {}
        metrics.observe(FakePair())
        found = scraped(metrics.port)
    assert found["lockstep_protected"] == 1
    assert found["lockstep_protection Protected"] == 1
    assert found["lockstep_protection Not Protected (Need Secondary)"] == 0
    assert found["lockstep_interval_seconds"] == 0.00125
    assert found["lockstep_instructions_total"] == 5000
    assert found["lockstep_log_entries_total clock"] == 5
    assert found["lockstep_failovers_total"] == 1
    assert found["lockstep_blackout_seconds_bucket 0.005"] == 0
    assert found["lockstep_blackout_seconds_bucket 0.01"] == 1
    assert found["lockstep_blackout_seconds_sum"] == 0.0075
    assert found["lockstep_clone_seconds_bucket 0.1"] == 1


def test_a_port_that_is_taken_is_a_usage_error() -> None:
    with socket.create_server((ADDRESS, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match="already in use"), metrics_served(port):
            pass
