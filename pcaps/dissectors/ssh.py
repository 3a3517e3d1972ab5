"""SSH: identification strings and KEXINIT of both sides, segmented inside lines and packets, and a login with the
second password; a banner before the identification string, and version 1.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, GATEWAY, PBX, PRINTER, Frames, conversation

OFFER = (
    "curve25519-sha256,ecdh-sha2-nistp256,ext-info-c",
    "ssh-ed25519,rsa-sha2-512",
    "chacha20-poly1305@openssh.com,aes128-ctr",
    "aes256-gcm@openssh.com,aes128-ctr",
    "umac-64-etm@openssh.com,hmac-sha2-256",
    "hmac-sha2-512",
    "none,zlib@openssh.com,zlib",
    "none,zlib@openssh.com",
    "",
    "",
)


def packet(kind: int, body: bytes) -> bytes:
    """An unencrypted packet, padded to a multiple of 8 bytes."""
    padding = 8 - (6 + len(body)) % 8 + 8 * ((6 + len(body)) % 8 > 4)
    return struct.pack("!IBB", 2 + len(body) + padding, padding, kind) + body + bytes(padding)


def offer(lists: tuple[str, ...] = OFFER) -> bytes:
    """A KEXINIT message."""
    return packet(
        20, bytes(16) + b"".join(struct.pack("!I", len(one)) + one.encode() for one in lists) + b"\0" + bytes(4)
    )


def login(*answers: int, request: int = 84) -> list[tuple[bool, bytes]]:
    """The packets after KEXINIT: key exchange, service request and accept, then authentication requests with responses
    of the given sizes.
    """
    parts = [
        (True, packet(30, bytes(36))),
        (False, packet(31, bytes(200)) + packet(21, b"")),
        (True, packet(21, b"")),
        (True, bytes(44)),
        (False, bytes(44)),
    ]
    return parts + [
        part
        for number, size in enumerate(answers)
        for part in ((True, bytes(request if number else 68)), (False, bytes(size)))
    ]


def frames() -> Frames:
    client, server = b"SSH-2.0-OpenSSH_9.6\r\n", b"Authorised use only.\r\nSSH-2.0-ROSSSH\r\n"
    lists = offer()
    parts = [
        (False, server[:30]),
        (False, server[30:]),
        (True, client + lists[:40]),
        (True, lists[40:]),
        (False, packet(4, b"\0\0\0\0\0\0\0\0\0") + offer()),
        *login(76, 76, 28),
    ]
    yield from conversation((DESKTOP, "10.20.30.14", 50301), (GATEWAY, "10.20.30.1", 22), parts)
    yield from conversation(
        (DESKTOP, "10.20.30.14", 50302),
        (PRINTER, "10.20.30.41", 22),
        [(False, b"SSH-1.5-1.2.27\n"), (True, b"SSH-1.5-PuTTY\n")],
    )
    phone = [(False, b"SSH-2.0-dropbear_2020.81\r\n" + lists), (True, b"SSH-2.0-libssh2_1.10.0\r\n"), (True, lists)]
    yield from conversation((DESKTOP, "10.20.30.14", 50303), (PBX, "10.20.30.5", 22), phone)
