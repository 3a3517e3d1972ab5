"""STUN and TURN: software, public addresses and relays."""

from __future__ import annotations

from typing import Any

import pytest

from pcaps.dissectors.stun import COOKIE, address, attribute, message, software
from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.stun import Stun
from tests.dissectors.samples import events, packets, values

PUBLIC, SERVER, HOST6 = parse("203.0.113.7"), parse("198.51.100.9"), parse("2001:db8:30::31")
COTURN, REALM = "Coturn-4.6.1 'Gorst'", "relay.example"
PJNATH = [("stun.software", "pjnath-2.14")]

# Events of each datagram of the sample capture, and observations about its sender.
EXPECTED: dict[str, tuple[list[object], list[tuple[str, str]]]] = {
    "request": ([("StunRequest", "binding", "pjnath-2.14", "")], PJNATH),
    "response": (
        [("StunAnswer", "binding", 0, COTURN, "", PUBLIC, 41000, 0, 0)],
        [("stun.software", COTURN)],
    ),
    "request over IPv6": ([("StunRequest", "binding", "", "")], []),
    "response over IPv6": ([("StunAnswer", "binding", 0, "", "", HOST6, 16400, 0, 0)], []),
    "request of RFC 3489": ([("StunRequest", "binding", "", "")], []),
    "response of RFC 3489": (
        [("StunAnswer", "binding", 0, "Vovida.org 0.96", "", PUBLIC, 41000, 0, 0)],
        [("stun.software", "Vovida.org 0.96")],
    ),
    "relay of Microsoft": ([("StunAnswer", "allocate", 0, "", "", PUBLIC, 41002, SERVER, 3480)], []),
}
RELAYED = [
    ("StunRequest", "allocate", "pjnath-2.14", ""),
    ("StunAnswer", "allocate", 401, COTURN, REALM, 0, 0, 0, 0),
    ("StunRequest", "allocate", "", REALM),
    ("StunAnswer", "allocate", 0, "", "", PUBLIC, 41001, SERVER, 50000),
]


def conversation(parts: list[tuple[bool, bytes]]) -> list[Any]:
    stream, packet = Stun().stream(Packet()), Packet(proto=6)
    return [parsed for from_client, data in parts for parsed in stream.feed(packet, data, from_client)]


@pytest.mark.parametrize(("number", "name"), list(enumerate(EXPECTED)))
def test_datagrams(number: int, name: str) -> None:
    parsed = list(Stun().dissect(packets("stun")[number]))
    assert (events(parsed), values(parsed)) == EXPECTED[name]


@pytest.mark.parametrize("pieces", [1, 2])
def test_a_relay_over_tcp(pieces: int) -> None:
    """Requests with their responses, split anywhere; channel data between them is skipped, user names are not kept."""
    parts = [(one.dport == 3478, one.payload) for one in packets("stun")[len(EXPECTED) :]]
    assert parts[-1][1].startswith(b"\x40\0")
    parts = [parts[-1], *parts]
    for at in range(1, 20 if pieces == 2 else 2):
        split = [(who, part) for who, data in parts for part in ((data[:at], data[at:]) if pieces == 2 else (data,))]
        parsed = conversation(split)
        assert events(parsed) == RELAYED
        assert values(parsed) == [*PJNATH, ("stun.software", COTURN)]
        assert "plug" not in repr(parsed)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        bytes(30),
        message(0x11),  # an indication keeps a port open
        message(0x16, attribute(0x13, b"media")),
        b"\x40\0\0\x04" + COOKIE + bytes(16),  # channel data that resembles a message
        message(1, cookie=bytes(4)) + b"x",
        message(1, cookie=bytes(4)).replace(b"\0\1", b"\0\2", 1),
    ],
)
def test_others_report_nothing(payload: bytes) -> None:
    assert list(Stun().dissect(Packet(payload, sport=16400, dport=3478))) == []


def test_messages_without_the_cookie_are_read_on_the_port_only() -> None:
    payload = message(1, cookie=bytes(4))
    assert list(Stun().dissect(Packet(payload, sport=16400, dport=3479))) == []
    assert events(Stun().dissect(Packet(message(1), sport=16400, dport=3479))) == [("StunRequest", "binding", "", "")]


def test_other_protocols_over_tcp() -> None:
    """TLS on the port is left alone, without a fault."""
    assert conversation([(True, b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"), (False, message(1))]) == []


def test_texts_of_a_peer_are_clean() -> None:
    assert values(Stun().dissect(Packet(message(1, software("a\x1b[31m"))))) == [("stun.software", "a [31m")]


@pytest.mark.parametrize(
    "payload",
    [
        message(0x101, attribute(0x20, address("203.0.113.7", 1)[:-1])),
        message(0x101, attribute(0x20, b"\0\3" + bytes(6))),
        message(0x111, attribute(9, b"\0\0\4")),
        message(1, attribute(6, b"name"))[:-2],
        message(1, software("x"))[:22],
        message(1, *[attribute(6, b"")] * 33),
    ],
)
def test_malformed(payload: bytes) -> None:
    """Wrong sizes are malformed, unless the capture truncated the message."""
    with pytest.raises(Malformed):
        list(Stun().dissect(Packet(payload)))
    assert list(Stun().dissect(Packet(payload, problem=1))) == []
