"""H.323: calls and registrations, and the products of their senders."""

from __future__ import annotations

import pytest

from pcaps.dissectors.h323 import PROTOCOL, alias, element, q931, vendor
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.h323 import H323
from tests.dissectors.samples import events, facts, packets, values

PHONE = ("02:00:5e:00:53:02", "10.20.30.12")
OTHER = ("02:00:5e:00:53:06", "10.20.30.16")
KEEPER = ("02:00:5e:00:53:05", "10.20.30.5")
PRODUCT = [("h323.maker", "b5002331"), ("h323.product", "HDX 8000 HD"), ("h323.version", "Release - 3.1.14-54021")]


def feed(*parts: bytes, from_client: bool = True) -> list[object]:
    stream = H323().stream(Packet())
    return [parsed for part in parts for parsed in stream.feed(Packet(proto=6), part, from_client)]


def test_registration() -> None:
    """An endpoint reports its product and name to its gatekeeper, which is identified by its confirmations."""
    parsed = [list(H323().dissect(packet)) for packet in packets("h323")[:6]]
    assert [events(one)[0][1] for one in parsed] == [
        "gatekeeper_request",
        "gatekeeper_confirm",
        "registration_request",
        "registration_confirm",
        "admission_request",
        "admission_confirm",
    ]
    assert events(parsed[2]) == [
        ("H323Ras", "registration_request", "HDX 8000 HD", "Release - 3.1.14-54021", ("Boardroom", "Boardroom 2"))
    ]
    assert facts(parsed[2]) == [*((*PHONE, *fact) for fact in PRODUCT), (*PHONE, "h323.instance", "Boardroom")]
    assert facts(parsed[3]) == [(*KEEPER, "h323.role", "gatekeeper")]
    assert facts(parsed[4]) == []


def test_call() -> None:
    """Both ends report their product; the numbers belong to the call."""
    stream = H323().stream(Packet())
    parsed = [
        one for packet in packets("h323")[6:] for one in stream.feed(packet, packet.payload, packet.dport == 1720)
    ]
    assert events(parsed) == [
        ("H323Call", "setup", 0x77F4, "212", "213", "Boardroom", "HDX 8000 HD", "Release - 3.1.14-54021"),
        ("H323Call", "call_proceeding", 0x77F4, "", "", "", "TANDBERG", "F9.3.1 NTSC"),
        ("H323Call", "connect", 0x77F4, "", "", "Workshop", "TANDBERG", "F9.3.1 NTSC"),
        ("H323Call", "release_complete", 0x77F4, "", "", "", "", ""),
    ]
    found = [("h323.maker", "82010100"), ("h323.product", "TANDBERG"), ("h323.version", "F9.3.1 NTSC")]
    assert facts(parsed) == [*((*PHONE, *fact) for fact in PRODUCT), *((*OTHER, *fact) for fact in found * 2)]


def test_product_only_behind_a_makers_code() -> None:
    """Texts without a vendor code, with a wrong length or of one letter are not products."""
    assert values(feed(q931(5, b"\x20\xa8" + PROTOCOL + b"\x05\x0bHDX 8000 HD"))) == []
    assert values(feed(q931(5, b"\x20\xa8" + PROTOCOL + b"\x05" + vendor("b5002331", b"HDX", b"1")[:-3]))) == []
    assert values(feed(q931(5, b"\x20\xa8" + PROTOCOL + b"\x05" + vendor("b5002331", b"x", b"1")))) == []
    assert values(feed(q931(5, b"\x20\xa8" + vendor("b5002331", b"HDX", b"1")))) == []


def test_version_may_be_missing() -> None:
    """A product without a version is reported."""
    assert values(feed(q931(5, b"\x20\xa8" + PROTOCOL + b"\x05\x22\x80\xb5\0\0\x12\x0cCiscoGateway\0"))) == [
        ("h323.maker", "b5000012"),
        ("h323.product", "CiscoGateway"),
    ]


def test_number_is_no_name() -> None:
    """An alias of digits only is a telephone number, not a name."""
    payload = b"\x0e\xc0\x00\x02" + PROTOCOL + b"\x05" + alias("7001")
    parsed = list(H323().dissect(Packet(payload)))
    assert events(parsed) == [("H323Ras", "registration_request", "", "", ("7001",))]
    assert values(parsed) == []


@pytest.mark.parametrize(
    "payload",
    [
        b"GET / HTTP/1.1\r\n",
        b"\3\1\0\x10",
        b"\3\0\0\4",
        b"\3\0\0\x08\x09\1\1\5",
        b"\3\0\0\x08\x08\1\1\x99",
        b"\3\0\0\x0a\x08\1\1\5\x28\x09",
    ],
)
def test_malformed_call(payload: bytes) -> None:
    """Other protocols, other discriminators, unknown message types and truncated elements are malformed."""
    with pytest.raises(Malformed):
        feed(payload)


@pytest.mark.parametrize("payload", [b"", b"\x80\1\2\3", b"\x7c\1\2\3", b"\x0e\xc0\0\2abcdef"])
def test_malformed_ras(payload: bytes) -> None:
    """Empty or unknown messages, extensions and a registration without protocol identifier are malformed."""
    with pytest.raises(Malformed):
        list(H323().dissect(Packet(payload)))


def test_after_a_gap() -> None:
    """After a gap, parsing resumes at a segment of complete messages."""
    stream, packet = H323().stream(Packet()), Packet(proto=6)
    release = q931(0x5A, b"\x25\x80", element(0x28, b"bye"))
    list(stream.gap(packet, 5, True))
    assert list(stream.feed(packet, release[4:], True)) == []
    assert events(list(stream.feed(packet, release, True))) == [
        ("H323Call", "release_complete", 0x77F4, "", "", "bye", "", "")
    ]
