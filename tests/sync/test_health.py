"""Health before and after a change of the configuration: what counts as worse, and what does not."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sensor.sync.health import Health, health_of, worse

BEFORE = Health(running=True, lasting={"clock": "x"}, packets=100_000, lost=100, began=5.0)


def later(**changes: Any) -> Health:
    usual: dict[str, Any] = {"running": True, "packets": 200_000, "lost": 200, "began": 5.0}
    return Health(**usual | changes)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (later(), False),
        (Health(), True),
        (later(lasting={"clock": "x"}), False),
        (later(lasting={"clock": "x", "disk": "full"}), True),
        (later(refused=1), True),
        (later(faults=["x.yaml:1:1: found"]), True),
        (later(lost=3_000), True),
        (later(lost=1_000), False),
        (later(packets=100_100, lost=190), False),
        (later(began=9.0, packets=50_000, lost=10), False),
        (later(began=9.0, packets=50_000, lost=5_000), True),
        (later(restart=["memory_mib"]), False),
    ],
)
def test_what_is_worse(now: Health, expected: bool) -> None:
    assert bool(worse(BEFORE, now)) == expected


def test_the_usual_loss_is_a_share_of_all_packets() -> None:
    """Lost packets are not among the received ones."""
    tenth = later(packets=90_000, lost=10_000)
    assert re.findall(r"[\d.]+%", worse(tenth, later(packets=158_000, lost=42_000))) == ["32.0%", "10.0%"]


def test_what_was_so_before_is_not_worse() -> None:
    """Earlier faults and losses do not count; without a running sensor before, there is no comparison."""
    fault = {"disk": "full"}
    assert not worse(later(lasting=fault, lost=20_000), later(lasting=fault, packets=300_000, lost=31_000))
    assert not worse(Health(), Health())
    assert not worse(Health(), later(lasting=fault))


@pytest.mark.parametrize("status", [{}, {"running": False}, {"running": "yes"}])
def test_no_answer_is_not_running(status: dict[str, Any]) -> None:
    assert health_of(status) == Health()


def test_figures_of_a_status() -> None:
    status = {"running": True, "began": 5.0, "traffic": {"packets": 7, "dropped": 2}}
    status["configuration"] = {"refused": 3, "faults": ["f"], "restart": ["tables.flow_bits"]}
    faults = {"a": {"severity": "low", "msg": "x"}, "b": {"severity": "high", "msg": "no\x1broom"}, "c": "x"}
    status["health"], status["log"] = {"lasting": faults}, {"stalled": True}
    lasting = {"b": "no room", "log": "the event log cannot be written"}
    assert health_of(status) == Health(True, lasting, 3, ["f"], ["tables.flow_bits"], 7, 2, 5.0)
    assert health_of({"running": True, "traffic": "x", "began": "x"}) == Health(True)
