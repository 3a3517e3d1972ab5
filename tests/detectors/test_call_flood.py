"""SIP floods: the attack, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.sip import SipRequest
from tests.detectors.stories import START, World, detector, device, inspected, one

FLOOD, SOURCE, SERVER = "impact.call_flood", "10.0.0.66", "10.0.0.5"


def request(at: float, method: str = "INVITE", source: str = SOURCE) -> Event:
    packet = Packet(ts=START + int(at * SECOND), src=parse(source), dst=parse(SERVER), sport=9, dport=5060, proto=17)
    callee = f"100@{SERVER}"
    return SipRequest(packet, method, f"sip:{SERVER}", f"x@{source}", callee, f"id-{at}", 1, "tool", False)


def test_many_calls() -> None:
    """Hundreds of calls in seconds raise an alert; by a phone it is more severe."""
    story = [request(n / 100) for n in range(1000)]
    alert = one(inspected(detector(FLOOD), story))
    assert (alert.actor.address, alert.target and alert.target.address) == (parse(SOURCE), parse(SERVER))
    assert (alert.severity, alert.numbers["requests"], alert.techniques[0].technique) == (
        Severity.medium,
        300,
        "T1499.002",
    )
    assert one(inspected(detector(FLOOD, World(device("voip_phone", SOURCE))), story)).severity == Severity.high


def test_busy_telephony_is_quiet() -> None:
    """A busy PBX, the end of many calls, and phones that register after a power failure raise no alert."""
    busy = [request(n / 10) for n in range(2000)]
    ends = [request(n / 100, "BYE") for n in range(1000)]
    phones = [request(n / 100, "REGISTER", f"10.0.1.{n % 250}") for n in range(1000)]
    for story in (busy, ends, phones):
        assert inspected(detector(FLOOD), story) == []


def test_repetition_is_one_finding() -> None:
    assert one(inspected(detector(FLOOD), [request(n / 100) for n in range(20_000)]))
