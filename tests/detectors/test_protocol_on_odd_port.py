"""Protocols on non-standard ports: the attack, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.http import HttpResponse
from sensor.dissectors.mqtt import MqttConnack
from sensor.dissectors.shared.smb_events import SmbNegotiated
from sensor.dissectors.sip import SipResponse
from sensor.dissectors.ssh import SshBanner
from sensor.dissectors.tls import TlsServerHello
from tests.detectors.stories import START, World, detector, device, inspected, one

ODD = "command_and_control.protocol_on_odd_port"
NEAR, FAR, SERVER = "10.0.0.66", "203.0.113.9", "10.0.0.5"


def packet(
    port: int, server: str = FAR, at: float = 0, *, client: str = NEAR, proto: int = 6, dport: int = 50000
) -> Packet:
    return Packet(
        ts=START + int(at * SECOND), src=parse(server), dst=parse(client), sport=port, dport=dport, proto=proto
    )


def ssh(port: int, server: str = FAR, *, at: float = 0, from_client: bool = False) -> Event:
    return SshBanner(packet(port, server, at), from_client, "2.0", "OpenSSH_9.6", "")


def page(port: int, server: str = FAR) -> Event:
    return HttpResponse(packet(port, server), 200, "", "text/html", 10, (), "", "", "GET", "/", False)


def hello(port: int, server: str = FAR) -> Event:
    return TlsServerHello(packet(port, server), "TLS 1.3", 0x1301, "", "", (), False)


def negotiated(port: int, server: str = FAR) -> Event:
    return SmbNegotiated(packet(port, server), 2, "3.1.1", False, False, "")


@pytest.mark.parametrize(
    ("event", "protocol", "owner"),
    [
        (ssh(443), "SSH", "HTTPS"),
        (ssh(53), "SSH", "DNS"),
        (page(53), "HTTP", "DNS"),
        (hello(22), "TLS", "SSH"),
        (negotiated(80), "SMB", "HTTP"),
    ],
)
def test_a_port_that_belongs_to_something_else(event: Event, protocol: str, owner: str) -> None:
    """A protocol on another one's port at an external server raises an alert with the client as actor."""
    alert = one(inspected(detector(ODD), [event]))
    assert (alert.actor.address, alert.target and alert.target.address, alert.target_port) == (
        parse(NEAR),
        parse(FAR),
        event.packet.sport,
    )
    assert (alert.severity, alert.techniques[0].technique, alert.numbers["protocol"]) == (
        Severity.medium,
        "T1571",
        protocol,
    )
    assert alert.why[1].endswith(f" {owner}")


def test_inside_it_is_a_hint_and_more_for_devices() -> None:
    assert one(inspected(detector(ODD), [ssh(443, SERVER)])).severity == Severity.low
    assert one(inspected(detector(ODD, World(device("printer", NEAR))), [ssh(443, SERVER)])).severity == Severity.medium


@pytest.mark.parametrize("event", [hello(4444), page(1337), ssh(6000), ssh(6000, SERVER), MqttConnack(packet(4000), 0)])
def test_a_port_without_a_service_is_a_hint(event: Event) -> None:
    assert one(inspected(detector(ODD), [event])).severity == Severity.low


@pytest.mark.parametrize(
    "event",
    [
        ssh(22), ssh(2222), ssh(443, from_client=True), page(80), page(8081), page(631), page(443),
        page(1234, SERVER), hello(443), hello(25), hello(80),
        hello(5432), hello(4444, SERVER), hello(50123), MqttConnack(packet(1883), 0), negotiated(445),
        SipResponse(packet(5065, proto=17), 200, "OK", "OPTIONS", "", "", "", 1, "", False),
        SipResponse(packet(12345, proto=17), 200, "OK", "OPTIONS", "", "", "", 1, "", False),
        TlsServerHello(packet(500, proto=17), "DTLS 1.2", 1, "", "", (), False),
        HttpResponse(packet(50000, dport=53), 200, "", "", 0, (), "", "", "", "", False),
    ],
)  # fmt: skip
def test_benign_twins_are_quiet(event: Event) -> None:
    """Standard and common alternative ports, STARTTLS, internal web pages, phones and calls, client ports, and
    mid-stream flows raise no alert.
    """
    assert inspected(detector(ODD), [event]) == []


def test_what_is_allowed_is_quiet() -> None:
    assert inspected(detector(ODD, allowed=(443,)), [ssh(443)]) == []


def test_repetition_is_one_finding_a_day() -> None:
    found = inspected(detector(ODD), [ssh(443, at=n * 3600) for n in range(40)])
    assert len(found) == 2
    assert one(found)


def test_file_sharing_is_reported_a_few_times() -> None:
    """Hundreds of peers on random ports are limited; a peer on an assigned port is still reported."""
    found = inspected(detector(ODD), [page(10000 + n, f"203.0.113.{n}") for n in range(200)] + [ssh(53)])
    assert [alert.severity for alert in found] == [Severity.low] * 3 + [Severity.medium]
