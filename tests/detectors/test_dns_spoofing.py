"""Forged DNS answers: the attacks, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.dns import DnsQuery, DnsResponse
from sensor.dissectors.shared.dns_message import Record
from tests.detectors.stories import SECOND, START, detector, inspected, one

SPOOFING = "credential_access.dns_spoofing"
CLIENT, SERVER = parse("10.0.0.5"), parse("10.0.0.53")
ROUTER, ATTACKER = 0x001C0E877800, 0x525400123499
NAME = "www.bank.example"


def query(at: float, name: str = NAME, *, number: int = 7) -> Event:
    packet = Packet(ts=START + int(at * SECOND), src=CLIENT, dst=SERVER, sport=3333, dport=53)
    return DnsQuery(packet, number, name, 1, 0, True)


def answer(
    at: float, address: str, *, mac: int = ROUTER, ttl: int = 63, number: int = 7, name: str = NAME, proto: int = 17
) -> Event:
    packet = Packet(
        ts=START + int(at * SECOND),
        src=SERVER,
        dst=CLIENT,
        src_mac=mac,
        dst_mac=0x77,
        sport=53,
        dport=3333,
        ttl=ttl,
        proto=proto,
    )
    return DnsResponse(packet, number, name, 1, 0, False, (Record(name, 1, 300, 4, parse(address)),))


def test_a_second_answer_from_another_host() -> None:
    """A forged answer raises an alert when it precedes the router's, which delivered the earlier answers."""
    story = [
        query(0, "a.example.net", number=1),
        answer(0.01, "198.51.100.9", number=1, name="a.example.net"),
        query(9),
        answer(9.001, "10.0.0.66", mac=ATTACKER, ttl=64),
        answer(9.02, "198.51.100.7"),
    ]
    alert = one(inspected(detector(SPOOFING), story))
    assert (alert.actor.mac, alert.target and alert.target.address) == (ATTACKER, CLIENT)
    assert (alert.techniques[0].technique, alert.numbers["name"]) == ("T1557", NAME)
    assert "10.0.0.66" in alert.summary


def test_the_forger_is_slower() -> None:
    """A later forged answer by a host of the segment is detected by its higher TTL."""
    story = [query(0), answer(0.01, "198.51.100.7"), answer(0.05, "10.0.0.66", mac=ATTACKER, ttl=64)]
    assert one(inspected(detector(SPOOFING), story)).actor.mac == ATTACKER


def test_an_answer_over_another_path() -> None:
    """A second answer through the same router with another TTL raises an alert."""
    assert one(inspected(detector(SPOOFING), [answer(0, "203.0.113.1", ttl=200), answer(0.02, "198.51.100.7")]))


def test_one_server_answers_twice() -> None:
    """Retransmissions, other addresses for a repeated query, an answer captured on both sides of a router, two queries,
    and TCP raise no alert.
    """
    for story in (
        [answer(0, "198.51.100.7"), answer(0.1, "198.51.100.8")],
        [answer(0, "198.51.100.7"), answer(5, "198.51.100.8", mac=ATTACKER)],
        [answer(0, "198.51.100.7"), answer(0, "198.51.100.7", mac=ATTACKER, ttl=62)],
        [answer(0, "198.51.100.7"), answer(0.1, "198.51.100.8", mac=ATTACKER, number=8)],
        [answer(0, "198.51.100.7", proto=6), answer(0.1, "198.51.100.8", mac=ATTACKER, proto=6)],
    ):
        assert inspected(detector(SPOOFING), story) == []


def rounds(count: int, *, shift: int, zone: str = "bank.example") -> list[Event]:
    """Queries for random names, and answers whose ids differ by ``shift``."""
    return [
        each
        for n in range(count)
        for each in (
            query(n, f"x{n}.{zone}", number=n),
            answer(n + 0.01, "203.0.113.66", number=n + shift, name=f"x{n}.{zone}"),
        )
    ]


def test_cache_poisoning() -> None:
    """Answers with guessed ids for one random name after another raise an alert."""
    alert = one(inspected(detector(SPOOFING), rounds(12, shift=500)))
    assert (alert.numbers["names"], alert.target and alert.target.address) == (8, CLIENT)


def test_answers_to_queries_are_no_poisoning() -> None:
    """Matching ids, a few answers without a query, and one wrong id for each of many zones raise no alert."""
    assert inspected(detector(SPOOFING), rounds(40, shift=0)) == []
    assert inspected(detector(SPOOFING), rounds(4, shift=500)) == []
    zones = [each for n in range(20) for each in rounds(1, shift=9, zone=f"z{n}.example")]
    assert inspected(detector(SPOOFING), zones) == []


def test_repetition_is_one_finding() -> None:
    story = [
        each
        for n in range(20)
        for each in (
            query(n, number=n),
            answer(n + 0.001, "10.0.0.66", mac=ATTACKER, ttl=64, number=n),
            answer(n + 0.02, "198.51.100.7", number=n),
        )
    ]
    assert one(inspected(detector(SPOOFING), story))
