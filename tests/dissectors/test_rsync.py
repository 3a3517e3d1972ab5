"""rsync: module, direction and names of what a client copies."""

from __future__ import annotations

import pytest

from pcaps.dissectors.rsync import HELLO, LIST, SENT, block
from sensor.core.packet import Packet
from sensor.dissectors.rsync import KEPT_LIMIT, Rsync
from tests.dissectors.samples import events, packets

FILES = ("db.sql", "shadow")


def conversation(*sent: bytes) -> list[object]:
    stream, packet = Rsync().stream(Packet()), Packet(proto=6)
    return [event for data in sent for event in events(stream.feed(packet, data, True))]


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        (49530, ("RsyncTransfer", "in", True, FILES)),
        (49531, ("RsyncTransfer", "in", False, ())),
        (49532, ("RsyncTransfer", "in", True, FILES)),
    ],
)
def test_sample(port: int, expected: tuple[object, ...]) -> None:
    """A client that sends is reported with its files, one that receives without; old versions too."""
    stream = Rsync().stream(Packet())
    found = [
        event
        for one in packets("rsync")
        if port in (one.sport, one.dport)
        for event in events(stream.feed(one, one.payload, one.sport == port))
    ]
    assert found == [expected]


def test_in_pieces() -> None:
    """A conversation in single bytes yields the same event, once."""
    sent = HELLO + b"in\n" + SENT + block(LIST)
    assert conversation(*(sent[n : n + 1] for n in range(len(sent)))) == [("RsyncTransfer", "in", True, FILES)]


def test_names_are_bounded() -> None:
    """Of a long list the first 256 names are reported; a list without names is reported when the limit is reached."""
    many = b"".join(b"\0\x18\x07file%03d" % number for number in range(400))
    assert len(conversation(HELLO + b"in\n" + SENT + block(many))[0][3]) == 256  # type: ignore[index]
    assert conversation(HELLO + b"in\n" + SENT, bytes(KEPT_LIMIT)) == [("RsyncTransfer", "in", True, ())]


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\n", b"@RSYNCX: 1\n", HELLO + b"x" * KEPT_LIMIT, HELLO + b"in\n"])
def test_others_report_nothing(sent: bytes) -> None:
    """Other protocols, endless lines and a client that only lists modules yield nothing."""
    assert conversation(sent) == []


def test_a_greeting_without_lines() -> None:
    """Arguments directly after the greeting: no module is named."""
    assert conversation(b"@RSYNCD: --server\0--sender\0.\0\0") == [("RsyncTransfer", "", False, ())]


def test_a_gap_ends_reading() -> None:
    """After bytes of the client that are missing, nothing is reported."""
    stream, packet = Rsync().stream(Packet()), Packet(proto=6)
    list(stream.feed(packet, HELLO, True))
    list(stream.gap(packet, 100, True))
    assert events(stream.feed(packet, b"in\n" + SENT + block(LIST), True)) == []
