"""Native TLS over TCP gives the same as the Python dissector, however flows are cut, reordered, lost and damaged."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from pcaps.dissectors._tls import (
    CIPHERS,
    alpn,
    browser_extensions,
    certificate,
    certificates,
    client_hello,
    extension,
    handshake,
    name,
    numbers,
    record,
    server_hello,
    server_name,
    versions,
)
from sensor.core.dissector import Parsed
from sensor.core.packet import Packet
from sensor.dissectors.tls import Tls
from sensor.native import punted
from tests import sampling
from tests.native.conversations import FRAME_LIMIT, Turn, cut, disordered, frames_of, mutated, received, repeated, same

SEEDS = sampling.some(range(60), 4, "conversations of tls")
RETRY = hashlib.sha256(b"HelloRetryRequest").digest()
OLD = b"\x80\x2e\1\3\0\0\x15\0\0\0\x10" + b"\0\0\4\0\0\5\0\0\x0a\1\0\x80\7\0\xc0\3\0\x80\0\0\x09" + bytes(range(16))
EXTENSIONS = (
    extension(0x1A1A, b""), server_name("cam.example"), server_name("Caf\xe9.example."),
    extension(10, numbers(0x2A2A, 29, 23)), extension(11, b"\1\0"),
    extension(13, numbers(0x0403, 0x0804)), alpn("h2", "http/1.1"), alpn("\x7f\x01"),
    versions(0x3A3A, 0x0304, 0x0303), versions(0x0303),
    extension(51, bytes(40)),
    extension(0xFE0D, bytes(9)), extension(41, bytes(30)), extension(0, b"\0"), extension(10, b"\0"),
    extension(43, b"\4\3\4\x0a\x0a\x0a"),
)  # fmt: skip
CERTIFICATES = (certificate(name(CN="cam-1")), certificate(name(CN="printer")), b"\x30\x82\1\0", b"")


def alike(frames: list[bytes], *sizes: int, snap: int = FRAME_LIMIT) -> list[Any]:
    return same(frames, "tls", Tls, *sizes, snap=snap)


def flight(*messages: bytes, rng: random.Random) -> bytes:
    """Messages in records of any size."""
    whole, at, records = b"".join(messages), 0, []
    while at < len(whole):
        size = rng.choice((len(whole), 7, 300))
        records.append(record(whole[at : at + size]))
        at += size
    return b"".join(records)


# Session ids of the usual size, a short one, the longest and one that is too long.
SESSIONS = (b"", b"", bytes(range(32)), b"\1", b"\2", bytes(33))


def requested(rng: random.Random) -> bytes:
    ciphers = rng.choice((CIPHERS, (0x1301, 0x002F), (0x0004, 0x000A), ()))
    offered = (
        browser_extensions("www.example.com", "h2")
        if rng.random() < 0.3
        else rng.sample(EXTENSIONS, rng.randrange(len(EXTENSIONS)))
    )
    version = rng.choice((0x0303, 0x0301, 0x0300))
    return handshake(1, client_hello(ciphers, offered, version, session=rng.choice(SESSIONS)))


def answered(rng: random.Random) -> list[bytes]:
    chosen = rng.sample(
        (
            alpn("h2"),
            versions(0x0304),
            extension(43, b"\3\4"),
            extension(51, bytes(36)),
            extension(41, b"\0\0"),
            extension(0xFF01, b"\0"),
        ),
        rng.randrange(4),
    )
    messages = [
        handshake(
            2,
            server_hello(
                rng.choice((0x1301, 0x0035, 0x0004)),
                chosen,
                random=RETRY if rng.random() < 0.2 else rng.randbytes(32),
                session=rng.choice(SESSIONS),
            ),
        )
    ]
    if rng.random() < 0.6:
        messages.append(handshake(11, certificates(rng.choice(CERTIFICATES), bytes(900))))
    return messages


def conversation(rng: random.Random) -> list[Turn]:
    """Hellos, certificates, and other records between them."""
    turns: list[Turn] = [
        (0, OLD if rng.random() < 0.1 else flight(requested(rng), rng=rng)),
        (1, flight(*answered(rng), rng=rng)),
    ]
    if rng.random() < 0.3:
        turns += [(0, flight(requested(rng), rng=rng)), (1, b"\x14\3\3\0\1\1" + flight(*answered(rng), rng=rng))]
    if rng.random() < 0.4:
        turns.append((rng.randrange(2), b"\x18\3\2\0\3\1\x40\0" + b"\x18\3\2\0\x17\2\0\4ping" + bytes(16)))
    if rng.random() < 0.4:
        turns.append(
            (0, flight(handshake(11, certificates(rng.choice(CERTIFICATES))), handshake(16, bytes(60)), rng=rng))
        )
    if rng.random() < 0.3:
        turns.insert(
            rng.randrange(len(turns)),
            (
                rng.randrange(2),
                rng.choice((b"\x15\3\3\0\2\1\0", b"\x63\3\3\0\1\0", b"\x16\3\1\xff\xff", b"EHLO x\r\n")),
            ),
        )
    return [*turns, (0, b"\x17\3\3\0\x30" + bytes(48)), (1, b"\x17\3\3\0\x30" + bytes(48))]


@pytest.mark.parametrize("seed", SEEDS)
def test_conversations_cut_anywhere(seed: int) -> None:
    rng = random.Random(seed)
    alike(frames_of(cut(conversation(rng), rng, 1400), port=443, ends=rng.random() < 0.8), 1, 7, 1000)


@pytest.mark.parametrize("seed", SEEDS)
def test_conversations_in_disorder(seed: int) -> None:
    """Segments lost, repeated and early."""
    rng = random.Random(1000 + seed)
    alike(disordered(frames_of(cut(conversation(rng), rng, 300), port=443, begins=(2**32 - 90, 5000)), rng), 1, 7, 1000)


@pytest.mark.parametrize("seed", SEEDS)
def test_truncated_conversations(seed: int) -> None:
    rng = random.Random(3000 + seed)
    turns = conversation(rng)
    frames = frames_of(cut(turns, rng, 1400) if seed % 2 else turns, port=443)
    for snap in (70, 128, 256):
        alike(frames, 1, 7, 1000, snap=snap)


@pytest.mark.parametrize("seed", SEEDS)
def test_conversations_that_are_repeated(seed: int) -> None:
    """Also messages that are recalled instead of parsed, and on other ports."""
    alike(repeated(conversation(random.Random(seed)), 443, 3389, 443, 8443, 3389), 1, 1000)


@pytest.mark.parametrize("seed", SEEDS)
def test_conversations_that_are_broken(seed: int) -> None:
    rng = random.Random(2000 + seed)
    turns = mutated(conversation(rng), rng)
    alike(frames_of(cut(turns, rng, 1400) if seed % 2 else turns, port=443), 1, 1000)


def test_hellos_of_a_kind_are_read_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fields that differ per connection (random, session, key share, ticket, GREASE) are removed before the dissector.
    Its results are recalled when the same comes for the third time, for each client its own.
    """
    reads: list[str] = []
    for kind in (punted.TlsClientHelloBody, punted.TlsServerHelloBody):
        monkeypatch.setattr(kind, "read", counted(kind.read, reads))
    rng, frames = random.Random(3), list[bytes]()
    for client in range(8):
        grease = 0x0A0A + 0x1010 * client
        offered = [
            extension(grease, b""),
            server_name("cam.example"),
            extension(10, numbers(grease, 29)),
            extension(51, rng.randbytes(36)),
            versions(grease, 0x0304),
        ]
        hello = bytearray(client_hello((grease, 0x1301), offered))
        hello[2:34] = rng.randbytes(32)
        hello[34:35] = bytes([client]) + rng.randbytes(client)
        back = server_hello(
            0x1301, [extension(43, b"\3\4"), extension(51, rng.randbytes(36))], random=rng.randbytes(32)
        )
        turns = [(0, record(handshake(1, bytes(hello)))), (1, record(handshake(2, back)))]
        frames += frames_of(turns, port=443, client=42000 + client)
    messages = received(frames, ("tls", Tls()), native=True)[0]
    assert sorted(reads) == 2 * ["TlsClientHelloBody"] + 2 * ["TlsServerHelloBody"]
    assert len(messages) == 16
    hellos, answers = messages[::2], messages[1::2]
    assert {tuple(one[0] for one in hello) for hello in hellos} == {("TlsClientHello", "tls.sni", "tls.ja3", "tls.ja4")}
    # values without those of the packet
    assert len({hello[0][1:8] for hello in hellos}) == len({answer[0][1:7] for answer in answers}) == 1
    assert len({hello[1][3] for hello in hellos}) == 8  # flows


def counted(read: Callable[[Any, Packet], Iterable[Parsed]], reads: list[str]) -> Callable[..., Iterable[Parsed]]:
    def noted(body: Any, packet: Packet) -> Iterable[Parsed]:
        reads.append(type(body).__name__)
        return read(body, packet)

    return noted


def test_a_certificate_that_is_none_ends_the_conversation() -> None:
    """The certificate is parsed after the rest of the batch; later records of the flow give no result, as in the
    reference.
    """
    shown = record(handshake(2, server_hello(0x0035, [])) + handshake(11, certificates(b"\x30\x82\1\0")))
    turns = [(0, record(requested(random.Random(1)))), (1, shown), (0, b"\x18\3\2\0\3\1\x40\0")]
    frames = frames_of(turns, port=443)
    assert [one[0] for some in alike(frames, 1, 1000) for one in some][-1] == "MalformedMessage"
    assert received(frames, ("tls", Tls()), native=True)[1]
