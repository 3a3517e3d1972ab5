"""Tor and similar networks: the client, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.dns import DnsQuery
from sensor.dissectors.tls import TlsCertificate, TlsClientHello
from tests.detectors.stories import START, World, detector, device, inspected, one

ANONYMISER = "command_and_control.anonymiser"


def packet(at: float, server: str, answer: bool = False) -> Packet:
    ends = {"src": parse("10.0.0.66"), "dst": parse(server), "sport": 40000, "dport": 443}
    if answer:
        ends = {"src": ends["dst"], "dst": ends["src"], "sport": 443, "dport": 40000}
    return Packet(ts=START + int(at * SECOND), proto=6, **ends)


def hello(at: float, sni: str, server: str = "203.0.113.9") -> Event:
    return TlsClientHello(packet(at, server), sni, (), "TLS 1.2", "", "", (), False)


def certificate(at: float, subject: str, issuer: str) -> Event:
    name = subject.removeprefix("CN=")
    return TlsCertificate(
        packet(at, "203.0.113.9", True), False, subject, issuer, name, "", "", (), 0, 0, False, "rsa", 1024, "", ""
    )


def queried(at: float, name: str) -> Event:
    return DnsQuery(packet(at, "10.0.0.1"), 1, name, 1, 0, True)


def test_certificates_of_relays() -> None:
    """A certificate with two random names is a Tor relay's; the alert contains the internal client and the relay."""
    [alert] = inspected(
        detector(ANONYMISER), [certificate(0, "CN=www.g6ghvisevf3ibuu5.net", "CN=www.xkgk7fdx362yyyxib.com")]
    )
    assert (alert.actor.address, alert.target and alert.target.address, alert.target_port) == (
        parse("10.0.0.66"),
        parse("203.0.113.9"),
        443,
    )
    assert (alert.severity, alert.techniques[0].technique) == (Severity.medium, "T1090.003")


def test_names_in_handshakes() -> None:
    """Two random server names without DNS queries raise an alert; it is more severe for a camera."""
    story = [hello(0, "www.xkgk7fdx362yyyxib.com"), hello(1, "www.gfu7hbxpfp.net", "203.0.113.10")]
    assert one(inspected(detector(ANONYMISER), story)).severity == Severity.medium
    assert one(inspected(detector(ANONYMISER, World(device("camera", "10.0.0.66"))), story)).severity == Severity.high


def test_names_of_services() -> None:
    found = inspected(
        detector(ANONYMISER),
        [queried(0, "expyuzz4wqqyqhjn.onion"), queried(1, "dist.torproject.org"), queried(2, "abc.onion.ws")],
    )
    assert [alert.severity for alert in found] == [Severity.medium, Severity.low, Severity.low]


def test_benign_twins_are_quiet() -> None:
    """Unusual names that were queried, words, and other self-signed certificates raise no alert."""
    story = [
        queried(0, "www.xkgk7fdx.com"),
        hello(1, "www.xkgk7fdx.com"),
        hello(2, "www.microsoft.com"),
        hello(3, "www.wikipedia.net"),
        hello(4, ""),
    ]
    story += [
        certificate(5, "CN=www.example.net", "CN=www.example.net"),
        certificate(6, "CN=www.abcdefgh.net, O=x", "CN=Some CA"),
        hello(7, "www.gfu7hbxpfp.com"),
    ]
    assert inspected(detector(ANONYMISER), story) == []


def test_repetition_is_one_finding() -> None:
    story = [certificate(n, "CN=www.g6ghvisevf3ibuu5.net", "CN=www.xkgk7fdx362yyyxib.com") for n in range(100)]
    assert len(inspected(detector(ANONYMISER), story)) == 1
