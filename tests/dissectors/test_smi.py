"""Smart Install: messages to a switch, and the switch that answers."""

from __future__ import annotations

import struct

import pytest

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.smi import Smi
from tests.dissectors.samples import events, facts, packets

SWITCH = Packet(proto=6, src=parse("10.20.30.1"), src_mac=0x02005E005301)
GREETING = struct.pack("!IIII", 1, 1, 4, 8) + bytes(8)


def test_conversation() -> None:
    """Each message is reported by type and size; the host that answers is a switch, reported once."""
    stream = Smi().stream(SWITCH)
    parsed = [one for packet in packets("smi") for one in stream.feed(packet, packet.payload, packet.dport == 4786)]
    assert events(parsed) == [("SmiMessage", 4, 8, True), ("SmiMessage", 3, 8, False), ("SmiMessage", 8, 392, True)]
    assert facts(parsed) == [("02:00:5e:00:53:01", "10.20.30.1", "smi.answer", "Smart Install")]


def test_director_is_no_switch() -> None:
    """The connecting host yields no observation."""
    assert facts(Smi().stream(SWITCH).feed(SWITCH, GREETING, True)) == []


def test_second_answer_is_no_second_fact() -> None:
    """A switch is reported once for each connection."""
    stream = Smi().stream(SWITCH)
    assert len(facts([*stream.feed(SWITCH, GREETING, False), *stream.feed(SWITCH, GREETING, False)])) == 1


def test_after_a_gap() -> None:
    """After a gap, parsing resumes at a segment of complete messages."""
    stream = Smi().stream(SWITCH)
    list(stream.feed(SWITCH, GREETING[:10], True))
    list(stream.gap(SWITCH, 100, True))
    assert list(stream.feed(SWITCH, b"half of something", True)) == []
    assert events(stream.feed(SWITCH, GREETING, True)) == [("SmiMessage", 4, 8, True)]


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n\r\n", bytes(16), struct.pack("!IIII", 1, 1, 4, 1 << 21), b"\x16\x03\x01" + bytes(20)]
)
def test_other_protocols(data: bytes) -> None:
    """Data without a Smart Install header is malformed."""
    with pytest.raises(Malformed):
        list(Smi().stream(SWITCH).feed(SWITCH, data, True))
