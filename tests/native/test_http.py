"""Native HTTP gives the same as the Python dissector, however flows are cut, reordered, lost and damaged."""

from __future__ import annotations

import gzip
import random
from typing import Any

import pytest

from sensor.dissectors.http import Http
from sensor.dissectors.shared.http_message import whole_lines
from tests import sampling
from tests.native.conversations import (
    FRAME_LIMIT,
    Turn,
    cut,
    disordered,
    frames_of,
    mutated,
    received,
    repeated,
    same,
    segment,
)

SEEDS = sampling.some(range(60), 4, "conversations of http")
TARGETS = (
    b"/", b"/index.html", b"/a?user=x&password=y", b"/a?b=c", b"http://other/x", b"/igd/x?y", b"/x/firmware/1",
    b"/generate_204", b"/ONVIF/device", b"*", b"/caf\xc3\xa9", b"/a b", b"/q?tok=1", b"/" + b"x" * 3000,
    b"/?u=http://e", b"/cgi-bin/luci", b"h:80",
)  # fmt: skip
FIELDS = (
    b"Host: cam", b"Host: cam:8080", b"Host: [fe80::1]", b"User-Agent: probe/1", b"User-Agent: Mozilla/5.0 (X11) \xe9",
    b"Cookie: a=b; session=0123456789abcdef", b"Host: " + b"a" * 5000, b"Authorization: Basic dXNlcjpwYXNz", (
        b"Content-Type: text/html; "
        b"charset=x"
    ),
    b"Content-Type: Application/XML", b"X-Odd: ${jndi:ldap://x}", b"Via: 1.1 x",
    b"Set-Cookie: a=b; path=/", b"set-cookie: BIGipServerpool=1.2.3; path=/", b"Set-Cookie: WEBVPN=; secure",
    b"Set-Cookie: NSC_x", b"Set-Cookie: x=1, webvpn=2",
    b"Via: 1.0 y, 1.1 x (squid/6.13)", b"Via: 1.1 x (Traffic Server/9 [c])", b"Via: 1.1 (a) b)",
    b"X-Squid-Error: ERR_DNS_FAIL 0", b"Cache-Status: a;hit", b"Surrogate-Capability: a", (
        b'SOAPAction: '
        b'"urn:x#AddPortMapping"'
    ), b"Accept: */*",
    b"Accept: text/html", b" folded", b"no field", b"Upgrade: websocket", b"Server: cam/1",
    b"Server: Microsoft-IIS/7.5", (
        b"Location: "
        b"http://x/y?z=1"
    ), b"Location: /here",
    b'WWW-Authenticate: Basic realm="cam"', b"Content-Encoding: identity", b"X-A:", b": nameless", b"If-Match: '", (
        b"Transfer-Encoding: "
        b"gzip"
    ),
)  # fmt: skip
LENGTHS = (b"Content-Length: %d", b"content-length:%d", b"Content-Length: %d, %d", b"Content-Length: x%d")
STATUS = (
    b"200 OK",
    b"200 OK",
    b"200",
    b"401 No",
    b"304 Same",
    b"204 None",
    b"100 Go on",
    b"101 Switch",
    b"2000 Odd",
    b"302 Found",
    b"407 Login",
)
BODIES = (
    b"", b"user=a&password=b", b"<html><head><TITLE>Front door</TITLE></head>" + b"x" * 400, b"plain", (
        b"<?xml version='1.0'?><root "
        b"xmlns='urn:x'><a/></root>"
    ),
    b'{"password": "x"}', b'{"device_info": {"model_name": "Chromecast"}}', bytes(range(256)),
)  # fmt: skip
TYPES = (b"text/html", b"text/xml", b"application/x-www-form-urlencoded", b"application/json", b"image/png", b"")


def request(rng: random.Random) -> bytes:
    method = rng.choice((b"GET", b"GET", b"GET", b"POST", b"POST", b"HEAD", b"CONNECT", b"M-SEARCH", b"get", b"PUT"))
    start = method + b" " + rng.choice(TARGETS) + rng.choice((b" HTTP/1.1", b" HTTP/1.1", b" HTTP/1.0 ", b" HTTP/2"))
    return message(start, rng, b"" if method == b"GET" else rng.choice(BODIES))


