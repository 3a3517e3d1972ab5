"""DNS rebinding: variants of the attack, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.dns import DnsResponse
from sensor.dissectors.http import HttpRequest
from sensor.dissectors.shared.dns_message import Record
from tests.detectors.stories import SECOND, START, detector, inspected, one

REBINDING = "initial_access.dns_rebinding"
CLIENT, RESOLVER, CAMERA = "10.0.0.5", "10.0.0.53", "10.0.0.20"
NAME, OUTSIDE = "a7.rebind.example", "203.0.113.9"


def answer(at: float, *where: str, name: str = NAME, ttl: int = 1, client: str = CLIENT) -> Event:
    packet = Packet(ts=START + int(at * SECOND), src=parse(RESOLVER), dst=parse(client), sport=53, dport=3333)
    records = tuple(Record(name, 1, ttl, 4, parse(each)) for each in where)
    return DnsResponse(packet, 7, name, 1, 0, False, records)


def request(at: float, host: str = NAME, to: str = CAMERA) -> Event:
    packet = Packet(ts=START + int(at * SECOND), src=parse(CLIENT), dst=parse(to), sport=4000, dport=80)
    return HttpRequest(packet, "GET", host, "/config", "", "", "", "", "", -1, False)


def test_a_name_that_moves_inside() -> None:
    """A name that changes from a public address to a camera's raises an alert with the client and the camera."""
    alert = one(inspected(detector(REBINDING), [answer(0, OUTSIDE), answer(20, CAMERA)]))
    assert (alert.actor.address, alert.target and alert.target.address) == (parse(CLIENT), parse(CAMERA))
    assert (alert.severity, alert.techniques[0].technique) == (Severity.medium, "T1189")


def test_a_request_in_the_name_of_the_host_outside() -> None:
    """A request to the internal address with the external host name is more severe."""
    found = inspected(detector(REBINDING), [answer(0, OUTSIDE), answer(20, CAMERA), request(21), request(22)])
    assert [alert.severity for alert in found] == [Severity.medium, Severity.high]


def test_weak_indications() -> None:
    """Both addresses in one answer, and a name that changes to the client's own address, are low."""
    assert one(inspected(detector(REBINDING), [answer(0, OUTSIDE, CAMERA)])).severity == Severity.low
    assert one(inspected(detector(REBINDING), [answer(0, OUTSIDE), answer(9, "127.0.0.1")])).severity == Severity.low


def test_benign_twins_are_quiet() -> None:
    """Split DNS, a laptop that changes networks, a long TTL, internal names, an allowed domain, the resolver's own
    page, other clients, and requests to devices by their names raise no alert.
    """
    for story in (
        [answer(0, CAMERA), answer(30, OUTSIDE), answer(60, CAMERA)],
        [answer(0, OUTSIDE, ttl=60), answer(3600, CAMERA)],
        [answer(0, OUTSIDE, ttl=3600), answer(60, CAMERA)],
        [answer(0, OUTSIDE, name="nas.lan"), answer(9, CAMERA, name="nas.lan")],
        [answer(0, OUTSIDE), answer(9, RESOLVER)],
        [answer(0, OUTSIDE), answer(9, CAMERA, client="10.0.0.6"), request(10)],
        [answer(0, CAMERA), request(1)],
    ):
        assert inspected(detector(REBINDING), story) == []
    allowed = detector(REBINDING, allowed=("rebind.example",))
    assert inspected(allowed, [answer(0, OUTSIDE), answer(9, CAMERA)]) == []


def test_a_login_portal() -> None:
    """A captive portal, to which all names resolve, also previously known ones, raises no alert."""
    known = [answer(n / 10, OUTSIDE, name=f"www.site{n}.example{n}") for n in range(20)]
    portal = [answer(10, "10.0.0.1", name=f"new.other{n}.example{50 + n}") for n in range(3)]
    again = [answer(20 + n, "10.0.0.1", name=f"www.site{n}.example{n}") for n in range(20)]
    assert inspected(detector(REBINDING), known + portal + again) == []


def test_repetition_is_one_finding() -> None:
    """A name that changes back and forth is one alert."""
    story = [one for n in range(30) for one in (answer(20 * n, OUTSIDE), answer(20 * n + 10, CAMERA))]
    assert len(inspected(detector(REBINDING), story)) == 1
