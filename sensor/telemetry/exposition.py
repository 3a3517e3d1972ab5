"""The Prometheus text exposition format 0.0.4, https://prometheus.io/docs/instrumenting/exposition_formats/."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from sensor.core.reader import clean
from sensor.telemetry.metrics import METRICS, Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Label values come from files and units, which are few; the limits protect a scraper from mistakes.
SAMPLES_LIMIT, LABEL_LIMIT = 512, 256

Sample = tuple[tuple[str, ...], float]


def exposition(status: dict[str, Any], metrics: Sequence[Metric] = METRICS) -> str:
    """All metrics that have a value in the status."""
    lines: list[str] = []
    for metric in metrics:
        found = list(islice(samples(metric, status), SAMPLES_LIMIT))
        if found:
            lines += (
                f"# HELP {metric.name} {metric.help}",
                f"# TYPE {metric.name} {'gauge' if metric.type == 'info' else metric.type}",
            )
            lines += (f"{metric.name}{_labels(metric.labels, values)} {_number(value)}" for values, value in found)
    return "".join(f"{line}\n" for line in lines)


def samples(metric: Metric, status: dict[str, Any]) -> Iterator[Sample]:
    """The values of a metric with their labels."""
    nodes: list[tuple[tuple[str, ...], Any]] = [((), status)]
    for key in metric.path.split("."):
        nodes = [below for node in nodes for below in _below(node, key)]
    for keys, value in nodes:
        if metric.type == "info" and isinstance(value, dict):
            yield tuple(str(value.get(label, "")) for label in metric.labels), 1
        elif isinstance(value, int | float):
            yield keys, value


def _below(node: tuple[tuple[str, ...], Any], key: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    keys, value = node
    if not isinstance(value, dict):
        return
    if key == "*":
        yield from (((*keys, str(name)), one) for name, one in value.items())
    elif key in value:
        yield keys, value[key]


def _labels(names: Sequence[str], values: Sequence[str]) -> str:
    if not names:
        return ""
    pairs = (f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))
    return "{" + ",".join(pairs) + "}"


def _escaped(value: str) -> str:
    return clean(value, LABEL_LIMIT).replace("\\", "\\\\").replace('"', '\\"')


def _number(value: float) -> str:
    return str(int(value)) if isinstance(value, int) else repr(value)
