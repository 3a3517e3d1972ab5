"""QUIC: the example of RFC 9001, other versions, ClientHellos split over packets and datagrams, and packets that cannot
be decrypted.
"""

from __future__ import annotations

import pytest

from pcaps.dissectors.quic import EXAMPLE, EXAMPLE_ID, browser_hello, crypto, initial, varint
from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors import quic
from sensor.dissectors.quic import Quic
from tests.dissectors.samples import events, facts, packets, values

MINE = {"src": parse("10.0.0.5"), "src_mac": 0x020000000005, "dport": 443}
HELLO = browser_hello("www.example.com", 1500)


def dissect(payload: bytes, unit: Quic | None = None, **fields: int) -> list[object]:
    return list((unit or Quic()).dissect(Packet(payload, **MINE, **fields)))


def test_example_of_the_standard() -> None:
    """The packet of RFC 9001, A.1 and A.2, is reproduced byte for byte at both ends, and its ClientHello is parsed."""
    packet = initial(EXAMPLE_ID, crypto(EXAMPLE), 2, pad=1162)
    assert packet.hex().startswith(
        "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9bd8bab936b47d92ec356c0bab7df5976d27cd449f63300099f399"
    )
    assert packet.hex().endswith(
        "7e78bfe706ca4cf5e9c5453e9f7cfd2b8b4c8d169a44e55c88d4a9a7f9474241e221af44860018ab0856972e194cd934"
    )
    parsed = dissect(packet)
    ja3, ja4 = "41bc9ae914d6cb3bd0bd0a5453ab7d7f", "q13d0211an_62ed6f6ca7ad_4d634acda6c0"
    assert events(parsed) == [("QuicClientHello", "1", "example.com", ("alpn",), "TLS 1.3", ja3, ja4, False)]
    assert facts(parsed) == [
        ("02:00:00:00:00:05", "10.0.0.5", "quic.sni", "example.com"),
        ("02:00:00:00:00:05", "10.0.0.5", "quic.ja4", ja4),
    ]


def test_secret_of_the_standard() -> None:
    """The client's initial secret is that of RFC 9001, A.1."""
    version = quic.VERSIONS[b"\0\0\0\1"]
    secret = quic._expand(quic.hmac.digest(version.salt, EXAMPLE_ID, "sha256"), b"client in", 32)
    assert secret.hex() == "c00cf151ca5be075ed0ebfb5c80323c42d6b7db67881289af4008f1f6c357aea"


def test_versions() -> None:
    """Version 2 in coalesced packets, and draft 29 with overlapping and reordered frames, are parsed."""
    _, second, draft, phone = (events(Quic().dissect(packet)) for packet in packets("quic"))
    assert [(one[0][1], one[0][2]) for one in (second, draft, phone)] == [
        ("2", "www.example.com"),
        ("draft-29", "www.example.com"),
        ("1", "telemetry.example"),
    ]
    assert {one[0][6] for one in (second, draft, phone)} == {"q13d0317h3_55b375c5d22e_c39a3682006c"}


def test_the_version_of_an_app() -> None:
    """Apps of Meta use a version of their own with the keys of a draft."""
    packet = initial(b"whatsapp", crypto(browser_hello("graph.example")), version=0xFACEB002, pad=1162)
    assert [one[1:3] for one in events(dissect(packet))] == [("mvfst", "graph.example")]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_hello_over_two_datagrams(order: tuple[int, int]) -> None:
    """A ClientHello in two datagrams is reported once, with the last part, in any order."""
    unit = Quic()
    parts = [
        initial(b"connect2", crypto(HELLO[:1100]), 0, pad=1162),
        initial(b"connect2", crypto(HELLO[1100:], 1100), 1, pad=1162),
    ]
    first, last = (dissect(parts[one], unit) for one in order)
    assert first == []
    assert events(last)[0][2] == "www.example.com"
    assert dissect(parts[0], unit) == dissect(parts[1], unit) == []


