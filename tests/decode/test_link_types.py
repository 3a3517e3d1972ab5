"""Link types: every supported one gives the same datagram, and headers of capturing programs are skipped."""

from __future__ import annotations

import struct

import pytest

from sensor.capture.linktypes import DECODED, link_name
from sensor.core.batch import Problem
from tests.decode.test_frames import PACKET4, PACKET6, first
from tests.kit import MAC_A, batch_of, ethernet, malformed

IP_SNAP = b"\xaa\xaa\x03\0\0\0\x08\0"
WIRELESS = b"\x08\x01" + bytes(22) + IP_SNAP + PACKET4


@pytest.mark.parametrize(
    ("link", "frame"),
    [
        (113, struct.pack("!HHH8sH", 0, 1, 6, MAC_A.to_bytes(8, "little"), 0x0800) + PACKET4),
        (276, struct.pack("!HHIHBB8s", 0x0800, 0, 2, 1, 0, 6, bytes(8)) + PACKET4),
        (12, PACKET4),
        (14, PACKET4),
        (101, PACKET6),
        (228, PACKET4),
        (229, PACKET6),
        (0, struct.pack("<I", 2) + PACKET4),
        (0, struct.pack(">I", 30) + PACKET6),
        (108, struct.pack(">I", 2) + PACKET4),
        (9, b"\xff\x03\x00\x21" + PACKET4),
        (9, b"\x21" + PACKET4),
        (50, b"\xff\x03\x00\x57" + PACKET6),
        (51, b"\x11\x00\x00\x01" + struct.pack("!H", 2 + len(PACKET4)) + b"\x00\x21" + PACKET4),
        (104, b"\x0f\x00\x08\x00" + PACKET4),
        (105, b"\x08\x01\0\0" + bytes(18) + b"\0\0" + b"\xaa\xaa\x03\0\0\0\x08\0" + PACKET4),
        (127, b"\0\0\x08\0\0\0\0\0\x88\x02\0\0" + bytes(18) + b"\0\0\0\0\xaa\xaa\x03\0\0\0\x08\0" + PACKET4),
        (
            105,
            b"\x88\x01" + bytes(22) + b"\x80\0" + bytes(12) + struct.pack("!H", 8 + len(PACKET4)) + IP_SNAP + PACKET4,
        ),
        (119, struct.pack("<II", 0x44, 144) + bytes(136) + WIRELESS),
        (119, struct.pack(">II", 0x44, 144) + bytes(136) + WIRELESS),
        (163, struct.pack(">II", 0x80211001, 64) + bytes(56) + WIRELESS),
        (192, b"\0\0\x08\0" + struct.pack("<I", 105) + WIRELESS),
        (192, b"\0\0\x08\0" + struct.pack("<I", 1) + ethernet(PACKET4, 0x0800)),
        (109, struct.pack("<III", 2, 0, 0) + PACKET4),
        (117, bytes([61, 2]) + bytes(62) + PACKET4),
        (166, b"\x01\x03\x00\x21" + PACKET4),
        (178, b"MGC\x80" + struct.pack("!H", 6) + bytes(6) + ethernet(PACKET4, 0x0800)),
        (178, b"MGC\x03" + b"\0\0\0\x02" + PACKET4),
        (204, b"\x01\xff\x03\x00\x57" + PACKET6),
        (205, b"\x00\x0f\x00\x08\x00" + PACKET4),
        (219, struct.pack("!I", 16 << 12 | 0x100 | 64) + PACKET4),
        (239, b"\x02\0\0\0" + struct.pack("<HHI", 8, 10, 0) + struct.pack("<HH", 4 + len(PACKET4), 9) + PACKET4),
        (240, bytes(4) + ethernet(PACKET4, 0x0800)),
        (241, bytes(12) + ethernet(PACKET4, 0x0800)),
        (258, struct.pack("<III", 108, 1, 1) + bytes(96) + ethernet(PACKET4, 0x0800)),
        (258, struct.pack("<III", 108, 1, 0) + bytes(96) + struct.pack("<I", 2) + PACKET4),
        (1, ethernet(b"\x11\x00\x00\x01" + struct.pack("!H", 2 + len(PACKET4)) + b"\x00\x21" + PACKET4, 0x8864)),
        (1, ethernet(struct.pack("!II", 16 << 12 | 64, 17 << 12 | 0x100 | 64) + PACKET4, 0x8847)),
        (1, ethernet(b"\xaa\xaa\x03\0\0\0\x08\0" + PACKET4, 8 + len(PACKET4))),
    ],
)
def test_link_types(link: int, frame: bytes) -> None:
    """Every supported link type gives the same datagram."""
    row = first(frame, link)
    assert (row["proto"], row["sport"], row["dport"], row["payload_len"], row["problem"]) == (17, 1000, 2000, 2, 0)


@pytest.mark.parametrize(
    ("header", "decoded"),
    [
        (struct.pack("<HHIB", 0, 9, 2, 0x10), True),
        (struct.pack("<HHIB", 0, 9, 2, 0x50), False),
        (struct.pack("<HHIBB2x", 0, 12, 2, 0x10, 0), True),
        (struct.pack("<HHIBB2x", 0, 12, 2, 0x50, 0), False),
        (struct.pack("<HHIQB", 0, 17, 3, 0x4040404040404040, 0x10), True),
        (struct.pack("<HHIQB", 0, 17, 3, 0, 0x50), False),
        (struct.pack("<HHII4xQB", 0, 25, 1 << 31 | 3, 0, 0, 0x10), True),
        (struct.pack("<HHII4xQB", 0, 25, 1 << 31 | 3, 0, 0, 0x50), False),
    ],
)
def test_frames_that_a_radio_received_with_errors(header: bytes, decoded: bool) -> None:
    """A frame with a wrong check sequence may have any address: it is not decoded, and not malformed."""
    row = first(header + WIRELESS, 127)
    assert (row["dport"], row["problem"]) == (2000 if decoded else 0, 0)


def test_unknown_link_type_is_no_fault() -> None:
    """An unsupported link type is marked, and not counted as malformed, also inside of another one."""
    batch = batch_of([b"whatever"], link=147)
    assert (batch.rows[0]["problem"], malformed(batch)) == (Problem.LINK_UNKNOWN, 0)
    batch = batch_of([struct.pack("<III", 12, 1, 147) + b"whatever"], link=258)
    assert (batch.rows[0]["problem"], malformed(batch)) == (Problem.LINK_UNKNOWN, 0)


def test_the_list_of_decoded_link_types() -> None:
    """The names that reports rely on are those of the link types that the kernel decodes."""
    unknown = [number for number in range(300) if first(bytes(64), number)["problem"] & Problem.LINK_UNKNOWN]
    assert {link_name(number) for number in range(300)} - DECODED == {link_name(number) for number in unknown}


@pytest.mark.parametrize("link", [117, 119, 127, 163, 178, 192, 239, 258])
def test_a_header_longer_than_its_frame(link: int) -> None:
    """A header of a capturing program that claims more bytes than the frame has is malformed."""
    assert first(b"\xff\xff\xff\xff" * 4, link)["problem"] == Problem.LINK_SHORT


@pytest.mark.parametrize("size", range(10, 31))
def test_a_wireless_header_that_ends_early(size: int) -> None:
    """A frame of 802.11 with QoS and HT control, truncated at any byte, has no payload outside of the frame."""
    row = first((b"\x88\x81" + bytes(28) + IP_SNAP + PACKET4)[:size], 105)
    assert row["payload"] + row["payload_len"] <= size
