"""NXDOMAIN bursts: the DGA, similar benign traffic, repetition."""

from __future__ import annotations

import random

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.dns import DnsResponse
from tests.detectors.stories import START, World, detector, device, inspected, one

BURST = "discovery.name_query_burst"


def denied(at: float, name: str, rcode: int = 3, server: str = "10.0.0.1") -> Event:
    packet = Packet(ts=START + int(at * SECOND), src=parse(server), dst=parse("10.0.0.66"), sport=53, dport=50000)
    return DnsResponse(packet, 1, name, 1, rcode, False, ())


def made_up(n: int) -> str:
    chance = random.Random(n)
    return "".join(chance.choice("bcdfghjkqvwxz0123456789") for _ in range(14)) + ".com"


def test_made_up_domains() -> None:
    """Twenty-five NXDOMAIN names in a minute raise an alert about the client, not the resolver."""
    alert = one(inspected(detector(BURST), [denied(n, made_up(n)) for n in range(30)]))
    assert (alert.actor.address, alert.target and alert.target.address) == (parse("10.0.0.66"), parse("10.0.0.1"))
    assert (alert.severity, alert.numbers["domains"], alert.techniques[0].technique) == (
        Severity.medium,
        25,
        "T1568.002",
    )
    assert (
        inspected(detector(BURST, World(device("camera", "10.0.0.66"))), [denied(n, made_up(n)) for n in range(30)])[
            0
        ].severity
        == Severity.high
    )


def test_direction_is_that_of_the_queries() -> None:
    """Answers of an external resolver belong to outbound queries."""
    story = [denied(n, made_up(n), server="192.0.2.53") for n in range(30)]
    assert one(inspected(detector(BURST), story)).network["direction"] == "outbound"


def test_slow_generators_and_such_of_words() -> None:
    assert one(inspected(detector(BURST), [denied(n * 30, made_up(n)) for n in range(45)])).numbers["domains"] == 40
    assert inspected(
        detector(BURST),
        [
            denied(n * 0.5, f"{word}{n}tablehouse.net")
            for n, word in enumerate(["silver", "winter", "mother", "garden"] * 18)
        ],
    )


def test_a_few_an_hour_for_days() -> None:
    """A hundred random names in a day raise an alert; the same in a week, or words, do not."""
    assert one(inspected(detector(BURST), [denied(n * 800, made_up(n)) for n in range(108)])).numbers["domains"] == 100
    assert inspected(detector(BURST), [denied(n * 5000, made_up(n)) for n in range(150)]) == []
    assert inspected(detector(BURST), [denied(n * 800, f"winter{n}garden.net") for n in range(150)]) == []


def test_benign_twins_are_quiet() -> None:
    """Existing names, single labels of browsers, a wrong search suffix, block lists, own domains, and occasional typing
    errors raise no alert.
    """
    story: list[Event] = []
    for n in range(60):
        story += [
            denied(n, made_up(n), 0),
            denied(n, made_up(n)[:10].replace(".", "")),
            denied(n, f"{made_up(n)}.example.com"),
        ]
        story += [
            denied(n, f"{n}.2.0.192.zen.example.org"),
            denied(n, f"host{n}.lan"),
            denied(n, f"{n}.0.0.10.in-addr.arpa"),
        ]
        story += [denied(n * 20, f"shop{n}online.com")]
    assert inspected(detector(BURST), story) == []


def test_repetition_is_one_finding() -> None:
    assert one(inspected(detector(BURST), [denied(n * 0.3, made_up(n)) for n in range(600)]))
