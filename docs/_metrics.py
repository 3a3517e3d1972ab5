"""docs/reference/metrics.md: every metric, from the table that the endpoint uses."""

from __future__ import annotations

from collections.abc import Iterator

from docs._markdown import code, inline, page, table
from sensor.telemetry.metrics import METRICS

INTRODUCTION = """\
This page lists every metric, which `sensor run` serves in the Prometheus text format (0.0.4). Names and labels of
released metrics do not change; metrics are only added. Counters start at 0 when the process starts.
[operations.md](../operate/operations.md#metrics) describes how to query them. The last column is the path in
`/status.json`.
"""


def metrics() -> str:
    """The page."""
    return page("Metrics", _lines())


def _lines() -> Iterator[str]:
    yield INTRODUCTION
    heads = ("metric", "type", "unit", "labels", "meaning", "status path")
    yield from table(
        heads,
        [
            (code(one.name), one.type, one.unit, ", ".join(map(code, one.labels)), inline(one.help), code(one.path))
            for one in METRICS
        ],
    )