def response(rng: random.Random) -> bytes:
    start = b"HTTP/1.1 " + rng.choice(STATUS)
    body = rng.choice(BODIES)
    return message(start, rng, gzip.compress(body) if rng.random() < 0.2 else body)


def message(start: bytes, rng: random.Random, body: bytes) -> bytes:
    """A message with a few fields, and its body by length, in chunks, or to the end of the connection."""
    fields = rng.sample(FIELDS, rng.randrange(6))
    how, kind = rng.randrange(5), rng.choice(TYPES)
    if kind and body:
        fields.append(b"Content-Type: " + kind)
    if body[:2] == b"\x1f\x8b":
        fields.append(b"Content-Encoding: gzip")
    if body and how < 3:
        fields.append(rng.choice(LENGTHS).replace(b"%d", str(len(body)).encode()))
    elif body and how == 3:
        fields.append(b"Transfer-Encoding: chunked")
        at = rng.randrange(1, len(body) + 1)
        parts = [part for part in (body[:at], body[at:]) if part]
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    end = rng.choice((b"\r\n", b"\r\n", b"\n"))
    return end.join((start, *fields, b"", b"")) + body


def exchange(rng: random.Random) -> list[Turn]:
    """A few requests and responses, sometimes pipelined, or with one missing."""
    turns: list[Turn] = []
    for _ in range(rng.randrange(1, 4)):
        turns += [(0, request(rng))] * rng.choice((1, 1, 1, 2))
        if rng.random() < 0.9:
            turns.append((1, response(rng)))
    return turns


def alike(frames: list[bytes], *sizes: int, snap: int = FRAME_LIMIT) -> list[Any]:
    return same(frames, "http", Http, *sizes, snap=snap)


def test_a_plain_exchange() -> None:
    """Ordinary heads are parsed natively, with the same result as the reference."""
    turns = [
        (0, b"GET /onvif/x HTTP/1.1\r\nHost: cam\r\nUser-Agent: probe/1\r\n\r\n"),
        (1, b"HTTP/1.1 200 OK\r\nServer: cam/1\r\nContent-Length: 0\r\n\r\n"),
    ]
    frames = frames_of(turns)
    assert [one[0] for some in alike(frames, 1, 7, 1000) for one in some] == [
        "HttpRequest",
        "http.user_agent",
        "HttpResponse",
        "http.server",
        "http.path",
    ]
    listener = received(frames, ("http", Http()), native=True)[2]
    assert listener.dissection.selected == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_conversations_cut_anywhere(seed: int) -> None:
    rng = random.Random(seed)
    alike(frames_of(cut(exchange(rng), rng), ends=rng.random() < 0.8), 1, 7, 1000)


