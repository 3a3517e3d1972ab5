"""STUN and TURN (RFC 8489, 8656; also RFC 3489 on port 3478, and [MS-TURN] of Teams and Skype): programs that look for
their public address, and relays of media.

Reads the software, realm and addresses in requests and responses. Ignores indications and channel data, which carry
media, and credentials of users: names, nonces and message integrity. Realms and addresses are no facts about the
sender.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sensor.core.addresses import NONE, V4, Address
from sensor.core.dissector import Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader, clean
from sensor.dissectors.shared.discovery import Discovery
from sensor.dissectors.shared.framing import FramedStream
from sensor.dissectors.shared.sender_facts import facts

PORT = 3478
COOKIE_AT, COOKIE = 4, b"\x21\x12\xa4\x42"
TRANSACTION = slice(4, 20)  # with the cookie, which is part of the key of IPv6 addresses
HEAD, CHANNEL_HEAD = 20, 4
ATTRIBUTES_LIMIT = 32
TEXT_LIMIT = 255
REQUEST, INDICATION, ERROR = 0x000, 0x010, 0x110
CLASS, CHANNEL = 0x110, 0x4000
METHODS = {1: "binding", 3: "allocate", 4: "refresh", 8: "create permission", 9: "channel bind", 10: "connect"}
MAPPED, ERROR_CODE, REALM, RELAYED, XOR_MAPPED, SOFTWARE = 0x0001, 0x0009, 0x0014, 0x0016, 0x0020, 0x8022
# The first attribute of [MS-TURN], whose attributes are not padded and partly have other types.
MICROSOFT, MS_XOR_MAPPED = b"\x00\x0f\x00\x04\x72\xc6\x4b\xc6", 0x8020
IPV4, IPV6, SIZES = 1, 2, {1: 4, 2: 16}
_HEAD = struct.Struct("!HH")


class StunRequest(Event):
    """A client requests its public address, or a relay for media (``allocate``). ``realm``: the service that it has an
    account of.
    """

    method: str
    software: str
    realm: str


class StunAnswer(Event):
    """The response of a server or peer. ``error``: 0 or as in RFC 8489, 14.8. ``address``: the client as the server
    sees it; ``relay``: the address that relays its media; 0 if absent.
    """

    method: str
    error: int
    software: str
    realm: str
    address: Address
    port: int
    relay: Address
    relay_port: int


class Stun(Discovery):
    """On any port by the cookie. Media has the ports of its checks, so that TCP is read at its beginning only."""

    interest = Interest(
        udp=(PORT,), tcp=(PORT,), magic=((COOKIE_AT, COOKIE),), repeats_s=60, volatile=(8, 20), stream=True, opening=4
    )
    reads_truncated = True

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        return _read(packet, data) if len(data) >= HEAD and _is_message(packet, data) else []

    def stream(self, packet: Packet) -> Stream:
        return StunStream()


class StunStream(FramedStream):
    """One connection to a relay: messages and channel data without another framing (RFC 8656, 12.5)."""

    head = 8
    exclusive = False

    def size(self, data: bytes, at: int) -> int:
        kind, size = _head(data, at)
        if kind & 0xC000 == CHANNEL:
            return CHANNEL_HEAD + size + -size % 4
        if kind & 0xC000 or data[at + COOKIE_AT : at + COOKIE_AT + 4] != COOKIE:
            raise Malformed("no message")
        return HEAD + size

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        return iter(_read(packet, data) if len(data) >= HEAD and not data[0] & 0xC0 else ())


def _head(data: bytes, at: int = 0) -> tuple[int, int]:
    """Type and length of a message or of channel data."""
    kind, size = _HEAD.unpack_from(data, at)
    return kind, size


def _is_message(packet: Packet, data: bytes) -> bool:
    """Whether a datagram begins a message. Without the cookie, which RFC 3489 does not know, only on its port, where
    other protocols are left alone.
    """
    kind, size = _head(data)
    if data[COOKIE_AT : COOKIE_AT + 4] == COOKIE:
        return kind < CHANNEL
    return PORT in (packet.sport, packet.dport) and kind & ~CLASS == 1 and size == len(data) - HEAD


def _read(packet: Packet, data: bytes) -> list[Parsed]:
    kind, size = _head(data)
    method, class_ = METHODS.get(kind & ~CLASS, ""), kind & CLASS
    if not method or class_ == INDICATION:
        return []
    microsoft = data.startswith(MICROSOFT, HEAD)
    found = _attributes(Reader(data, HEAD, min(HEAD + size, len(data))), padded=not microsoft)
    if HEAD + size > len(data):
        raise Malformed("message ends early")
    software, realm = clean(found.get(SOFTWARE, b""), TEXT_LIMIT), clean(found.get(REALM, b""), TEXT_LIMIT)
    own = facts(packet, (("stun.software", software),))
    if class_ == REQUEST:
        return [StunRequest(packet, method, software, realm), *own]
    (address, port), (relay, relay_port) = _addresses(found, data[TRANSACTION], microsoft)
    error = _error(found.get(ERROR_CODE, b"")) if class_ == ERROR else 0
    return [StunAnswer(packet, method, error, software, realm, address, port, relay, relay_port), *own]


def _addresses(found: dict[int, bytes], key: bytes, microsoft: bool) -> tuple[tuple[int, int], tuple[int, int]]:
    """The client's public address, and the relay. Microsoft's relays name theirs in place of the client's."""
    get = found.get
    if microsoft:
        return _address(get(MS_XOR_MAPPED, b""), key), _address(get(MAPPED, b""))
    public = _address(found[XOR_MAPPED], key) if XOR_MAPPED in found else _address(get(MAPPED, b""))
    return public, _address(get(RELAYED, b""), key)


def _attributes(reader: Reader, *, padded: bool) -> dict[int, bytes]:
    """Values by type; the first of each type counts (RFC 8489, 14)."""
    found: dict[int, bytes] = {}
    for _ in range(ATTRIBUTES_LIMIT):
        if not reader.left:
            return found
        kind, size = reader.u16(), reader.u16()
        found.setdefault(kind, reader.take(size))
        reader.skip(min(-size % 4, reader.left) if padded else 0)
    raise Malformed("too many attributes")


def _address(raw: bytes, key: bytes = bytes(16)) -> tuple[int, int]:
    """Address and port, combined with the cookie and the transaction id by exclusive or (RFC 8489, 14.2)."""
    if not raw:
        return NONE, 0
    family = raw[1] if len(raw) > 1 else 0
    size = SIZES.get(family)
    if size is None or len(raw) != 4 + size:
        raise Malformed("address of a wrong size")
    port = int.from_bytes(raw[2:4], "big") ^ int.from_bytes(key[:2], "big")
    number = int.from_bytes(raw[4:], "big") ^ int.from_bytes(key[:size], "big")
    return (V4 | number if family == IPV4 else number), port


def _error(raw: bytes) -> int:
    """Hundreds in three bits, and the rest in a byte (RFC 8489, 14.8)."""
    if len(raw) < 4:
        raise Malformed("error code of a wrong size")
    return (raw[2] & 7) * 100 + raw[3]
