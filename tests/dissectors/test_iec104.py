"""IEC 60870-5-104: commands of a controlling station, and controlled stations."""

from __future__ import annotations

import pytest

from pcaps.dissectors.iec104 import TEST, apdu, request
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.iec104 import Iec104
from tests.dissectors.samples import events, facts, packets, values


def feed(*parts: bytes, from_client: bool = True) -> list[object]:
    stream = Iec104().stream(Packet())
    return [parsed for part in parts for parsed in stream.feed(Packet(proto=6), part, from_client)]


def test_sample() -> None:
    """Each kind of request is reported once, commands always; the station is identified by its confirmation."""
    stream, parsed = Iec104().stream(Packet()), []
    for packet in packets("iec104"):
        parsed += stream.feed(packet, packet.payload, packet.dport == 2404)
    assert events(parsed) == [
        ("Iec104Request", 65535, 100, 0, "interrogation", False),
        ("Iec104Request", 47, 103, 0, "clock synchronization", False),
        ("Iec104Request", 47, 45, 12, "single command", False),
        ("Iec104Request", 47, 45, 12, "single command", True),
        ("Iec104Request", 47, 50, 14, "set point", True),
        ("Iec104Request", 47, 105, 0, "reset process", True),
        ("Iec104Request", 48, 102, 9, "read", False),
        ("Iec104Refusal", 48, 102, 9, 46),
    ]
    assert facts(parsed) == [("02:00:5e:00:53:03", "10.20.30.13", "iec104.role", "controlled station")]


def test_cut_anywhere() -> None:
    """A message in two segments is one request."""
    command = request(46, b"\x02", number=70000)
    for at in range(1, len(command)):
        assert events(feed(command[:at], command[at:])) == [("Iec104Request", 47, 46, 70000, "double command", True)]


@pytest.mark.parametrize(
    ("kind", "value", "write"),
    [
        (58, b"\x81" + bytes(7), False), (58, b"\x01" + bytes(7), True), (48, b"\0\x40\x80", False),
        (62, b"\0\x40\0" + bytes(7), True), (63, bytes(4) + b"\x80" + bytes(7), False), (51, b"\x80\0\0\x80", True),
        (113, b"\x01", True),
    ],
)  # fmt: skip
def test_commands_that_only_select(kind: int, value: bytes, write: bool) -> None:
    """The octet with this bit is behind the value."""
    assert [event[-1] for event in events(feed(request(kind, value)))] == [write]


def test_others_report_nothing() -> None:
    """Tests of the connection, unknown types, deactivations, and requests in the direction of the master."""
    assert feed(apdu(TEST), request(200, b"\0"), apdu(bytes(4), b"\x2d\x01")) == []
    assert [event[-1] for event in events(feed(request(45, b"\x01", cause=8)))] == [False]
    assert events(feed(request(45, b"\x01"), from_client=False)) == []
    assert values(feed(apdu(TEST), from_client=False)) == []


def test_malformed() -> None:
    for data in (b"GET / HTTP/1.1\r\n", b"\x68\x02\0\0", b"\x68\xff\0\0"):
        with pytest.raises(Malformed):
            feed(data)
