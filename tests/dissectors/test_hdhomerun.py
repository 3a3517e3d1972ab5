"""HDHomeRun: tuners and recorders."""

from __future__ import annotations

import struct
import zlib

import pytest

from pcaps.dissectors.hdhomerun import SEARCH, message
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.hdhomerun import Hdhomerun
from tests.dissectors.samples import events, packets, values

# Events of each message of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "a search": ([("HdhomerunSearch",)], []),
    "a tuner": (
        [("HdhomerunAnswer", "tuner", "1076a5e0", 2)],
        [("hdhomerun.type", "tuner"), ("hdhomerun.device", "1076a5e0")],
    ),
    "a recorder": ([("HdhomerunAnswer", "recorder", "", 0)], [("hdhomerun.type", "recorder")]),
}


def closed(head: bytes) -> bytes:
    return head + struct.pack("<I", zlib.crc32(head))


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_messages(number: int, name: str) -> None:
    """Each message yields its event, and observations only if the sender describes itself."""
    parsed = list(Hdhomerun().dissect(packets("hdhomerun")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


def test_there_are_no_more_messages() -> None:
    """Every message of the capture has an expected result."""
    assert len(packets("hdhomerun")) == len(EXPECTED)


@pytest.mark.parametrize("payload", [SEARCH[:-1] + b"\0", b"\0\2\0\0", message(4, (3, b"/sys/model\0")), bytes(20)])
def test_other_messages_are_left_alone(payload: bytes) -> None:
    """Another CRC, settings and other protocols yield nothing."""
    assert list(Hdhomerun().dissect(Packet(payload))) == []


@pytest.mark.parametrize(
    "head",
    [
        b"\0\3\0\5",
        b"\0\3\0\2\1\4",
        b"\0\3\0\2\1\x84",
        message(3, (2, bytes(300)))[:-4],
        message(3, (16, b"\1\0"))[:-4],
    ],
)
def test_malformed(head: bytes) -> None:
    """Lengths that contradict the message, and an id or a number of a wrong size are malformed."""
    with pytest.raises(Malformed):
        list(Hdhomerun().dissect(Packet(closed(head))))


def test_cut_message_reports_nothing() -> None:
    """A truncated message yields nothing."""
    for packet in packets("hdhomerun"):
        assert list(Hdhomerun().dissect(Packet(packet.payload, src=packet.src, problem=1))) == []
