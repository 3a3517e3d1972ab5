"""SLMP: commands to controllers, and their models."""

from __future__ import annotations

from pcaps.dissectors.slmp import READ, STOP, WRITE, answer, request
from sensor.core.packet import Packet
from sensor.dissectors.slmp import SEEN_LIMIT, Slmp
from tests.dissectors.samples import events, packets, values

FOUND = [("slmp.role", "SLMP server"), ("slmp.model", "Q03UDECPU")]


def feed(*parts: tuple[bool, bytes]) -> list[object]:
    stream = Slmp().stream(Packet())
    return [parsed for from_client, part in parts for parsed in stream.feed(Packet(proto=6), part, from_client)]


def test_sample() -> None:
    """Reads are reported once, writes and commands always; the model is that of the response to its request."""
    parsed = feed(
        *[
            (packet.dport == 5007, packet.payload)
            for packet in packets("slmp")
            if 5006 not in (packet.sport, packet.dport)
        ]
    )
    assert events(parsed) == [
        ("SlmpRequest", 0x0101, "", False),
        ("SlmpModel", "Q03UDECPU"),
        ("SlmpRequest", READ, "", False),
        ("SlmpRequest", WRITE, "write", True),
        ("SlmpRequest", STOP, "stop", True),
    ]
    assert values(parsed) == FOUND


def test_reads_are_limited() -> None:
    """A client that sends any number of commands fills no memory, and its writes are still reported."""
    reads = [(True, request(0x8000 + number)) for number in range(2 * SEEN_LIMIT)]
    found = events(feed(*reads, (True, request(WRITE))))
    assert (len(found), found[-1]) == (SEEN_LIMIT + 1, ("SlmpRequest", WRITE, "write", True))


def test_frames_with_a_number() -> None:
    number = b"\x34\x12\0\0"
    parsed = feed((True, request(WRITE, bytes(8), number)), (False, answer(b"", number)))
    assert (events(parsed), values(parsed)) == ([("SlmpRequest", WRITE, "write", True)], FOUND[:1])


def test_cut_anywhere() -> None:
    """A frame in two segments, and two frames in one."""
    stop = request(STOP, b"\1\0")
    for at in range(1, len(stop)):
        assert events(feed((True, stop[:at]), (True, stop[at:] + stop))) == [("SlmpRequest", STOP, "stop", True)] * 2


def test_others_report_nothing() -> None:
    """Other protocols on these ports end the stream, and nothing is malformed."""
    for data in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\0\xa0\1\0", b"\x50\0\0\xff\xff\x03\0\0\0\0\0", b"5000"):
        assert feed((True, data), (True, request(STOP))) == []
