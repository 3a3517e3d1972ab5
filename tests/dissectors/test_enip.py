"""EtherNet/IP: commands and identities; an identity with another address is not an observation about the sender."""

from __future__ import annotations

import struct

import pytest

from pcaps.dissectors.enip import identity, message
from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.enip import Enip
from tests.dissectors.samples import events, facts, packets, values

NAME = "1769-L33ER/A LOGIX5333ER"
IDENTITY = ("EnipIdentity", 1, 14, 107, "30.011", "60C3A1B2", NAME)
FACTS = [
    ("enip.vendor", "1"),
    ("enip.type", "14"),
    ("enip.product", NAME),
    ("enip.revision", "30.011"),
    ("enip.serial", "60C3A1B2"),
]


def dissect(payload: bytes, **fields: int) -> list[object]:
    return list(Enip().dissect(Packet(payload, src=parse("10.20.30.13"), sport=44818, dport=50000, **fields)))


def test_look_for_devices() -> None:
    """The identity of the answering device yields observations; an identity of another device does not."""
    question, own, other = (list(Enip().dissect(packet)) for packet in packets("enip")[:3])
    assert events(question) == [("EnipCommand", "list_identity", 0, 0)]
    assert events(own) == [("EnipCommand", "list_identity", 0, 0), IDENTITY]
    assert facts(own) == [("02:00:5e:00:53:03", "10.20.30.13", *fact) for fact in FACTS]
    assert events(other)[1] == IDENTITY
    assert values(other) == []


def test_session() -> None:
    """The same messages are parsed over TCP."""
    stream = Enip().stream(Packet())
    parsed = [
        one for packet in packets("enip")[3:] for one in stream.feed(packet, packet.payload, packet.dport == 44818)
    ]
    assert [event[:3] for event in events(parsed)] == [
        ("EnipCommand", "register_session", 0),
        ("EnipCommand", "register_session", 7),
        ("EnipCommand", "list_identity", 0),
        ("EnipCommand", "list_identity", 0),
        IDENTITY[:3],
    ]
    assert values(parsed) == FACTS


def cip(request: bytes, *, connected: bool = False) -> bytes:
    """A message with one request."""
    body = b"\1\0" + request if connected else request
    kind = 0xB1 if connected else 0xB2
    items = struct.pack("<HHHHH", 2, 0, 0, kind, len(body)) + body
    return message(0x70 if connected else 0x6F, bytes(6) + items, 7)


def requests(*messages: bytes) -> list[object]:
    """The services that a client requests within a connection."""
    stream = Enip().stream(Packet())
    return events([one for each in messages for one in stream.feed(Packet(proto=6), each, True)])


TAG = b"\x91\4SetA"
STOP, RESET, WRITE = b"\7\2\x20\x64\x24\1", b"\5\2\x20\1\x24\1\0", b"\x4d\3" + TAG + b"\xc4\0\1\0\5\0\0\0"
SENT = b"\x52\2\x20\6\x24\1\x0a\xf0" + struct.pack("<H", len(STOP)) + STOP + b"\1\0\1\0"
SEVERAL = b"\x0a\2\x20\2\x24\1" + struct.pack("<HHH", 2, 6, 6 + len(RESET)) + RESET + WRITE
MODE = b"\x4b\2\x20\x67\x24\1\7\x4d\0\1\2\3\4\x0f\0\1\0\x80\6"


@pytest.mark.parametrize(
    ("request_", "found"),
    [
        (STOP, [(7, 0x64, "stop")]), (RESET, [(5, 1, "reset")]), (b"\5\2\x20\4\x24\1", [(5, 4, "reset object")]),
        (WRITE, [(0x4D, 0, "write tag")]), (SENT, [(7, 0x64, "stop")]),
        (SEVERAL, [(5, 1, "reset"), (0x4D, 0, "write tag")]), (MODE, [(0x4B, 0x67, "change mode")]),
        (b"\x10\3\x21\0\x93\0\x24\1", [(0x10, 0x93, "set attribute single")]),
    ],
)  # fmt: skip
def test_requests_that_write_or_command(request_: bytes, found: list[tuple[int, int, str]]) -> None:
    """Requests that write or command are reported each time, alone, in a connection, routed or bundled."""
    expected = [("CipRequest", *one, True) for one in found]
    for connected in (False, True):
        assert requests(cip(request_, connected=connected)) == expected
        assert requests(*[cip(request_, connected=connected)] * 2) == expected * 2


def test_requests_that_read() -> None:
    """Reads are reported once for each connection: reading tags (same service number as Unconnected Send), closing a
    connection (same number as a write) and reading a mode.
    """
    read, close = b"\x52\3" + TAG + b"\1\0\0\0\0\0", b"\x4e\2\x20\6\x24\1" + bytes(8)
    assert requests(cip(read), cip(read), cip(close)) == [
        ("CipRequest", 0x52, 0, "", False),
        ("CipRequest", 0x4E, 6, "", False),
    ]
    assert requests(cip(b"\xcd\0\0\0")) == []


def test_several_requests_of_which_there_is_none() -> None:
    """A bundle without requests yields nothing."""
    assert requests(cip(b"\x0a\2\x20\2\x24\1" + struct.pack("<H", 0))) == []


def test_requests_that_end_early() -> None:
    for size in range(1, len(SENT)):
        try:
            assert all(len(one) == 5 for one in requests(cip(SENT[:size])))
        except Malformed:
            continue


def test_address_of_zero_is_anybodys() -> None:
    """Some devices leave their address empty: the identity is the sender's."""
    assert values(dissect(message(0x63, identity(bytes(4))))) == FACTS


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        message(0x99),
        message(0x63, identity(bytes(4)))[:-9],
        b"\0\0\0\2" + bytes(30),
    ],
)
def test_other_protocols(payload: bytes) -> None:
    """Clients use this port too: unknown commands and wrong lengths yield nothing and are not malformed."""
    assert dissect(payload) == []


def test_malformed() -> None:
    """An identity shorter than its length field is malformed."""
    with pytest.raises(Malformed):
        dissect(message(0x63, b"\1\0\x0c\0\2\0\1\0"))


def test_cut_by_the_capture() -> None:
    """A truncated message yields nothing and is not malformed."""
    assert dissect(message(0x63)[:-2], problem=1) == []
    assert dissect(message(0x63, identity(bytes(4)))[:-2], problem=1) == []
