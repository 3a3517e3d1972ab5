"""DNS resolver bypass: in cleartext, over TLS and HTTPS; similar benign traffic; repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.dhcp import DhcpAck
from sensor.dissectors.dns import DnsResponse
from sensor.dissectors.ndp import NdpRouterAdvertisement
from sensor.dissectors.quic import QuicClientHello
from sensor.dissectors.tls import TlsClientHello
from tests.detectors.stories import START, World, detector, device, inspected, one

BYPASS = "command_and_control.resolver_bypass"
NEAR, ROUTER, PUBLIC, UNKNOWN = "10.0.0.66", "10.0.0.1", "8.8.8.8", "203.0.113.53"
HANDED = DhcpAck(
    Packet(src=parse(ROUTER), dst=parse(NEAR), sport=67, dport=68), 5, 1, 0x020000000001, dns=(parse(ROUTER),)
)


def answer(server: str, client: str = NEAR, at: float = 0, rcode: int = 0) -> Event:
    packet = Packet(ts=START + int(at * SECOND), src=parse(server), dst=parse(client), sport=53, dport=50000)
    return DnsResponse(packet, 1, "www.example.com", 1, rcode, False, ())


def tls(name: str, *, port: int = 443, server: str = UNKNOWN, at: float = 0) -> Event:
    packet = Packet(ts=START + int(at * SECOND), src=parse(NEAR), dst=parse(server), sport=50000, dport=port, proto=6)
    return TlsClientHello(packet, name, (), "TLS 1.3", "", "", (), False)


def quic(name: str) -> Event:
    return QuicClientHello(
        Packet(src=parse(NEAR), dst=parse(PUBLIC), sport=50000, dport=443), "1", name, (), "", "", "", False
    )


def test_questions_past_the_network() -> None:
    """Public resolvers are low; an unknown resolver of a fixed-function device is more severe."""
    alert = one(inspected(detector(BYPASS), [HANDED, answer(PUBLIC)]))
    assert (alert.actor.address, alert.target and alert.target.address, alert.target_port) == (
        parse(NEAR),
        parse(PUBLIC),
        53,
    )
    assert (alert.severity, alert.techniques[0].technique, alert.numbers["how"]) == (Severity.low, "T1071.004", "DNS")
    assert alert.why[0].endswith(": 10.0.0.1")
    camera = World(device("camera", NEAR))
    assert one(inspected(detector(BYPASS, camera), [HANDED, answer(UNKNOWN)])).severity == Severity.medium
    assert one(inspected(detector(BYPASS, camera), [HANDED, answer(PUBLIC)])).severity == Severity.low


def test_servers_that_several_ask_are_the_network_s() -> None:
    """Without DHCP in the capture, resolvers are learned from their answers, and from router advertisements."""
    several = [answer(ROUTER, "10.0.0.7"), answer(ROUTER, "10.0.0.8")]
    assert inspected(detector(BYPASS), [*several, answer(UNKNOWN)])
    reported = NdpRouterAdvertisement(Packet(), 1, 1800, False, (), (parse("fd00::53"),))
    assert inspected(detector(BYPASS), [reported, answer(UNKNOWN)])
    assert inspected(detector(BYPASS, resolvers=("10.0.0.0/28",)), [answer(UNKNOWN)])


@pytest.mark.parametrize(
    ("event", "how"),
    [
        (tls("one.one.one.one", port=853, server="1.1.1.1"), "DoT"),
        (tls("Mozilla.Cloudflare-DNS.com"), "DoH"),
        (quic("dns.google"), "DoH"),
        (tls("", server="1.1.1.1"), "DoH"),
    ],
)
def test_secured_questions(event: Event, how: str) -> None:
    alert = one(inspected(detector(BYPASS), [event]))
    assert (alert.severity, alert.numbers["how"]) == (Severity.low, how)


@pytest.mark.parametrize(
    "events",
    [
        [answer(PUBLIC)],
        [HANDED, answer(ROUTER)],
        [HANDED, answer(PUBLIC, ROUTER)],
        [HANDED, answer(PUBLIC, rcode=5)],
        [HANDED, answer("10.0.0.9", "10.0.0.7"), answer(PUBLIC, "10.0.0.9")],
        [tls("dns.example.com"), tls("www.google.com"), tls("", port=443)],
        [
            DhcpAck(Packet(), 5, 1, 1, dns=(parse(PUBLIC),)),
            answer(PUBLIC),
            tls("dns.google", server=PUBLIC),
            tls("", port=853, server=PUBLIC),
        ],
        [tls("", port=853, server=ROUTER)],
        [tls("www.example.com", server="1.1.1.1"), tls(""), tls("", port=8443, server="1.1.1.1")],
    ],
)
def test_benign_twins_are_quiet(events: list[Event]) -> None:
    """Unknown resolvers of the network, its own servers, a forwarding router, rejected queries, a recursive server,
    other names, and a public resolver from DHCP raise no alert.
    """
    assert inspected(detector(BYPASS), events) == []


def test_what_is_wanted_is_quiet() -> None:
    assert inspected(detector(BYPASS, names=("nextdns.io",)), [tls("abc123.dns.nextdns.io")]) == []


def test_repetition_is_one_finding_a_day() -> None:
    found = inspected(
        detector(BYPASS), [HANDED, *(answer(UNKNOWN if n % 2 else PUBLIC, at=n * 60) for n in range(2000))]
    )
    assert len(found) == 2
    assert one(found)
