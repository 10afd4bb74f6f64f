"""A pair's figures for Prometheus, over HTTP on this machine's loopback interface only.

with metrics_served(9464) as metrics:
    run_pair(config, options, observer=metrics.observe)
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from lockstep.errors import UsageError
from lockstep.ft.status import Protection
from lockstep.monitor.status import Status, StatusSource

ADDRESS = "127.0.0.1"
BLACKOUT_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
CLONE_BUCKETS_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Metrics(Collector):
    """Asks a pair how it stands, each time that somebody asks for its figures."""

    def __init__(self) -> None:
        """There is no pair yet, and there are no figures."""
        self.port = 0
        self._source: StatusSource | None = None

    def observe(self, source: StatusSource) -> None:
        """This is the pair."""
        self._source = source

    def collect(self) -> Iterable[Metric]:
        """All figures."""
        return () if self._source is None else families(self._source.status())


def families(status: Status) -> Iterator[Metric]:
    """The figures of a pair, as Prometheus has them: seconds, bytes, totals."""
    labels = {"pair": status.name, "guest": status.guest}
    gauges = (
        ("protected", "1 if the guest survives the death of either host.", status.protection == _PROTECTED),
        ("interval_seconds", "vLockstep interval: how far the secondary trails.", status.interval_ms / 1e3),
        ("generation", "How often the role of primary has moved, from 1.", status.generation),
        ("mips", "Million instructions in a second, of the last second.", status.mips),
        ("uptime_seconds", "Since the guest's first instruction.", status.uptime_s),
    )
    for name, text, value in gauges:
        yield _one(GaugeMetricFamily(f"lockstep_{name}", text, labels=list(labels)), labels, float(value))
    counters = (
        ("instructions", "Instructions retired by the guest (icount).", status.icount),
        ("log_bytes", "Bytes of the log, entries' headers included.", status.log_bytes),
        ("console_bytes", "Bytes that the guest wrote to its console.", status.console_bytes),
        ("checks", "Comparisons of the two machines.", status.checks_compared),
        ("checks_mismatched", "Comparisons that found a difference.", status.checks_mismatched),
        ("failovers", "Failovers.", len(status.failovers)),
        ("clones", "New secondaries made while the guest ran.", len(status.clones)),
    )
    for name, text, value in counters:
        yield _one(CounterMetricFamily(f"lockstep_{name}", text, labels=list(labels)), labels, float(value))
    kinds = CounterMetricFamily("lockstep_log_entries", "Log entries by kind.", labels=[*labels, "kind"])
    for kind, count in sorted(status.log_kinds.items()):
        kinds.add_metric([*labels.values(), kind], float(count))
    yield kinds
    protection = GaugeMetricFamily(
        "lockstep_protection", "1 for the status that the pair has.", labels=[*labels, "status"]
    )
    for one in Protection:
        protection.add_metric([*labels.values(), one.value], float(one.value == status.protection))
    yield protection
    blackouts_s = [failover["blackout_ms"] / 1e3 for failover in status.failovers]
    text = "From the last sign of life to the first instruction run live."
    yield _histogram("lockstep_blackout_seconds", text, labels, blackouts_s, BLACKOUT_BUCKETS_S)
    clones_s = [clone["total_ms"] / 1e3 for clone in status.clones]
    text = "From the wish for a new secondary until the pair is Protected."
    yield _histogram("lockstep_clone_seconds", text, labels, clones_s, CLONE_BUCKETS_S)


_PROTECTED = Protection.PROTECTED.value


def _one(family: GaugeMetricFamily | CounterMetricFamily, labels: dict[str, str], value: float) -> Metric:
    family.add_metric(list(labels.values()), value)
    return family


def _histogram(
    name: str, text: str, labels: dict[str, str], seconds: Sequence[float], bounds_s: Sequence[float]
) -> Metric:
    family = HistogramMetricFamily(name, text, labels=list(labels))
    buckets = [(str(bound), float(sum(one <= bound for one in seconds))) for bound in bounds_s]
    buckets.append(("+Inf", float(len(seconds))))
    family.add_metric(list(labels.values()), buckets, sum_value=sum(seconds))
    return family


@contextlib.contextmanager
def metrics_served(port: int) -> Iterator[Metrics]:
    """Within, figures are served on `port` of the loopback interface; 0: on a free one. UsageError if it is taken."""
    metrics = Metrics()
    registry = CollectorRegistry(auto_describe=False)
    try:
        server, thread = start_http_server(port, addr=ADDRESS, registry=registry)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else "give 0 to 65535"
        raise UsageError(f"--metrics {port} can't be served: {reason}; give another port, or 0") from None
    metrics.port = server.server_port
    registry.register(metrics)
    try:
        yield metrics
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
