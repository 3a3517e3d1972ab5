"""Key exchange of IPsec over UDP ports 500 and 4500 (IKEv2: RFC 7296, 7383; IKEv1: RFC 2408, 2409; the marker of port
4500: RFC 3948): the exchanges, who starts them, identities of aggressive mode, and notifications in the clear.

Reads the headers and the chain of payloads that is not encrypted. Ignores proposals, keys, certificates and encrypted
payloads; the size of an encrypted message is part of the event, since a rejected login is a short one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader, clean

PORT, NAT_PORT = 500, 4500
MARKER = bytes(4)  # ESP packets have their SPI there, which is never 0
IDENTITY_1, NOTIFY_1, NOTIFY_2, ENCRYPTED_2, FRAGMENT_2 = 5, 11, 41, 46, 53
RESPONSE, ENCRYPTED_1 = 0x20, 0x01
EXCHANGES = {
    (1, 1): "base", (1, 2): "main", (1, 3): "authentication", (1, 4): "aggressive", (1, 5): "informational",
    (1, 6): "transaction", (1, 32): "quick", (1, 33): "new_group", (2, 34): "ike_sa_init", (2, 35): "ike_auth",
    (2, 36): "create_child_sa", (2, 37): "informational", (2, 38): "ike_session_resume",
}  # fmt: skip
PAYLOADS_LIMIT = 32
NAME_LIMIT = 255
# Kinds of identities that are text (RFC 2407, 4.6.2.1): FQDN, user FQDN, key id, which is a group's name.
TEXTS = (2, 3, 11)
_HEADER = struct.Struct("!8s8sBBBBII")


class IkeMessage(Event):
    """``spi``: of the initiator, in hexadecimal; ``response``: to a request (version 1: not the message that starts an
    exchange); ``size`` in bytes; ``fragments``: of the encrypted message that this is one of, 1 if it is whole;
    ``identity``: in the clear (aggressive mode); ``notify``: the first notification in the clear, 0 if there is none.
    """

    version: int
    exchange: str
    spi: str
    response: bool
    encrypted: bool
    size: int
    fragments: int
    identity: str
    notify: int


class Isakmp(Dissector):
    """Messages are sent again until they are answered."""

    interest = Interest(udp=(PORT, NAT_PORT), repeats_s=5)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        if NAT_PORT in (packet.sport, packet.dport):
            if not data.startswith(MARKER):
                return iter(())
            data = data[len(MARKER) :]
        try:
            return iter(_read(packet, data))
        except Malformed:
            if packet.truncated:
                return iter(())
            raise


def _read(packet: Packet, data: bytes) -> list[Parsed]:
    reader = Reader(data)
    initiator, responder, following, version, kind, flags, _, size = _HEADER.unpack(reader.take(_HEADER.size))
    exchange = EXCHANGES.get((version >> 4, kind))
    if exchange is None or initiator == bytes(8):
        return []
    if size < _HEADER.size or (size > len(data) and not packet.truncated):
        raise Malformed("length does not match the message")
    encrypted = bool(flags & ENCRYPTED_1) if version >> 4 == 1 else following in (ENCRYPTED_2, FRAGMENT_2)
    response = bool(flags & RESPONSE) if version >> 4 == 2 else responder != bytes(8)
    fragments = _fragments(reader) if encrypted and following == FRAGMENT_2 else 1
    found = ("", 0) if encrypted else _payloads(reader, following)
    return [IkeMessage(packet, version >> 4, exchange, initiator.hex(), response, encrypted, size, fragments, *found)]


def _fragments(reader: Reader) -> int:
    """Number of fragments of a message (RFC 7383, 2.5), behind the header of the payload and the fragment's number."""
    reader.skip(6)
    return reader.u16()


def _payloads(reader: Reader, following: int) -> tuple[str, int]:
    """(identity, notification) in a chain of payloads; each begins with the type of the next one and its own length."""
    identity, notify = "", 0
    for _ in range(PAYLOADS_LIMIT):
        if not following or following == ENCRYPTED_2 or reader.left < 4:
            break
        kind, following = following, reader.u8()
        reader.skip(1)
        size = reader.u16()
        if size < 4:
            raise Malformed("payload shorter than its header")
        body = reader.take(size - 4)
        if kind == IDENTITY_1 and len(body) > 4 and body[0] in TEXTS:
            identity = clean(body[4:], NAME_LIMIT)
        elif kind in (NOTIFY_1, NOTIFY_2):
            notify = notify or _notification(body, 4 if kind == NOTIFY_1 else 0)
    return identity, notify


def _notification(body: bytes, at: int) -> int:
    """Its type, behind the domain of interpretation (version 1 only), protocol and size of the SPI."""
    return int.from_bytes(body[at + 2 : at + 4], "big")
