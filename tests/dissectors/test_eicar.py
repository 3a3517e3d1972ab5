"""The EICAR antivirus test file."""

from __future__ import annotations

from sensor.core.packet import Packet
from sensor.dissectors.eicar import Eicar
from tests.dissectors.samples import events, packets


def test_it_is_known_by_its_first_bytes() -> None:
    """The test file is reported; a file that only looks similar is not."""
    parsed = [events(Eicar().stream(packet).feed(packet, packet.payload, False)) for packet in packets("eicar")]
    assert parsed == [[("EicarFile",)], []]
    assert list(Eicar().dissect(Packet(b"X5O!P%@AP"))) == []


def test_again_behind_a_gap() -> None:
    """The file is detected in any segmentation, and again after a gap in the same connection."""
    [packet, _] = packets("eicar")
    stream = Eicar().stream(packet)
    assert events(stream.feed(packet, packet.payload[:30], False)) == []
    assert events(stream.feed(packet, packet.payload[30:], False)) == [("EicarFile",)]
    assert events(stream.feed(packet, packet.payload, False)) == []
    assert list(stream.gap(packet, 10, False)) == []
    assert events(stream.feed(packet, packet.payload, False)) == [("EicarFile",)]
