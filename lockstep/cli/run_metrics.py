"""`--metrics PORT` of a run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lockstep.cli.messages import say

if TYPE_CHECKING:
    from lockstep.monitor.status import Observer


@contextlib.contextmanager
def open_metrics(port: int | None) -> Iterator[list[Observer]]:
    """Within, the figures of the pair that is observed are served on `port`, if one is given."""
    if port is None:
        yield []
        return
    from lockstep.monitor.metrics import ADDRESS, metrics_served

    with metrics_served(port) as metrics:
        if port == 0:
            say(f"metrics on http://{ADDRESS}:{metrics.port}/metrics")
        yield [metrics.observe]
