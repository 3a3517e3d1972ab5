"""DNS floods: random names below one domain, similar benign traffic, repetition."""

from __future__ import annotations

import random

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.dns import DnsResponse
from tests.detectors.stories import START, detector, inspected, one

FLOOD = "impact.dns_flood"
RESOLVER = "10.0.0.53"


def refused(at: float, name: str, rcode: int = 3, client: str = "10.0.0.66") -> Event:
    packet = Packet(
        ts=START + int(at * SECOND), src=parse(RESOLVER), dst=parse(client), sport=53, dport=50000, proto=17
    )
    return DnsResponse(packet, 1, name, 1, rcode, False, ())


def made_up(n: int, domain: str = "shop.example") -> str:
    chance = random.Random(n)
    return "".join(chance.choice("bcdfghjkqvwxz0123456789") for _ in range(12)) + f".{domain}"


def test_random_names_below_one_domain() -> None:
    """Hundreds of random names below a domain that do not exist, or that the resolver gives up, raise one alert about
    the resolver, for one client and for many.
    """
    for rcode in (2, 3):
        alert = one(inspected(detector(FLOOD), [refused(n * 0.02, made_up(n), rcode) for n in range(800)]))
        assert (alert.actor.address, alert.target and alert.target.address) == (parse("10.0.0.66"), parse(RESOLVER))
        assert (alert.numbers["names"], alert.numbers["domain"]) == (300, "shop.example")
        assert alert.severity == Severity.medium
    many = [refused(n * 0.02, made_up(n), client=f"10.0.1.{n % 20}") for n in range(800)]
    assert one(inspected(detector(FLOOD), many)).numbers["clients"] == 20


def test_benign_twins_are_quiet() -> None:
    """Names that exist, slow lookups, one name again and again, generated domains, words, block lists and reputation
    services raise no alert.
    """
    for story in (
        [refused(n * 0.02, made_up(n), 0) for n in range(800)],
        [refused(n * 0.2, made_up(n)) for n in range(800)],
        [refused(n * 0.02, made_up(1)) for n in range(800)],
        [refused(n * 0.02, made_up(n, "example").replace(".", "", 1)) for n in range(800)],
        [refused(n * 0.02, f"server{n}.shop.example") for n in range(800)],
        [refused(n * 0.02, f"{n % 250}.{n % 199}.0.192.bl.example.org") for n in range(800)],
        [refused(n * 0.02, made_up(n, "sophosxl.net")) for n in range(800)],
    ):
        assert inspected(detector(FLOOD), story) == []


def test_repetition_is_reported_once_in_five_minutes() -> None:
    """A flood of ten minutes is a few reports with one key."""
    found = inspected(detector(FLOOD), [refused(n * 0.02, made_up(n)) for n in range(30_000)])
    assert 2 <= len(found) <= 3
    assert len({alert.key for alert in found}) == 1
