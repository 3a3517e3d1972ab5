"""Cryptocurrency mining: the client and its pool, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.dns import DnsQuery
from sensor.dissectors.stratum import StratumRequest, StratumWork
from sensor.dissectors.stratum_tls import StratumTls
from tests.detectors.stories import START, World, detector, device, inspected, one

MINING = "command_and_control.mining"


def packet(at: float = 0, answer: bool = False) -> Packet:
    ends = {"src": parse("10.0.0.66"), "dst": parse("203.0.113.3"), "sport": 40000, "dport": 3333}
    if answer:
        ends = {"src": ends["dst"], "dst": ends["src"], "sport": 3333, "dport": 40000}
    return Packet(ts=START + int(at * SECOND), proto=6, **ends)


def queried(name: str, at: float = 0) -> Event:
    return DnsQuery(packet(at), 1, name, 1, 0, True)


def test_calls_of_a_miner() -> None:
    """The alert contains program and account; a fixed-function device is more severe."""
    login = StratumRequest(packet(), "login", "xmrig/6.0", "4Account")
    [alert] = inspected(detector(MINING), [login])
    assert (alert.severity, alert.techniques[0].technique) == (Severity.medium, "T1496")
    assert "xmrig/6.0" in " ".join(alert.why)
    [alert] = inspected(detector(MINING, World(device("camera", "10.0.0.66"))), [login])
    assert alert.severity == Severity.high


def test_work_from_a_pool_names_the_same_two() -> None:
    """In a capture of the pool's messages only, the internal host is still the actor."""
    [alert] = inspected(detector(MINING), [StratumWork(packet(answer=True), "mining.notify")])
    assert (alert.actor.address, alert.target and alert.target.address, alert.target_port) == (
        parse("10.0.0.66"),
        parse("203.0.113.3"),
        3333,
    )


def test_a_session_with_the_rhythm_of_mining() -> None:
    """It is reported once, with medium severity for every client: nothing but sizes and times is known."""
    sealed = StratumTls(packet(), 7, 389, 12, 240, 85, 0.9)
    for world in (World(), World(device("camera", "10.0.0.66"))):
        [alert] = inspected(detector(MINING, world), [sealed, sealed])
        assert (alert.severity, alert.techniques[0].technique) == (Severity.medium, "T1496")
        assert (alert.actor.address, alert.target_port) == (parse("10.0.0.66"), 3333)
        assert {"jobs": 7, "shares": 12, "spread": 0.9}.items() <= alert.numbers.items()
        assert alert.confidence < 0.7


def test_names_of_pools() -> None:
    """A name of a pool's mining server is medium, of its web pages low."""
    found = inspected(detector(MINING), [queried("eu1-zcash.flypool.org"), queried("www.f2pool.com")])
    assert [alert.severity for alert in found] == [Severity.medium, Severity.low]


def test_benign_twins_are_quiet() -> None:
    assert (
        inspected(
            detector(MINING),
            [
                queried(name)
                for name in (
                    "www.example.com",
                    "pool.ntp.org",
                    "swimmingpool.example.com",
                    "nanopool.org.example.com",
                    "",
                )
            ],
        )
        == []
    )


def test_repetition_is_one_finding() -> None:
    story = [
        each
        for n in range(60)
        for each in (StratumRequest(packet(n), "mining.submit", "", ""), StratumWork(packet(n, True), "mining.notify"))
    ]
    found = inspected(detector(MINING), story)
    assert len(found) == 2
    assert one(found)