def test_connections_are_kept_apart() -> None:
    """Parts with different connection ids are not combined."""
    unit = Quic()
    assert dissect(initial(b"one.....", crypto(HELLO[:1100])), unit) == []
    assert dissect(initial(b"other...", crypto(HELLO[1100:], 1100)), unit) == []


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Incomplete ClientHellos replace older ones, and each keeps a bounded number of bytes."""
    monkeypatch.setattr(quic, "OPEN_LIMIT", 10)
    unit = Quic()
    for number in range(50):
        dissect(initial(bytes((number,)) * 8, crypto(HELLO[:1000])), unit)
    assert len(unit._open) == 10
    for number in range(40):
        dissect(initial(b"hoarding", crypto(b"\1\0\x3f\0" + bytes(996), number * 1000), number), unit)
    pieces = unit._open.get(b"hoarding")
    assert pieces is None or len(pieces.data) <= quic.HELLO_LIMIT


def test_keys_of_others() -> None:
    """Packets that cannot be decrypted yield nothing: after the server's answer the keys follow from an earlier id."""
    packet = initial(b"connect1", crypto(EXAMPLE), pad=1162)
    assert dissect(packet.replace(b"connect1", b"connect9")) == []
    assert dissect(packet[:-1] + bytes((packet[-1] ^ 1,))) == []


def test_not_for_us() -> None:
    """Packets of servers, other packet types, other versions and truncated packets yield nothing."""
    packet = initial(EXAMPLE_ID, crypto(EXAMPLE), pad=1162)
    assert dissect(packet)
    assert dissect(packet, direction=1) == []
    assert dissect(bytes((packet[0] | 0x20,)) + packet[1:]) == []
    assert dissect(packet[:1] + b"\0\0\0\2" + packet[5:]) == []
    assert dissect(packet[:700], problem=1) == []
    assert dissect(b"") == dissect(b"\xc0\0\0\0\1"[:4]) == []


def test_what_may_stand_beside_a_hello() -> None:
    """PING, ACK and PADDING frames may precede the ClientHello; CONNECTION_CLOSE ends the frames."""
    acks = b"\2\5\0\1\0\1\1" + b"\3\5\0\0\0\1\1\1"
    assert (
        events(dissect(initial(EXAMPLE_ID, b"\1\0\0" + acks + crypto(EXAMPLE) + b"\x1c\0\0\0")))[0][2] == "example.com"
    )


@pytest.mark.parametrize(
    "payload",
    [
        b"\xc0\0\0\0\1\x15" + bytes(40),
        b"\xc0\0\0\0\1\4abcd\0\0",
        b"\xc0\0\0\0\1\4abcd\0\0\x44\x9e" + bytes(20),
        b"\xc0\0\0\0\1\4abcd\0\0\x05" + bytes(20),
        initial(EXAMPLE_ID, b"\6\0\x44\xff" + bytes(40)),
        initial(EXAMPLE_ID, b"\x08" + bytes(40)),
        initial(EXAMPLE_ID, b"\1" * 300),
        initial(EXAMPLE_ID, b"\2\1\0" + varint(300) + b"\1" * 40),
        initial(EXAMPLE_ID, crypto(b"\2\0\0\5aaaaa"), pad=40),
        initial(EXAMPLE_ID, crypto(b"\1\0\xff\xffaaaaa"), pad=40),
        initial(EXAMPLE_ID, crypto(b"\1\0\0\5aaaaa"), pad=40),
    ],
)
def test_lies(payload: bytes) -> None:
    """Invalid ids, lengths and ClientHellos, and frames not allowed in Initial packets, are malformed."""
    with pytest.raises(Malformed):
        dissect(payload)


def test_hello_without_a_name() -> None:
    """A ClientHello without a server name yields no observation of one."""
    nameless = browser_hello("")
    assert [kind for kind, _ in values(dissect(initial(EXAMPLE_ID, crypto(nameless))))] == ["quic.ja4"]
