"""DICOM: associations, their programs and services."""

from __future__ import annotations

import pytest

from pcaps.dissectors.dicom import ACCEPT, REJECT, REQUEST, associate, item, pdu
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.dicom import Dicom
from tests.dissectors.samples import events, packets, values

MODALITY = [
    ("dicom.title", "CT01"),
    ("dicom.program", "CT_16_4"),
    ("dicom.implementation", "1.2.840.113619.6.281"),
    ("dicom.role", "modality"),
]
ARCHIVE = [
    ("dicom.title", "PACS1"),
    ("dicom.program", "OFFIS_DCMTK_369"),
    ("dicom.implementation", "1.2.276.0.7230010.3.0.3.6.9"),
    ("dicom.role", "provider"),
]
ASSOCIATION = ("DicomAssociation", "CT01", "PACS1", "CT_16_4", ("verification", "worklist", "storage"))


def feed(*parts: tuple[bool, bytes]) -> list[object]:
    stream = Dicom().stream(Packet())
    return [parsed for from_client, part in parts for parsed in stream.feed(Packet(proto=6), part, from_client)]


def test_sample() -> None:
    """Who requests the worklist is a modality; a rejected title identifies no host."""
    found = packets("dicom")
    accepted, rejected = (
        feed(*[(packet.dport == 11112, packet.payload) for packet in found if port in (packet.sport, packet.dport)])
        for port in (50104, 50105)
    )
    assert events(accepted) == [ASSOCIATION, ("DicomResult", True, "OFFIS_DCMTK_369", 0, 0)]
    assert values(accepted) == [*MODALITY, *ARCHIVE]
    assert events(rejected)[1] == ("DicomResult", False, "", 1, 7)
    assert ("dicom.title", "ANY") not in values(rejected)


def test_cut_anywhere() -> None:
    """Messages in two segments each."""
    for at in range(1, len(REQUEST), 11):
        assert events(feed((True, REQUEST[:at]), (True, REQUEST[at:]))) == [ASSOCIATION]
    assert len(events(feed((True, REQUEST), (False, ACCEPT[:9]), (False, ACCEPT[9:])))) == 2


def test_others_report_nothing() -> None:
    """Other protocols, images without their negotiation, and a response without its request."""
    for data in (b"\x03\0\0\x16\x11\xe0\0\0\0\x2e", b"GET / HTTP/1.1\r\n\r\n", pdu(4, bytes(40)), ACCEPT):
        assert feed((True, data)) == []
    assert feed((True, associate(1, b"A", b"B").replace(b"\0\1\0\0A", b"\0\2\0\0A"))) == []


def test_malformed() -> None:
    """Titles and items that end early, and more items than a negotiation has."""
    head = associate(1, b"A", b"B")[6:74]
    for body in (head[:30], head + b"\x50\0\0\x40" + b"\x52\0", head + item(0x20, b"") * 200):
        with pytest.raises(Malformed):
            feed((True, pdu(1, body)))
    assert feed((True, REQUEST), (False, REJECT[:-2]))[-1:] != []
