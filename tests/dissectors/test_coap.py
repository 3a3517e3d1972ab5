"""CoAP: requests yield events only, answers and announcements describe their sender."""

from __future__ import annotations

import pytest

from pcaps.dissectors.coap import message, option, text
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.coap import Coap
from tests.dissectors.samples import events, facts, packets, values


def dissect(payload: bytes, **fields: int) -> list[object]:
    return list(Coap().dissect(Packet(payload, sport=5683, dport=5683, **fields)))


def test_sample() -> None:
    """Every message of the sample yields its event, and answers and announcements their observations."""
    parsed = [one for packet in packets("coap") for one in Coap().dissect(packet)]
    assert events(parsed) == [
        ("CoapRequest", "GET", "/.well-known/core?rt=oic.wk.d", ""),
        ("CoapRequest", "GET", "/oic/d", "plug.example"),
        ("CoapResponse", 205, 40, 88),
        ("CoapResponse", 205, 10000, 88),
        ("CoapAnnouncement", "SHSW-25#5E5306#2", "/cit/s"),
        ("CoapEmpty", 2),
        ("CoapResponse", 404, -1, 0),
        ("CoapResponse", 205, 40, 24),
    ]
    lamp, switch = ("02:00:5e:00:53:02", "10.20.30.12"), ("02:00:5e:00:53:06", "10.20.30.16")
    assert facts(parsed) == [
        (*lamp, "coap.resource", "oic.wk.res"),
        (*lamp, "coap.resource", "core.rd"),
        (*lamp, "coap.resource", "oic.r.light"),
        (*lamp, "coap.ocf.manufacturer", "Samsung Electronics"),
        (*lamp, "coap.ocf.model", "ARTIK051"),
        (*lamp, "coap.ocf.firmware", "1.02"),
        (*lamp, "coap.ocf.instance", "Lamp by the door"),
        (*switch, "coap.shelly", "SHSW-25#5E5306#2"),
    ]


@pytest.mark.parametrize(
    "payload",
    [
        b"\x00\x01\0\1",
        b"\x49\x01\0\1",
        message(1, 1, 1, b"\xf0"),
        message(1, 1, 1, b"\xff"),
        message(1, 1, 1, b"\xb9abc"),
        message(1, 0x20, 1),
        message(0, 0, 1, b"\xb1a"),
        message(1, 1, 1, option(11, b"a") * 65),
        message(1, 0x45, 1, option(12, b"\x3c"), b"\xff", b"\xa1"),
        message(1, 0x45, 1, option(12, b"\x3c"), b"\xff", b"\x81" * 20),
        message(1, 0x45, 1, option(12, b"\x3c"), b"\xff", b"\xa1\x1c"),
        message(1, 0x45, 1, option(12, b"\x3c"), b"\xff", b"\x9f" + b"\1" * 600),
    ],
)
def test_malformed(payload: bytes) -> None:
    """Other versions, long tokens, reserved lengths, a marker without a body, truncated options and unknown codes are
    malformed, and so is CBOR that is truncated, too deep or endless.
    """
    with pytest.raises(Malformed):
        dissect(payload)


def test_only_texts_of_known_keys() -> None:
    """Numbers and unknown keys yield no observations."""
    body = b"\xa3" + text("n") + b"\x05" + text("pi") + text("1234") + text("mnmn") + text("Maker")
    assert values(dissect(message(1, 0x45, 1, option(12, b"\x3c"), b"\xff", body))) == [
        ("coap.ocf.manufacturer", "Maker")
    ]


def test_errors_describe_no_device() -> None:
    """Links in an error response are not parsed."""
    assert values(dissect(message(1, 0x84, 1, option(12, b"\x28"), b"\xff", b'</a>;rt="x"'))) == []


def test_cut_by_the_capture() -> None:
    """A truncated message yields nothing and is not malformed."""
    assert dissect(message(1, 1, 1, option(11, b"abc"))[:-1], problem=1) == []
