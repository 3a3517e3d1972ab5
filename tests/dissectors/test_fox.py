"""Fox: how stations and tools of Niagara describe themselves."""

from __future__ import annotations

import pytest

from pcaps.dissectors.fox import SCAN, STATION, TOOL, hello
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.fox import Fox
from tests.dissectors.samples import events, packets, values

HELLO = (
    "FoxHello",
    "1.0.1",
    "jace-west",
    "Station",
    "3.7.106.1",
    "QNX",
    "WestWing",
    "vykon",
    "Qnx-NPM6-0000-12EA-FDCC",
)
FACTS = [
    ("fox.hostname", "jace-west"),
    ("fox.station", "WestWing"),
    ("fox.program", "Station 3.7.106.1"),
    ("fox.os", "QNX"),
    ("fox.brand", "vykon"),
    ("fox.host_id", "Qnx-NPM6-0000-12EA-FDCC"),
]


def feed(*parts: tuple[bool, bytes]) -> list[object]:
    stream = Fox().stream(Packet())
    return [parsed for from_client, part in parts for parsed in stream.feed(Packet(proto=6), part, from_client)]


def test_sample() -> None:
    """Both sides greet; an address in place of a host name is no name, and what follows is not read."""
    found = [packet for packet in packets("fox") if 50311 in (packet.sport, packet.dport)]
    parsed = feed(*[(packet.dport == 1911, packet.payload) for packet in found])
    assert [event[3] for event in events(parsed)] == ["Workbench", "Station"]
    assert events(parsed)[1] == HELLO
    assert values(parsed)[0] == ("fox.program", "Workbench 3.7.44")
    assert values(parsed)[-6:] == FACTS


def test_cut_anywhere() -> None:
    for at in range(1, len(STATION), 7):
        parsed = feed((True, SCAN), (False, STATION[:at]), (False, STATION[at:]))
        assert values(parsed) == FACTS


def test_hostile_properties() -> None:
    """Control characters are removed, long values are truncated, and lines without a type are ignored."""
    parsed = feed((False, hello(0, app_name="a\x1b[31m" + "b" * 400)), (True, TOOL.replace(b"=s:", b"=")))
    assert all(value.isprintable() and len(value) <= 255 for _, value in values(parsed))
    assert len(values(parsed)) == 1


def test_others_report_nothing() -> None:
    """Other messages and protocols end the stream; a message without an end is malformed."""
    for data in (b"fox a 2 0 fox authenticate\n{\nusername=s:admin\n};;\n", b"GET / HTTP/1.1\r\n"):
        assert feed((True, data), (False, STATION)) == []
    with pytest.raises(Malformed):
        feed((True, b"fox a 1 " + bytes(9000)))
