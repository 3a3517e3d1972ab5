"""SCCP: registrations of phones, calls and digits; other protocols on the port, and gaps."""

from __future__ import annotations

import pytest

from pcaps.dissectors.sccp import message, station
from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.sccp import Sccp
from tests.dissectors.samples import events, facts, packets, values


def read(port: int) -> list[object]:
    """The events and observations of the connection with this client port in the sample."""
    dissector = Sccp()
    stream = dissector.stream(Packet())
    return [
        parsed
        for packet in packets("sccp")
        if port in (packet.sport, packet.dport)
        for parsed in stream.feed(packet, packet.payload, packet.dport == 2000)
    ]


def feed(*parts: bytes, from_client: bool = True) -> list[object]:
    stream = Sccp().stream(Packet())
    return [
        parsed
        for part in parts
        for parsed in stream.feed(Packet(proto=6, src=parse("10.0.0.5"), src_mac=0x020000000005), part, from_client)
    ]


def test_telephone_registers_and_calls() -> None:
    """Name, device type and firmware describe the phone; the manager gets its role; the parties of a call yield no
    observation.
    """
    parsed = read(50111)
    assert events(parsed) == [
        ("SccpRegister", "SEP02005E005302", 434, "", True),
        ("SccpRegister", "SEP02005E005302", 434, "SCCP42.9-4-2SR3-1S", False),
        ("SccpRegistered",),
        ("SccpDigit", "2"),
        ("SccpDigit", "#"),
        ("SccpCall", "Front desk", "212", "Workshop", "213"),
    ]
    phone, manager = ("02:00:5e:00:53:02", "10.20.30.12"), ("02:00:5e:00:53:05", "10.20.30.5")
    assert facts(parsed) == [
        (*phone, "sccp.side", "station"),
        (*phone, "sccp.hostname", "SEP02005E005302"),
        (*phone, "sccp.device_type", "434"),
        (*phone, "sccp.hostname", "SEP02005E005302"),
        (*phone, "sccp.device_type", "434"),
        (*phone, "sccp.firmware", "SCCP42.9-4-2SR3-1S"),
        (*manager, "sccp.role", "call manager"),
    ]


def test_refused_station() -> None:
    """A rejection reports its text and gives no manager role: the host may not be the manager of this phone."""
    assert events(read(50112)) == [
        ("SccpRegister", "ATA02005E005303", 12, "", False),
        ("SccpRejected", "No Entry For Device"),
        ("SccpUnregister",),
    ]


def test_keep_alive_reports_a_station_once() -> None:
    """A keep-alive identifies the phone's end of a connection older than the capture, once."""
    assert values(feed(message(0, b""), message(0, b""))) == [("sccp.side", "station")]
    assert values(feed(message(0x100, b""), from_client=False)) == []


def test_short_registration_has_no_firmware() -> None:
    """Registrations of old phones end after the first fields."""
    assert values(feed(message(1, station(b"SEP001122334455", 8)))) == [
        ("sccp.side", "station"),
        ("sccp.hostname", "SEP001122334455"),
        ("sccp.device_type", "8"),
    ]


@pytest.mark.parametrize(
    "payload",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00",
        message(1, b"SEP"),
        message(3, b"\0"),
        bytes(12),
    ],
)
def test_malformed(payload: bytes) -> None:
    """Other protocols, and messages too short for their type, are malformed."""
    with pytest.raises(Malformed):
        feed(payload)


def test_after_a_gap() -> None:
    """After a gap, parsing resumes at a segment of complete messages."""
    stream, packet = Sccp().stream(Packet()), Packet(proto=6)
    whole = message(1, station(b"SEP001122334455", 8))
    assert list(stream.feed(packet, whole[:20], True)) == []
    assert list(stream.gap(packet, 10, True)) == []
    assert list(stream.feed(packet, whole[30:], True)) == []
    assert events(list(stream.feed(packet, whole, True))) == [("SccpRegister", "SEP001122334455", 8, "", False)]
