"""Beacons: the attack, similar benign traffic, repetition; and the table of pairs."""

from __future__ import annotations

import random

import numpy as np
import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.time_units import SECOND
from sensor.counting.intervals import NO_SIZE, Intervals
from tests.detectors.stories import UDP, Story, World, device, one, raised

BEACON = "command_and_control.beaconing"
FAR = "203.0.113.9"


def calls(
    story: Story,
    times: list[float],
    server: str = FAR,
    *,
    client: str = "10.0.0.66",
    port: int = 443,
    packets: int = 8,
    proto: int = 6,
) -> Story:
    for at in times:
        story.flow(at, client, server, port, answered=True, ended=2, packets=(packets, 6), proto=proto)
    return story


def regular(count: int, interval: float = 60, jitter: float = 0.1) -> list[float]:
    chance = random.Random(1)
    times = [0.0]
    for _ in range(count - 1):
        times.append(times[-1] + interval * (1 + chance.uniform(-jitter, jitter)))
    return times


def test_regular_calls_to_a_bare_address() -> None:
    """Twelve regular connections raise an alert with client and server; a fixed-function device is more severe."""
    story = calls(Story(), regular(14))
    alert = one(raised(BEACON, story))
    assert (alert.actor.address, alert.target and alert.target.address) == (parse("10.0.0.66"), parse(FAR))
    assert (alert.numbers["beats"], alert.severity, alert.techniques[0].technique) == (12, Severity.medium, "T1071.001")
    assert one(raised(BEACON, story, World(device("camera", "10.0.0.66")))).severity == Severity.high


def test_bursts_are_one_beat() -> None:
    """Several connections at the same time count as one contact."""
    story = Story()
    for at in regular(14):
        calls(story, [at, at + 0.5, at + 1])
    assert raised(BEACON, story)


def test_names_make_it_milder() -> None:
    """A server with a name is low; a known cloud service raises no alert."""
    world = World()
    world.names = {parse(FAR): ("cdn.example.net",)}
    assert one(raised(BEACON, calls(Story(), regular(14)), world)).severity == Severity.low
    world.names = {parse(FAR): ("x.example.net", "time.apple.com")}
    assert raised(BEACON, calls(Story(), regular(14)), world) == []


@pytest.mark.parametrize(
    ("times", "port"),
    [(regular(14, jitter=0.9), 443), (regular(14), 123), (regular(11), 443), (regular(14, interval=6), 443)],
)
def test_benign_twins_are_quiet(times: list[float], port: int) -> None:
    """Irregular connections of users, NTP, too few and too many contacts raise no alert."""
    assert raised(BEACON, calls(Story(), times, port=port, proto=UDP)) == []


def test_inside_peers_and_unanswered_calls_are_quiet() -> None:
    story = calls(Story(), regular(20), "10.0.0.5")
    for at in regular(20):
        story.flow(at, "10.0.0.66", FAR, 443, ended=3)
    for n, at in enumerate(regular(20)):
        calls(story, [at], "203.0.113.10", packets=1 if n % 2 else 60)
    assert raised(BEACON, story) == []


def test_repetition_is_reported_once_an_hour() -> None:
    found = raised(BEACON, calls(Story(), regular(130)))
    assert len(found) == 2
    assert one(found)


def test_places_are_taken_over() -> None:
    """Two pairs that share a table slot: the second one replaces the first when it was silent for long."""
    table = Intervals(5, bits=1)
    key, other = np.uint64(2), np.uint64(4)

    def reported(which: np.uint64, times: range) -> int:
        ts = np.array([1 + at * SECOND for at in times], np.int64)
        return len(table.follow(np.full(len(ts), which, np.uint64), ts, np.full(len(ts), NO_SIZE, np.int64)))

    assert reported(key, range(0, 600, 60)) == 5
    assert reported(other, range(30, 630, 60)) == 0
    assert reported(key, range(600, 660, 60)) == 1
    assert reported(other, range(600_000, 600_600, 60)) == 5
