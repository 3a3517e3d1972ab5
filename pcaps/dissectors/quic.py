"""QUIC Initial packets of clients: version 1 with the example of RFC 9001, version 2 in two coalesced packets, draft 29
with frames out of order, HTTP/3.
"""

from __future__ import annotations

import hashlib
import hmac
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pcaps.dissectors._frames import DESKTOP, GATEWAY, PHONE, Frames, udp
from pcaps.dissectors._tls import CIPHERS, browser_extensions, client_hello, extension, handshake

SALTS = {
    1: ("38762cf7f55934b34d179ae6a4c80cadccbb7f0a", b"quic", 0),
    0x6B3343CF: ("0dede3def700a6db819381be6e269dcbf9bd2ed9", b"quicv2", 1),
    0xFACEB002: ("c3eef712c72ebb5a11a7d2432bb46365bef9f502", b"quic", 0),
    0xFF00001D: ("afbfec289993d24c9e9786f19c6111e04390a899", b"quic", 0),
}
# The ClientHello of RFC 9001, A.2.
EXAMPLE_ID = bytes.fromhex("8394c8f03e515708")
EXAMPLE = bytes.fromhex(
    "010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578616d706c652e636f6dff01000100000a"
    "00080006001d0017001800100007000504616c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b0003"
    "020304000d0010000e0403050306030203080408050806002d00020101001c00024001003900320408ffffffffffffffff05048000ffff07048000ffff08011001048000753009"
    "01100f088394c8f03e51570806048000ffff"
)


def varint(number: int) -> bytes:
    return bytes((number,)) if number < 64 else struct.pack("!H", 0x4000 | number)


def crypto(data: bytes, offset: int = 0) -> bytes:
    """A CRYPTO frame."""
    return b"\6" + varint(offset) + varint(len(data)) + data


def expand(secret: bytes, label: bytes, size: int) -> bytes:
    label = b"tls13 " + label
    return hmac.digest(secret, struct.pack("!HB", size, len(label)) + label + b"\0\1", hashlib.sha256)[:size]


def initial(
    connection_id: bytes,
    frames: bytes,
    number: int = 0,
    version: int = 1,
    pad: int = 0,
    sender: bytes = b"",
    token: bytes = b"",
) -> bytes:
    """A protected Initial packet of a client, its payload padded to ``pad`` bytes."""
    salt, label_prefix, kind = SALTS[version]
    secret = expand(hmac.digest(bytes.fromhex(salt), connection_id, hashlib.sha256), b"client in", 32)
    key, nonce, cover = (
        expand(secret, label_prefix + b" " + part, size) for part, size in ((b"key", 16), (b"iv", 12), (b"hp", 16))
    )
    plain, packet_number = frames.ljust(pad, b"\0"), struct.pack("!I", number)
    head = (
        bytes((0xC3 | kind << 4,))
        + struct.pack("!I", version)
        + bytes((len(connection_id),))
        + connection_id
        + bytes((len(sender),))
        + sender
    )
    head += varint(len(token)) + token + struct.pack("!H", 0x4000 | len(plain) + 20)
    sealed = AESGCM(key).encrypt(
        (int.from_bytes(nonce, "big") ^ number).to_bytes(12, "big"), plain, head + packet_number
    )
    mask = Cipher(algorithms.AES(cover), modes.ECB()).encryptor().update(sealed[:16])  # noqa: S305
    return (
        bytes((head[0] ^ mask[0] & 15,))
        + head[1:]
        + bytes(a ^ b for a, b in zip(packet_number, mask[1:], strict=False))
        + sealed
    )


def browser_hello(host: str, extra: int = 0) -> bytes:
    """The ClientHello of a browser, ``extra`` bytes longer."""
    return handshake(
        1,
        client_hello(
            CIPHERS[:4],
            [
                *browser_extensions(host, "h3"),
                extension(57, b"\1\2\x43\xe8"),
                *([extension(0x6399, bytes(extra))] if extra else []),
            ],
        ),
    )


def frames() -> Frames:
    def up(payload: bytes, sport: int, src: str = "10.20.30.14", src_mac: str = DESKTOP) -> bytes:
        return udp(src_mac, GATEWAY, src, "198.51.100.7", sport, 443, payload)

    yield up(initial(EXAMPLE_ID, crypto(EXAMPLE), 2, pad=1162), 50201)
    hello = browser_hello("www.example.com")
    first = initial(b"connect2", crypto(hello[:300]), 0, 0x6B3343CF, sender=b"me")
    yield up(
        first + initial(b"connect2", b"\1" + crypto(hello[300:], 300), 1, 0x6B3343CF, pad=700, sender=b"me"), 50202
    )
    mixed = crypto(hello[400:], 400) + b"\1\0\0" + crypto(hello[:100]) + b"\2\0\0\0\0" + crypto(hello[90:400], 90)
    yield up(initial(b"draft-29", mixed, 1, 0xFF00001D, pad=1162, token=b"token"), 50203)
    yield up(initial(b"a phone.", crypto(browser_hello("telemetry.example")), pad=1162), 50204, "10.20.30.12", PHONE)
