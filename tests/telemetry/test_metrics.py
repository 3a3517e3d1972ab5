"""The table of metrics: names that follow the rules of Prometheus, and a path in the status for each value."""

from __future__ import annotations

import re

import pytest

from sensor.telemetry import METRICS, Metric
from sensor.telemetry.exposition import SAMPLES_LIMIT, exposition, samples
from tests.golden import Golden


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_names_and_words(metric: Metric) -> None:
    """Names start with ``sensor_``, those that all programs have with ``process_``; counters, and nothing else, end
    with ``_total``.
    """
    assert re.fullmatch(r"(sensor|process)_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.type == "counter")
    assert metric.help.endswith(".")
    assert "\n" not in metric.help
    assert metric.unit or metric.type == "info"
    if metric.type != "info":
        assert metric.path.count("*") == len(metric.labels)
    for unit in ("seconds", "bytes"):
        assert metric.unit.startswith(unit) == (unit in metric.name), "a unit is named, and named truly"


def test_names_are_given_once() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert len({metric.path for metric in METRICS}) == len(METRICS)


def test_the_text(golden: Golden) -> None:
    """Exposition format 0.0.4: help, type, one line per value; integers stay integers, a quotation mark cannot end a
    label.
    """
    metrics = (
        Metric("sensor_info", "info", "", "Who.", "sensor", ("id", "site")),
        Metric("sensor_things_total", "counter", "things", "Things.", "things.*.count", ("thing",)),
        Metric("sensor_share", "gauge", "share", "A share.", "share"),
        Metric("sensor_on", "gauge", "0 or 1", "Whether.", "on"),
        Metric("sensor_unknown", "gauge", "things", "Nobody told.", "not.there"),
    )
    status = {
        "sensor": {"id": 'h"q\\', "site": "HQ"},
        "things": {"a\nb": {"count": 3}, "c": {"count": 12345678901234}, "d": {}},
        "share": 0.25,
        "on": True,
    }
    golden(exposition(status, metrics).splitlines())


def test_no_label_has_values_without_end() -> None:
    """The number of label values is bounded after any fault."""
    metric = Metric("sensor_things", "gauge", "things", "Things.", "things.*", ("thing",))
    status = {"things": {str(number): number for number in range(10_000)}}
    assert len(list(samples(metric, status))) == 10_000
    assert exposition(status, (metric,)).count("\n") == SAMPLES_LIMIT + 2


def test_a_status_that_holds_something_else() -> None:
    """A text in place of a number is no sample, and neither is an object in place of a text."""
    assert not exposition({"ts": "now", "traffic": [], "interfaces": "eth0", "alerts": {"open": {"high": {}}}})