@pytest.mark.parametrize("seed", SEEDS)
def test_conversations_in_disorder(seed: int) -> None:
    """Segments lost, repeated, early; sequence numbers that restart within the flow."""
    rng = random.Random(1000 + seed)
    begins = (rng.choice((1000, 2**32 - 50)), rng.choice((5000, 2**32 - 300)))
    frames = disordered(frames_of(cut(exchange(rng), rng, 80), begins=begins), rng)
    if seed % 5 == 0:
        frames.insert(len(frames) // 2, segment(0, begins[0] - 2**28, request(rng)))
    alike(frames, 1, 7, 1000)


@pytest.mark.parametrize("seed", SEEDS)
def test_conversations_that_are_repeated(seed: int) -> None:
    """Also messages that are recalled instead of parsed, and on other ports."""
    alike(repeated(exchange(random.Random(seed)), 80, 8080, 80, 3128, 80), 1, 1000)


@pytest.mark.parametrize("seed", SEEDS)
def test_conversations_that_are_broken(seed: int) -> None:
    rng = random.Random(2000 + seed)
    turns = mutated(exchange(rng), rng)
    alike(frames_of(cut(turns, rng) if seed % 2 else turns), 1, 1000)


@pytest.mark.parametrize("seed", SEEDS)
def test_truncated_conversations(seed: int) -> None:
    rng = random.Random(3000 + seed)
    frames = frames_of(exchange(rng) if seed % 2 else cut(exchange(rng), rng))
    for snap in (90, 128, 256):
        alike(frames, 1, 7, 1000, snap=snap)


def test_a_truncated_exchange() -> None:
    """The lines that are complete in the capture are read, and the response is matched to its request."""
    long = b"x" * 300
    turns = [
        (0, b"GET /onvif/a HTTP/1.1\r\nHost: cam\r\nUser-Agent: probe/1\r\nAccept: " + long + b"\r\n\r\n"),
        (1, b"HTTP/1.1 200 OK\r\nServer: cam/1\r\nX: " + long + b"\r\n\r\n"),
        (0, b"GET /onvif/" + long + b" HTTP/1.1\r\nHost: cam\r\n\r\n"),
        (1, b"HTTP/1.1 404 Not Found\r\nServer: cam/1\r\n\r\n"),
    ]
    found = [one for some in alike(frames_of(turns), 1, 7, 1000, snap=200) for one in some]
    requests = [one for one in found if one[0] == "HttpRequest"]
    assert [(one[2], one[4]) for one in requests] == [("cam", "probe/1"), ("", "")]
    assert [one[3][:11] for one in requests] == ["/onvif/a", "/onvif/xxxx"]
    answers = [one for one in found if one[0] == "HttpResponse"]
    assert [(one[1], one[2], one[9][:8]) for one in answers] == [(200, "cam/1", "/onvif/a"), (404, "cam/1", "/onvif/x")]
    assert ("http.user_agent", "probe/1") in [one[:2] for one in found]


def test_requests_in_small_pieces() -> None:
    """Heads and bodies that go on in small pieces for seconds are reported once each, and not one that is complete."""
    post = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 60\r\n\r\n"
    for start, more, reported in ((b"GET /a HTTP/1.1\r\nX: ", 70, 1), (post, 60, 1), (post, 20, 0)):
        turns = [(0, start), *[(0, b"a")] * more]
        found = [one for some in alike(frames_of(turns), 1, 1000) for one in some]
        assert [one[0] for one in found].count("HttpUnfinished") == reported


@pytest.mark.parametrize(
    ("kept", "lines"),
    [
        (b"GET /a?id=1%20UNI", b"GET /a?id=1%20UNI HTTP/1.1\n...:"), (b"GET /a ", b"GET /a HTTP/1.1\n...:"),
        (b"GET /a HTTP/1", b"GET /a HTTP/1.1\n...:"), (b"GET /a HTTP/1.1\r", b"GET /a HTTP/1.1\n...:"),
        (b"GET /a HTTP/1.1\r\nHost: ca", b"GET /a HTTP/1.1\r\n...:"), (b"HTTP/1.1 2", b""), (b"\x16\x03\x01", b""),
        (b"OPTIONS rtsp://cam/ RT", b""), (b"GET", b""),
    ],
)  # fmt: skip
def test_whole_lines(kept: bytes, lines: bytes) -> None:
    assert whole_lines(kept) == lines


def test_every_split_of_an_exchange() -> None:
    """The exchange is split in two segments at each of its bytes."""
    body = b"<html><title>Front door</title></html>"
    turns = [
        (
            0,
            (
                b"POST /a HTTP/1.1\r\nHost: cam\r\nContent-Length: 17\r\nContent-Type: "
                b"application/x-www-form-urlencoded\r\n\r\nuser=a&password=b"
            ),
        ),
        (
            1,
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
            % (len(body), body),
        ),
    ]
    for way in (0, 1):
        for at in sampling.some(range(1, len(turns[way][1])), 8, "splits of an exchange", way):
            pieces = [*turns[:way], (way, turns[way][1][:at]), (way, turns[way][1][at:]), *turns[way + 1 :]]
            assert len(alike(frames_of(pieces), 1000)) >= 2


def test_many_conversations_at_once() -> None:
    """The least recently used flow is evicted, by both."""
    rng = random.Random(9)
    frames = [frames_of(cut(exchange(rng), rng), client=41000 + client) for client in range(40)]
    mixed = []
    while any(frames):
        one = rng.choice([some for some in frames if some])
        mixed.append(one.pop(0))
    for conversations in (512, 5):
        want = received(mixed, ("http", Http()), native=False, conversations=conversations)
        got = received(mixed, ("http", Http()), native=True, size=1000, conversations=conversations)
        assert got[:2] == want[:2]
