"""LPD: commands and control files."""

from __future__ import annotations

import pytest

from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.lpd import Lpd
from tests.dissectors.samples import events, packets, values


def conversation(*parts: bytes) -> list[object]:
    stream, packet = Lpd().stream(Packet()), Packet(proto=6)
    return [parsed for data in parts for parsed in stream.feed(packet, data, True)]


def test_job() -> None:
    """The control file reports host, user, job and file, but is not an observation about the sender."""
    stream = Lpd().stream(Packet())
    parsed = [
        parsed for packet in packets("lpd") for parsed in stream.feed(packet, packet.payload, packet.dport == 515)
    ]
    assert events(parsed) == [
        ("LpdCommand", "receive", "lp", ""),
        ("LpdJob", "ws-042", "miller", "Budget 2026", "budget.pdf"),
    ]
    assert values(parsed) == []


def test_questions_and_removal() -> None:
    """Operands of commands are reported unchanged."""
    assert events(conversation(b"\4lp miller\n")) == [("LpdCommand", "queue_long", "lp", "miller")]
    assert events(conversation(b"\5lp root 42 43\n")) == [("LpdCommand", "remove", "lp", "root 42 43")]


def test_gap_in_data_is_part_of_it() -> None:
    """A gap inside page data is skipped; any other gap ends parsing."""
    stream, packet = Lpd().stream(Packet()), Packet(proto=6)
    list(stream.feed(packet, b"\2lp\n\x031000 dfA1\nabc", True))
    list(stream.gap(packet, 990, True))
    assert len(events(list(stream.feed(packet, b"a" * 7 + b"\0\0025 cfA1\nHws\nP\0", True)))) == 1
    list(stream.gap(packet, 5, True))
    assert stream.done


def test_long_control_file() -> None:
    """Only the first 4096 bytes of a control file are parsed."""
    control = b"Hws\n" + b"Xa\n" * 3000
    assert events(conversation(b"\2lp\n\2%d cfA\n" % len(control) + control + b"\0", b"\2%d cfB\n" % 4 + b"Hb\n\n\0"))[
        1:
    ] == [
        ("LpdJob", "ws", "", "", ""),
        ("LpdJob", "b", "", "", ""),
    ]


@pytest.mark.parametrize(
    "start",
    [
        b"GET / HTTP/1.1\r\n",
        b"\7lp\n",
        b"\n",
        b"\2" + b"abcde" * 400,
        b"\2lp\n\3x dfA\n",
        b"\2lp\n\0071 dfA\n",
        b"\2lp\n\3" + b"9" * 13 + b" dfA\n",
    ],
)
def test_malformed(start: bytes) -> None:
    """Other protocols, endless lines and invalid sizes are malformed."""
    with pytest.raises(Malformed):
        conversation(start)


@pytest.mark.parametrize(
    ("request_line", "text"),
    [
        (b"BB\xe0\xf3\xff\xbf%.156u%300$n%.21u%301$nsecurity%302$n%.192u%303$n\n", "REQUEST format string"),
        (b"\x90\x90\x90\x90" * 300, "REQUEST overflow"),
        (b"\4" + b"A" * 200 + b"\n", "QUEUE_LONG overflow"),
    ],
)
def test_requests_that_no_client_sends(request_line: bytes, text: str) -> None:
    """A format string or filler in place of a command, and as the name of a queue."""
    assert events(conversation(request_line))[0] == ("ServiceCommand", "lpd", text)


def test_data_of_unknown_size() -> None:
    """Data of size 0 lasts until the end of the connection."""
    assert len(conversation(b"\2lp\n\0030 dfA\n", b"\5lp root\n")) == 1
