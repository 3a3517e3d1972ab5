"""HL7 in MLLP: the headers of messages."""

from __future__ import annotations

import pytest

from pcaps.dissectors.mllp import ADMISSION, ANSWER, message
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.mllp import Mllp
from tests.dissectors.samples import events, packets, values

REQUEST = ("MllpMessage", "ADT1", "ICU", "LAB", "ADT^A01", "2.5", False)
REPLY = ("MllpMessage", "LAB", "HOSP", "ADT1", "ACK^A01", "2.5", True)


def feed(*parts: tuple[bool, bytes]) -> list[object]:
    stream = Mllp().stream(Packet())
    return [parsed for from_client, part in parts for parsed in stream.feed(Packet(proto=6), part, from_client)]


def test_sample() -> None:
    """The first message of each side; the host that acknowledges it is the receiver. No data of patients is kept."""
    parsed = feed(*[(packet.dport == 2575, packet.payload) for packet in packets("mllp")])
    assert events(parsed) == [REQUEST, REPLY]
    assert values(parsed) == [("mllp.application", "ADT1"), ("mllp.application", "LAB"), ("mllp.role", "receiver")]
    assert "DOE" not in repr(events(parsed))


def test_cut_anywhere() -> None:
    for at in range(1, 40):
        assert events(feed((True, ADMISSION[:at]), (True, ADMISSION[at:]), (False, ANSWER))) == [REQUEST, REPLY]


def test_others_report_nothing() -> None:
    """TLS on the same port, a header without an end, and hostile text."""
    assert feed((True, b"\x16\x03\x01\x02\0\x01"), (False, ANSWER)) == []
    assert feed((True, b"\x0bMSH|^~" + b"x" * 4000), (True, b"\r")) == []
    assert values(feed((True, message(b"a\x1b[31m", b"", b"", b"ADT^A01")))) == [("mllp.application", "a [31m")]


def test_malformed() -> None:
    with pytest.raises(Malformed):
        feed((True, b"\x0bMSH|^~\\&|A|B\r"))
