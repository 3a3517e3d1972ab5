"""First administration sessions: the attack, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.time_units import SECOND
from tests.detectors.stories import START, Story, World, device, in_time

FIRST = "lateral_movement.first_admin_session"
DAY = 86_400
MACHINES = [device("workstation", f"10.0.0.{n}") for n in range(1, 30)] + [
    device("server", f"10.0.1.{n}") for n in range(1, 10)
]


def office() -> Story:
    """A day of an office: an administrator with many servers, and a file server that all clients use."""
    story = Story()
    for n in range(1, 8):
        story.converse(60 * n, "10.0.0.1", f"10.0.1.{n}", 22)
    for n in range(2, 20):
        story.converse(60 * n, f"10.0.0.{n}", "10.0.1.9", 445)
    return story.converse(7200, "10.0.0.20", "10.0.1.1", 3389)


@pytest.mark.parametrize(
    ("port", "technique"),
    [(22, "T1021.004"), (3389, "T1021.001"), (5900, "T1021.005"), (5985, "T1021.006"), (23, "T1021")],
)
def test_a_pair_that_never_did_so_is_reported(port: int, technique: str) -> None:
    """A new pair after a day raises an alert with both ends, service and technique."""
    world = World(*MACHINES).learned(office())
    [alert] = in_time(FIRST, Story().converse(DAY + 60, "10.0.0.5", "10.0.0.6", port), world)
    assert alert.target is not None
    assert (alert.actor.address, alert.target.address, alert.target_port) == (
        parse("10.0.0.5"),
        parse("10.0.0.6"),
        port,
    )
    assert (alert.severity, alert.techniques[0].technique) == (Severity.medium, technique)


def test_it_learns_for_a_day() -> None:
    """New pairs raise no alert during the learning period or without one."""
    assert (
        in_time(FIRST, Story().converse(3600, "10.0.0.5", "10.0.0.6", 22), World(*MACHINES).learned(office(), hours=1))
        == []
    )
    assert in_time(FIRST, Story().converse(DAY + 60, "10.0.0.5", "10.0.0.6", 22), World(*MACHINES)) == []


def test_time_without_monitoring_is_no_learning() -> None:
    """Time without packets is no learning period: a stopped sensor, or merged captures of different years."""
    world = World(*MACHINES).learned(office(), hours=2)
    assert in_time(FIRST, Story().converse(365 * DAY, "10.0.0.5", "10.0.0.6", 22), world) == []
    world.baseline.watch((START + 365 * DAY * SECOND) - 60 * SECOND)
    assert world.baseline.age_h(START + 365 * DAY * SECOND) == pytest.approx(2, abs=0.1)
    assert in_time(FIRST, Story().converse(365 * DAY, "10.0.0.5", "10.0.0.6", 22), world) == []


def test_what_was_learned_is_quiet() -> None:
    """Learned pairs, and a new client of a file server that all clients use, raise no alert."""
    world, day = World(*MACHINES).learned(office()), Story()
    day.converse(DAY + 60, "10.0.0.1", "10.0.1.3", 22).converse(DAY + 90, "10.0.0.20", "10.0.1.1", 3389).converse(
        DAY + 120, "10.0.0.25", "10.0.1.9", 445
    )
    assert in_time(FIRST, day, world) == []


def test_one_more_server_of_an_administrator_is_low() -> None:
    """A new server of an administrator with seven known ones is low, and so is SMB to a server."""
    world = World(*MACHINES).learned(office())
    [alert] = in_time(FIRST, Story().converse(DAY + 60, "10.0.0.1", "10.0.1.8", 22), world)
    assert (alert.severity, alert.numbers["usual"]) == (Severity.low, 7)
    [alert] = in_time(FIRST, Story().converse(DAY + 60, "10.0.0.5", "10.0.1.8", 445), world)
    assert alert.severity == Severity.low


def test_a_spree_makes_no_administrator() -> None:
    """Seven hosts in seven minutes, learned meanwhile, make no administrator: the last session is as severe as the
    first.
    """
    spree = Story()
    for n in range(7):
        spree.converse(DAY + 60 * n, "10.0.0.5", f"10.0.0.{10 + n}", 22, lasts=30)
    last = in_time(FIRST, spree, World(*MACHINES).learned(office()).learned(spree))[-1]
    assert (last.severity, last.numbers["usual"]) == (Severity.medium, 1)


def test_connection_attempts_and_exempt_ones_are_quiet() -> None:
    """A monitoring server that probes SSH, and exempt hosts, raise no alert."""
    world = World(*MACHINES).learned(office())
    assert (
        in_time(FIRST, Story().converse(DAY + 60, "10.0.0.5", "10.0.0.6", 22, lasts=0.1, messages=(4, 3)), world) == []
    )
    assert in_time(FIRST, Story().converse(DAY + 60, "10.0.0.5", "10.0.0.6", 22), world, exempt=("10.0.0.5",)) == []


def test_a_pair_is_reported_once_a_day() -> None:
    """Sessions of a pair every minute for an hour are one alert."""
    story = Story()
    for n in range(60):
        story.converse(DAY + 60 * n, "10.0.0.5", "10.0.0.6", 22)
    assert len(in_time(FIRST, story, World(*MACHINES).learned(office()))) == 1
