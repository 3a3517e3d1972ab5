"""FTP bounce: ports of a third host, similar benign transfers, repetition."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Alert
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.ftp import FtpDataTarget
from tests.detectors.stories import START, detector, inspected, one

CLIENT, SERVER, THIRD = "10.0.0.66", "10.0.0.5", "10.0.0.20"


def request(port: int, at: float = 0, *, host: str = THIRD) -> Event:
    packet = Packet(ts=START + int(at * SECOND), src=parse(CLIENT), dst=parse(SERVER), sport=50000, dport=21)
    return FtpDataTarget(packet, parse(host), port)


def reported(events: list[Event], **options: object) -> list[Alert]:
    return inspected(detector("discovery.ftp_bounce", **options), events)


def test_a_service_of_a_third_host() -> None:
    """One connection to a mail server is enough: actor is the client, target the third host."""
    alert = one(reported([request(25)]))
    assert alert.target is not None
    assert (alert.actor.address, alert.target.address) == (parse(CLIENT), parse(THIRD))
    assert (alert.numbers["ports"], alert.target_port, alert.techniques[0].technique) == (1, 25, "T1046")


def test_a_scan_is_repeated_by_its_size() -> None:
    """Twenty ports, each twice: an alert each time the number of ports has doubled."""
    scan = [request(port, port / 10) for port in range(20, 40) for _ in range(2)]
    assert [alert.numbers["ports"] for alert in reported(scan)] == [1, 2, 4, 8, 16]
    assert reported(scan[:4], ports=3) == []
    assert len(reported([request(22), request(22, 10), request(22, 4000)])) == 2


def test_transfers_between_servers_and_address_translation() -> None:
    """The ports of another server, and those of a client behind address translation, are from 1024 up."""
    assert reported([request(port, port) for port in range(1024, 1100)]) == []
    assert reported([request(50000 + n, n, host=f"192.168.1.{n}") for n in range(1, 30)]) == []
