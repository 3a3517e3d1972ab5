"""DNS enumeration: the attack, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.dns_codes import REFUSED, SERVFAIL
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.dns import DnsResponse
from tests.detectors.stories import START, World, detector, device, inspected, one

ENUMERATION, CLIENT = "discovery.dns_enumeration", "10.0.0.66"
WORDS = [f"{word}{n}" for n in range(10) for word in "www mail dev test vpn ftp admin shop intranet portal".split()]


def answered(at: float, name: str, rcode: int = 3, server: str = "10.0.0.1") -> Event:
    packet = Packet(ts=START + int(at * SECOND), src=parse(server), dst=parse(CLIENT), sport=53, dport=50000)
    return DnsResponse(packet, 1, name, 1, rcode, False, ())


def test_a_word_list() -> None:
    """Names from a word list under one domain raise an alert; by a camera it is more severe."""
    story = [answered(n / 10, f"{word}.example.com") for n, word in enumerate(WORDS)]
    alert = one(inspected(detector(ENUMERATION), story))
    assert (alert.actor.address, alert.severity, alert.numbers["names"]) == (parse(CLIENT), Severity.medium, 60)
    assert alert.techniques[0].technique == "T1590.002"
    assert one(inspected(detector(ENUMERATION, World(device("camera", CLIENT))), story)).severity == Severity.high


def test_a_server_that_refuses() -> None:
    """Names of one domain that an authoritative server refuses raise an alert; a server that refuses whatever a client
    looks up, and one that refuses a list of addresses, do not.
    """
    story = [answered(n / 10, f"{word}.example.com", REFUSED) for n, word in enumerate(WORDS)]
    alert = one(inspected(detector(ENUMERATION), story))
    assert (alert.severity, alert.numbers["names"], alert.actor.address) == (Severity.medium, 60, parse(CLIENT))
    domains = ("example.com", "example.org", "example.net", "test.example", "shop.example")
    closed = [answered(n / 10, f"{WORDS[n % 100]}.{domains[n % 5]}", REFUSED) for n in range(500)]
    listed = [answered(n / 10, f"{n}.2.0.198.zen.example.org", REFUSED) for n in range(1, 255)]
    for quiet in (closed, listed):
        assert inspected(detector(ENUMERATION), quiet) == []


def test_a_server_that_fails() -> None:
    """If a resolver fails for most names of one domain, the alert is low: the domain may be unavailable. A resolver
    that fails for all domains raises none; some failures among missing names change nothing.
    """
    failing = [answered(n / 10, f"{word}.example.com", SERVFAIL) for n, word in enumerate(WORDS)]
    alert = one(inspected(detector(ENUMERATION), failing))
    assert (alert.severity, alert.numbers["names"], alert.numbers["failed"]) == (Severity.low, 60, 60)
    some = [answered(n / 10, f"{word}.example.com", 3 if n % 5 else SERVFAIL) for n, word in enumerate(WORDS)]
    alert = one(inspected(detector(ENUMERATION), some))
    assert (alert.severity, alert.numbers["failed"]) == (Severity.medium, 12)
    down = [answered(n / 20, f"{WORDS[n // 10]}.site{n % 10}.example", SERVFAIL) for n in range(1000)]
    assert inspected(detector(ENUMERATION), down) == []


def test_direction_is_that_of_the_queries() -> None:
    """Answers of an external resolver belong to outbound queries."""
    story = [answered(n / 10, f"{word}.example.com", server="192.0.2.53") for n, word in enumerate(WORDS)]
    assert one(inspected(detector(ENUMERATION), story)).network["direction"] == "outbound"


def test_the_names_of_a_network() -> None:
    """Reverse lookups of all addresses of a network are low: address management does the same."""
    story = [answered(n / 10, f"{n}.2.0.10.in-addr.arpa") for n in range(1, 255)]
    assert one(inspected(detector(ENUMERATION), story)).severity == Severity.low


def test_benign_lookups_are_quiet() -> None:
    """A wrong search suffix, block lists of domains and of the addresses of one network, reverse lookups of many
    networks, random labels, existing names, and a word
    list over a day raise no alert.
    """
    story: list[Event] = []
    for n, word in enumerate(WORDS):
        story += [
            answered(n / 10, f"www.{word}.com.corp.example"),
            answered(n / 10, f"{word}.com.corp.example"),
            answered(n / 10, f"{word}.de.multi.example.net"),
            answered(n / 10, f"{n}.2.{n}.198.zen.example.org"),
            answered(n / 10, f"{n}.2.0.198.zen.example.org"),
            answered(n / 10, f"7.{n}.{n}.198.in-addr.arpa"),
            answered(n / 10, f"{n * 0x9E3779B97F4A7C15 & (1 << 64) - 1:016x}.cdn.example.com"),
            answered(n / 10, f"{word}.example.org", 0),
        ]
    slow = [answered(n * 800, f"{word}.example.com") for n, word in enumerate(WORDS)]
    for quiet in (story, slow):
        assert inspected(detector(ENUMERATION), quiet) == []


def test_repetition_is_one_finding() -> None:
    """The same word list again and again is one alert."""
    story = [answered(n / 10, f"{WORDS[n % len(WORDS)]}.example.com") for n in range(2000)]
    assert one(inspected(detector(ENUMERATION), story))
