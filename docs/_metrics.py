"""docs/reference/metrics.md: every metric, from the table that the endpoint is made of."""

from __future__ import annotations

from collections.abc import Iterator

from docs._markdown import code, inline, page, table
from sensor.telemetry.metrics import METRICS

INTRODUCTION = """\
`sensor run` serves these in the text format of Prometheus (0.0.4). Released names and labels do not change; metrics are only added. Counters start
at 0 with the process. [operations.md](../operate/operations.md#metrics) shows how to reach them. The last column is the place in `/status.json`.
"""


def metrics() -> str:
    """The page."""
    return page("Metrics", _lines())


def _lines() -> Iterator[str]:
    yield INTRODUCTION
    heads = ("metric", "type", "unit", "labels", "meaning", "in the status")
    yield from table(
        heads,
        [
            (code(one.name), one.type, one.unit, ", ".join(map(code, one.labels)), inline(one.help), code(one.path))
            for one in METRICS
        ],
    )
