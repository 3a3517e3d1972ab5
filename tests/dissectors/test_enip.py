"""EtherNet/IP: commands and identities; an identity of another address is nobody's fact."""

from __future__ import annotations

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
    """The question, the device's own answer, and one for another device, which lends nothing."""
    question, own, other = (list(Enip().dissect(packet)) for packet in packets("enip")[:3])
    assert events(question) == [("EnipCommand", "list_identity", 0, 0)]
    assert events(own) == [("EnipCommand", "list_identity", 0, 0), IDENTITY]
    assert facts(own) == [("02:00:5e:00:53:03", "10.20.30.13", *fact) for fact in FACTS]
    assert events(other)[1] == IDENTITY
    assert values(other) == []


def test_session() -> None:
    """The same over TCP."""
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


def test_address_of_zero_is_anybodys() -> None:
    """Some devices leave their address out."""
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
    """Clients are lent this port too: unknown commands and lengths that do not fit, as those of a game, are no fault of
    anybody.
    """
    assert dissect(payload) == []


def test_malformed() -> None:
    """An identity that is shorter than its message says."""
    with pytest.raises(Malformed):
        dissect(message(0x63, b"\1\0\x0c\0\2\0\1\0"))


def test_cut_by_the_capture() -> None:
    """A cut message says nothing and is no fault."""
    assert dissect(message(0x63)[:-2], problem=1) == []
    assert dissect(message(0x63, identity(bytes(4)))[:-2], problem=1) == []
