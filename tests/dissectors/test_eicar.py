"""The antivirus test file."""

from __future__ import annotations

from sensor.core.packet import Packet
from sensor.dissectors.eicar import Eicar
from tests.dissectors.samples import events, packets


def test_it_is_known_by_its_first_bytes() -> None:
    """The file is told; one that only looks like it is not."""
    parsed = [events(Eicar().stream(packet).feed(packet, packet.payload, False)) for packet in packets("eicar")]
    assert parsed == [[("EicarFile",)], []]
    assert list(Eicar().dissect(Packet(b"X5O!P%@AP"))) == []


def test_again_behind_a_gap() -> None:
    """One transfer after the other in the same conversation, however they are cut."""
    [packet, _] = packets("eicar")
    stream = Eicar().stream(packet)
    assert events(stream.feed(packet, packet.payload[:30], False)) == []
    assert events(stream.feed(packet, packet.payload[30:], False)) == [("EicarFile",)]
    assert events(stream.feed(packet, packet.payload, False)) == []
    assert list(stream.gap(packet, 10, False)) == []
    assert events(stream.feed(packet, packet.payload, False)) == [("EicarFile",)]
