"""Builders of TLS: ClientHello, ServerHello, X.509 certificates in DER, records. Keys and signatures are fictitious."""

from __future__ import annotations

import hashlib
import struct

GREASE = 0x3A3A
RANDOM = bytes(range(32))
# Cipher suites in the order of a browser, with GREASE.
CIPHERS = (
    GREASE,
    0x1301,
    0x1302,
    0x1303,
    0xC02B,
    0xC02F,
    0xC02C,
    0xC030,
    0xCCA9,
    0xCCA8,
    0xC013,
    0xC014,
    0x009C,
    0x009D,
    0x002F,
    0x0035,
)
SIGNATURES = (0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601)
OIDS = {"CN": "550403", "C": "550406", "O": "55040a", "OU": "55040b"}


def numbers(*some: int) -> bytes:
    """16-bit numbers after a 16-bit length."""
    return struct.pack(f"!H{len(some)}H", 2 * len(some), *some)


def extension(kind: int, data: bytes) -> bytes:
    return struct.pack("!HH", kind, len(data)) + data


def server_name(host: str) -> bytes:
    return extension(0, struct.pack("!HBH", len(host) + 3, 0, len(host)) + host.encode())


def alpn(*names: str) -> bytes:
    listed = b"".join(bytes((len(name),)) + name.encode() for name in names)
    return extension(16, struct.pack("!H", len(listed)) + listed)


def versions(*some: int) -> bytes:
    return extension(43, bytes((2 * len(some),)) + b"".join(struct.pack("!H", one) for one in some))


def browser_extensions(host: str, *names: str) -> list[bytes]:
    """The extensions of a browser, with GREASE first and last."""
    key_share = struct.pack("!HHHBHH", 41, GREASE, 1, 0, 29, 32) + RANDOM
    return [
        extension(GREASE, b""), server_name(host), extension(23, b""), extension(0xFF01, b"\0"),
        extension(10, numbers(GREASE, 29, 23, 24)),
        extension(11, b"\1\0"), extension(35, b""), alpn(*names), extension(5, b"\1\0\0\0\0"),
        extension(13, numbers(*SIGNATURES)), extension(18, b""),
        extension(51, key_share), extension(45, b"\1\1"), versions(GREASE, 0x0304, 0x0303), extension(27, b"\2\0\2"),
        extension(0x4469, b"\0\3\2h2"),
        extension(GREASE + 0x1010, b"\0"), extension(21, bytes(64)),
    ]  # fmt: skip


def client_hello(
    ciphers: tuple[int, ...],
    extensions: list[bytes],
    version: int = 0x0303,
    middle: bytes = b"",
    session: bytes = b"",
) -> bytes:
    """The body of a ClientHello. ``middle``: the cookie of DTLS, before the cipher suites."""
    joined = b"".join(extensions)
    tail = struct.pack("!H", len(joined)) + joined if extensions else b""
    head = struct.pack("!H", version) + RANDOM + bytes((len(session),)) + session
    return head + middle + numbers(*ciphers) + b"\1\0" + tail


def server_hello(
    cipher: int, extensions: list[bytes], version: int = 0x0303, random: bytes = RANDOM, session: bytes = b""
) -> bytes:
    joined = b"".join(extensions)
    head = struct.pack("!H", version) + random + bytes((len(session),)) + session
    return head + struct.pack("!HBH", cipher, 0, len(joined)) + joined


def handshake(kind: int, body: bytes) -> bytes:
    return bytes((kind,)) + len(body).to_bytes(3, "big") + body


def record(data: bytes, kind: int = 22, version: int = 0x0301) -> bytes:
    return struct.pack("!BHH", kind, version, len(data)) + data


def certificates(*some: bytes) -> bytes:
    """The body of a Certificate message."""
    listed = b"".join(len(one).to_bytes(3, "big") + one for one in some)
    return len(listed).to_bytes(3, "big") + listed


def dtls(kind: int, body: bytes, number: int = 0) -> bytes:
    """A DTLS 1.2 record with one unfragmented handshake message."""
    message = (
        bytes((kind,))
        + len(body).to_bytes(3, "big")
        + struct.pack("!H", number)
        + bytes(3)
        + len(body).to_bytes(3, "big")
        + body
    )
    return struct.pack("!BHHIHH", 22, 0xFEFD, 0, 0, number, len(message)) + message


def der(tag: int, *parts: bytes) -> bytes:
    data = b"".join(parts)
    size = len(data)
    wide = (size.bit_length() + 7) // 8
    return bytes((tag,)) + (bytes((size,)) if size < 128 else bytes((0x80 | wide,)) + size.to_bytes(wide, "big")) + data


def name(**parts: str) -> bytes:
    """A distinguished name: ``CN="a"``."""
    return der(
        0x30,
        *(
            der(0x31, der(0x30, der(6, bytes.fromhex(OIDS[attribute])), der(12, value.encode())))
            for attribute, value in parts.items()
        ),
    )


def certificate(subject: bytes, issuer: bytes = b"", names: tuple[str, ...] = (), uri: str = "") -> bytes:
    """A certificate valid from 2020 to 2049, with an RSA key of 2048 bits; self-signed without an issuer."""
    modulus = b"\0\xc5" + b"".join(hashlib.sha256(subject + bytes((n,))).digest() for n in range(8))[1:]
    rsa = der(0x30, der(6, bytes.fromhex("2a864886f70d010101")), der(5))
    key = der(0x30, rsa, der(3, b"\0", der(0x30, der(2, modulus), der(2, b"\1\0\1"))))
    signed = der(0x30, der(6, bytes.fromhex("2a864886f70d01010b")), der(5))
    alternatives = [der(0x86, uri.encode())] if uri else []
    alternatives += [der(0x82, one.encode()) for one in names]
    listed = der(0x30, *alternatives, der(0x87, bytes((10, 20, 30, 41))))
    san = (
        der(
            0xA3,
            der(
                0x30,
                der(0x30, der(6, b"\x55\x1d\x0f"), der(4, b"\3\2\5\xa0")),
                der(0x30, der(6, b"\x55\x1d\x11"), der(4, listed)),
            ),
        )
        if names
        else b""
    )
    validity = der(0x30, der(23, b"200101000000Z"), der(24, b"20491231235959Z"))
    body = der(0x30, der(0xA0, der(2, b"\2")), der(2, b"\x51"), signed, issuer or subject, validity, subject, key, san)
    return der(0x30, body, signed, der(3, bytes(257)))
