"""ICMP for IPv4 and IPv6 (RFC 792, 950, 1256, 4443): echo, errors, redirects, router advertisements, and queries for a
host's clock and netmask.

Ignores the checksum, neighbour discovery (its own file) and listener reports. The packet quoted by an error is parsed
only up to addresses and ports. Payloads are reported by size, entropy and kind, never by content.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from sensor.core.addresses import NONE, V4, Address
from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.ip_protocols import ICMPV6
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.dissectors.shared.truncation import incomplete

ECHO_REPLY, UNREACHABLE, QUENCH, REDIRECT, ECHO, ADVERTISEMENT, EXCEEDED, PROBLEM = 0, 3, 4, 5, 8, 9, 11, 12
TIMESTAMP, TIMESTAMP_REPLY, INFORMATION, INFORMATION_REPLY, MASK, MASK_REPLY = range(13, 19)
UNREACHABLE_6, TOO_BIG_6, EXCEEDED_6, PROBLEM_6, ECHO_6, ECHO_REPLY_6, NODE_6 = 1, 2, 3, 4, 128, 129, 139
HEADER = 8
WORD = 4
MEASURED = 512  # bytes of a payload that are measured
STAMP = 16  # bytes at the beginning in which programs store the time
LOOKED_AT = 128  # following bytes that show a pattern
LEAST_SHOWN = 48  # bytes of a truncated payload that are classified: time stamps of programs fill up to 24
STEADY = 0.8
_TEXT = lazy_pattern(rb"[ -~]{12,}")
QUERIES = {TIMESTAMP: "timestamp", INFORMATION: "information", MASK: "mask"}
QUERY_REPLIES = {TIMESTAMP_REPLY: "timestamp", INFORMATION_REPLY: "information", MASK_REPLY: "mask"}
ERRORS = {UNREACHABLE: "unreachable", QUENCH: "quench", EXCEEDED: "exceeded", PROBLEM: "problem"}
ERRORS_6 = {UNREACHABLE_6: "unreachable", TOO_BIG_6: "too_big", EXCEEDED_6: "exceeded", PROBLEM_6: "problem"}


class IcmpMessage(Event):
    """An echo request or reply. The ``size`` of its data is in bytes as sent, ``disorder`` in bits a byte (0: all
    alike, 8: random) of its first half kilobyte.

    ``carries``: ``pattern`` (bytes that count up or are all alike, as ping programs send), ``packet`` (a whole IP
    packet), ``text`` or ``data``; of a truncated message by the captured beginning, empty if that is too short.
    ``shown``: captured bytes.
    """

    id: int
    sequence: int
    size: int
    disorder: float = 0.0
    code: int = 0
    carries: str = ""
    shown: int = 0


class IcmpEcho(IcmpMessage):
    """A request for an echo."""


class IcmpEchoReply(IcmpMessage):
    """The reply to an echo request, with its data."""


class IcmpQuery(Event):
    """A query for properties of a host: ``what`` is timestamp, information, mask or node. ``size`` of the message."""

    what: str
    size: int


class IcmpQueryReply(Event):
    """The reply; ``value`` is the netmask if that was requested."""

    what: str
    value: int = 0


class IcmpError(Event):
    """Error for a packet from ``client`` to ``server``: ``what`` is unreachable, exceeded, too_big, problem or quench.
    Ends are 0 if it quotes none.
    """

    what: str
    code: int
    client: Address
    server: Address
    proto: int
    port: int


class IcmpRedirect(Event):
    """Send what is for ``destination`` to ``gateway`` instead (RFC 792)."""

    gateway: Address
    destination: Address


class IcmpRouterAdvertisement(Event):
    """Addresses of routers that hosts may use (RFC 1256, 3), with the lifetime and the highest preference."""

    routers: tuple[Address, ...]
    lifetime_s: int
    preference: int


class Icmp(Dissector):
    """The same query of a sender is reported once in ten seconds, regardless of its sequence number and checksum."""

    interest = Interest(
        icmp=(ECHO_REPLY, REDIRECT, ECHO, ADVERTISEMENT, *ERRORS, *QUERIES, *QUERY_REPLIES),
        icmp6=(*ERRORS_6, ECHO_6, ECHO_REPLY_6, NODE_6),
        repeats_s=10,
        volatile=(2, 8),
    )

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        if len(data) < HEADER:
            return incomplete(packet)
        parsed = _version_6(packet, data) if packet.proto == ICMPV6 else _version_4(packet, data)
        return iter((parsed,) if parsed else ())


def _version_4(packet: Packet, data: bytes) -> Event | None:
    kind, code = data[0], data[1]
    if kind in (ECHO, ECHO_REPLY):
        return _echo(IcmpEcho if kind == ECHO else IcmpEchoReply, packet, data)
    if kind in QUERIES:
        return IcmpQuery(packet, QUERIES[kind], len(data))
    if kind in QUERY_REPLIES:
        mask = int.from_bytes(data[8:12], "big") if kind == MASK_REPLY and len(data) >= 12 else 0
        return IcmpQueryReply(packet, QUERY_REPLIES[kind], mask)
    if kind == REDIRECT:
        _, server, _, _ = _quoted_4(data)
        gateway = int.from_bytes(data[4:8], "big")
        return IcmpRedirect(packet, V4 | gateway if gateway else NONE, server)
    if kind == ADVERTISEMENT:
        return _advertisement(packet, data)
    return IcmpError(packet, ERRORS[kind], code, *_quoted_4(data)) if kind in ERRORS else None


def _advertisement(packet: Packet, data: bytes) -> Event | None:
    """Each entry begins with an address and a preference; further words are for later versions (RFC 1256, 4.2)."""
    count, size = data[4], data[5] * WORD
    if size < 2 * WORD or len(data) < HEADER + count * size:
        incomplete(packet)
        return None
    entries = [data[at : at + 2 * WORD] for at in range(HEADER, HEADER + count * size, size)]
    return IcmpRouterAdvertisement(
        packet,
        tuple(V4 | int.from_bytes(entry[:WORD], "big") for entry in entries),
        int.from_bytes(data[6:8], "big"),
        max((int.from_bytes(entry[WORD:], "big", signed=True) for entry in entries), default=0),
    )


def _version_6(packet: Packet, data: bytes) -> Event | None:
    kind, code = data[0], data[1]
    if kind in (ECHO_6, ECHO_REPLY_6):
        return _echo(IcmpEcho if kind == ECHO_6 else IcmpEchoReply, packet, data)
    if kind == NODE_6:
        return IcmpQuery(packet, "node", len(data))
    return IcmpError(packet, ERRORS_6[kind], code, *_quoted_6(data)) if kind in ERRORS_6 else None


def _echo(kind: type[IcmpMessage], packet: Packet, data: bytes) -> IcmpMessage:
    body = data[HEADER:]
    size = len(body) + (max(0, packet.wirelen - len(packet.frame)) if packet.truncated else 0)
    return kind(
        packet,
        int.from_bytes(data[4:6], "big"),
        int.from_bytes(data[6:8], "big"),
        size,
        _disorder(body[:MEASURED]),
        data[1],
        _carries(body, size),
        len(body),
    )


def _carries(body: bytes, size: int) -> str:
    """The type of data in an echo of ``size`` bytes; empty if it has none, or too little is captured."""
    if len(body) < min(size, LEAST_SHOWN):
        return ""
    if len(body) >= 20 and body[0] == 0x45 and int.from_bytes(body[2:4], "big") == size:
        return "packet"
    if len(body) >= 40 and body[0] >> 4 == 6 and int.from_bytes(body[4:6], "big") + 40 == size:
        return "packet"
    body = body[:MEASURED]
    steady, texts = body[STAMP : STAMP + LOOKED_AT], _TEXT.findall(body)
    if not steady or _steps(steady) >= STEADY:
        return "text" if any(_steps(text) < STEADY for text in texts) else "pattern" if body else ""
    return "text" if sum(map(len, texts)) * 2 > len(body) else "data"


def _steps(data: bytes) -> float:
    """The share of bytes equal to the previous byte or its successor."""
    if len(data) < 2:
        return 1.0
    return sum((after - before) & 255 < 2 for before, after in pairwise(data)) / (len(data) - 1)


def _disorder(body: bytes) -> float:
    """Entropy in bits per byte."""
    if not body:
        return 0.0
    shares = [count / len(body) for count in Counter(body).values()]
    return round(-sum(share * math.log2(share) for share in shares), 2) + 0.0  # never -0.0


def _quoted_4(data: bytes) -> tuple[int, int, int, int]:
    """Source, destination, protocol and destination port of the packet in an error (RFC 792); zeros if absent."""
    inner = data[HEADER:]
    if len(inner) < 20 or inner[0] >> 4 != 4:
        return 0, 0, 0, 0
    head = (inner[0] & 15) * 4
    port = int.from_bytes(inner[head + 2 : head + 4], "big") if inner[9] in (6, 17) and len(inner) >= head + 4 else 0
    return V4 | int.from_bytes(inner[12:16], "big"), V4 | int.from_bytes(inner[16:20], "big"), inner[9], port


def _quoted_6(data: bytes) -> tuple[int, int, int, int]:
    """The same for IPv6 (RFC 4443, 2.4), without extension headers."""
    inner = data[HEADER:]
    if len(inner) < 40 or inner[0] >> 4 != 6:
        return 0, 0, 0, 0
    port = int.from_bytes(inner[42:44], "big") if inner[6] in (6, 17) and len(inner) >= 44 else 0
    return int.from_bytes(inner[8:24], "big"), int.from_bytes(inner[24:40], "big"), inner[6], port
