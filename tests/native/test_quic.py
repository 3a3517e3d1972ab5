"""Native QUIC: its cryptography, compared with known answers and a library, and conversations of many datagrams,
compared with the reference.
"""

from __future__ import annotations

import hashlib
import hmac
from itertools import pairwise
from random import Random

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pcaps.dissectors.quic import browser_hello, crypto, initial, varint
from sensor.core.packet import Packet
from sensor.dissectors import quic
from sensor.native.aes import decrypted, encrypted
from sensor.native.sha256 import digest
from tests import sampling
from tests.dissectors.samples import events
from tests.native.reference import Pair

PHONE = {"src": 0xFFFF_0A00_0005, "dst": 0xFFFF_0808_0808, "sport": 50_000, "dport": 443, "proto": 17, "ip_version": 4}
HELLO = browser_hello("www.example.com", 1500)
BLOCK = 64


class Client:
    """Datagrams of a client, read by both dissectors."""

    def __init__(self) -> None:
        self.pair = Pair("quic")

    def hosts(self, payload: bytes) -> list[str]:
        """The hosts of the hellos that a datagram completes; both dissectors agree, and none is left to the other."""
        packet = Packet(payload, **PHONE)
        answer = self.pair.compare(packet)
        assert answer.taken
        assert not answer.fault, answer.fault
        return [event[2] for event in events(self.pair.received)]


def pieces(random: Random, hello: bytes, most: int) -> list[bytes]:
    """CRYPTO frames of a hello in any order, some twice, between other frames, as browsers send them."""
    cuts = sorted({0, len(hello), *(random.randrange(len(hello)) for _ in range(random.randrange(most)))})
    frames = [crypto(hello[a:b], a) for a, b in pairwise(cuts)]
    frames += random.sample(frames, random.randrange(len(frames)))
    random.shuffle(frames)
    return [random.choice((b"", b"\1", bytes(3), b"\2\5\0\1\0\1\1")) + frame for frame in frames]


def test_encryption_of_the_standard() -> None:
    """FIPS 197, C.1, and RFC 4231, 4.2 and 4.3."""
    key, block = bytes(range(16)), bytes.fromhex("00112233445566778899aabbccddeeff")
    assert encrypted(key, block).hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"
    assert digest(b"\x0b" * 20, b"Hi There").hex() == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    assert digest(b"Jefe", b"what do ya want for nothing?").hex() == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


def test_decryption_is_that_of_a_library() -> None:
    random = sampling.chance("gcm")
    for size in range(100):
        key, nonce, known = random.randbytes(16), random.randbytes(12), random.randbytes(random.randrange(60))
        plain = random.randbytes(size)
        sealed = bytearray(AESGCM(key).encrypt(nonce, plain, known))
        assert decrypted(key, nonce, known, bytes(sealed)) == plain
        sealed[random.randrange(len(sealed))] ^= 1 << random.randrange(8)
        assert decrypted(key, nonce, known, bytes(sealed)) is None


def test_digests_are_those_of_a_library() -> None:
    random = sampling.chance("hmac")
    for size in range(56):
        key, message = random.randbytes(random.randrange(BLOCK + 1)), random.randbytes(size)
        assert digest(key, message) == hmac.digest(key, message, hashlib.sha256)
    with pytest.raises(ValueError):
        digest(b"", bytes(56))
    with pytest.raises(ValueError):
        digest(bytes(BLOCK + 1), b"")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_hello_over_two_datagrams_is_reported_once(order: tuple[int, int]) -> None:
    client = Client()
    parts = [initial(b"connect2", crypto(HELLO[i * 1100 :][:1100], i * 1100), i, pad=1162) for i in range(2)]
    assert [client.hosts(parts[one]) for one in (*order, *order)] == [[], ["www.example.com"], [], []]


def test_connections_of_many_clients_at_once() -> None:
    """Hellos in up to twenty frames over up to three datagrams, of up to a hundred connections at once."""
    random, client = sampling.chance("clients"), Client()
    names = [f"host{number}.example" for number in range(100)]
    datagrams = []
    for number, name in enumerate(names):
        frames = pieces(random, browser_hello(name, random.randrange(1800)), 20)
        cuts = sorted(random.randrange(len(frames)) for _ in range(2))
        version = random.choice((1, 0x6B3343CF, 0xFF00001D, 0xFACEB002))
        for at, part in enumerate((frames[: cuts[0]], frames[cuts[0] : cuts[1]], frames[cuts[1] :])):
            sealed = initial(b"client%02d" % number, b"".join(part), at, version, pad=20, token=bytes(at * 40))
            datagrams.append((random.random(), sealed))
    found = [host for _, datagram in sorted(datagrams) for host in client.hosts(datagram)]
    assert sorted(found) == sorted(names)


def test_the_connections_used_longest_ago_are_forgotten() -> None:
    """Both dissectors keep the same connections, and complete the same hellos."""
    client = Client()
    ids = [b"client%03d" % number for number in range(quic.OPEN_LIMIT + 50)]
    for one in ids:
        assert client.hosts(initial(one, crypto(HELLO[:1000]))) == []
    found = [len(client.hosts(initial(one, crypto(HELLO[1000:], 1000), 1))) for one in reversed(ids)]
    assert found == [1] * quic.OPEN_LIMIT + [0] * 50


def test_packets_with_other_keys_are_ignored() -> None:
    """After the server's answer a client sends to the server's id, with keys of the first one."""
    client, sealed = Client(), initial(b"connect1", crypto(HELLO), pad=1700)
    assert client.hosts(sealed.replace(b"connect1", b"connect9")) == []
    assert client.hosts(sealed[:-1] + bytes((sealed[-1] ^ 1,))) == []
    assert client.hosts(sealed + sealed.replace(b"connect1", b"connect9")) == ["www.example.com"]


def test_what_is_no_hello_is_left_to_the_reference() -> None:
    """It is reported as malformed once; what follows on the connection is ignored."""
    for start in (b"\2\0\0\5aaaaa", b"\1\0\xff\xffaaaaa"):
        client, packet = Client(), Packet(initial(b"connect1", crypto(start), pad=40), **PHONE)
        assert client.pair.native(packet) is None
        assert client.pair.python(packet) is None
        assert client.hosts(initial(b"connect1", crypto(HELLO), 1, pad=1700)) == []


def test_malformed_frames_are_read_alike() -> None:
    """Frames with flipped bits, correctly encrypted: never read differently, and left to the reference if malformed."""
    random, pair, cases, taken = sampling.chance("frames"), Pair("quic"), sampling.count(5000, 500), 0
    for number in range(cases):
        last = random.choice((b"", b"\1", b"\x1c\0", varint(random.randrange(64))))
        frames = bytearray(b"".join(pieces(random, browser_hello("a.example"), 6)) + last)
        for _ in range(random.randrange(3)):
            frames[random.randrange(len(frames))] ^= 1 << random.randrange(8)
        one = b"client%02d" % random.randrange(40) + bytes((number >> 6 & 255,))
        answer = pair.compare(Packet(initial(one, bytes(frames), number & 255, pad=20), **PHONE))
        assert not answer.fault, answer.fault
        taken += answer.taken
    assert 0.2 < taken / cases < 0.95
