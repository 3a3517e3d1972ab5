"""DNS over UDP and TCP (RFC 1035; messages on TCP are length-prefixed, RFC 7766).

Reads the first question, the answer records, and names in updates (RFC 2136). Ignores other authority and additional
records, extensions (EDNS) and signatures. Multicast DNS has its own dissector. A host that answers from port 53 is a
server, and its queries may be on behalf of others: they are no evidence about itself, which the inventory accounts for.
A requested name is a fact about a client only if the client intends to connect: addresses or services of the host, with
recursion, not from the port of servers.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.dns_codes import AAAA, HTTPS, UPDATE, A
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.dns_message import HEADER_SIZE, Message, Record, added, read
from sensor.dissectors.shared.framing import FramedStream
from sensor.dissectors.shared.sender_facts import fact

PORT = 53
SIZE = 2  # bytes of the size before a message over TCP
OPERATIONS = (0, 1, 2, 4, 5, 6)  # assigned ones: query, inverse query, status, notify, update, stateful operations
TRUNCATED, RECURSION = 0x0200, 0x0100
OF_HOSTS = (A, AAAA, HTTPS)


class DnsQuery(Event):
    """A client's query. ``operation`` 0 is an ordinary query; ``type`` is the number of the record type, 252 a whole
    zone.
    """

    id: int
    name: str
    type: int
    operation: int
    recursion: bool


class DnsResponse(Event):
    """A server's response. ``rcode`` 3: no such name. ``truncated``: the response did not fit, and the query will be
    repeated over TCP.
    """

    id: int
    name: str
    type: int
    rcode: int
    truncated: bool
    answers: tuple[Record, ...]


class DnsUpdate(Event):
    """A client's request to change a zone. ``added``: names for which it adds records."""

    zone: str
    added: tuple[str, ...]


class Dns(Dissector):
    """Repeats are recognized regardless of the message id."""

    interest = Interest(udp=(PORT,), tcp=(PORT,), stream=True, repeats_s=5, volatile=(0, 2))

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        message = read(packet.payload, packet.truncated, False)
        return iter(_parsed(packet, packet.payload, message) if message else ())

    def stream(self, packet: Packet) -> Stream:
        return DnsStream()


class DnsStream(FramedStream):
    """One TCP connection: each message has its size before it."""

    head = SIZE
    keep = SIZE + 0xFFFF

    def size(self, data: bytes, at: int) -> int:
        size = data[at] << 8 | data[at + 1]
        if size < HEADER_SIZE:
            raise Malformed("message shorter than its header")
        return SIZE + size

    def aligned(self, data: bytes) -> bool:
        """Also a segment that begins a longer response to one ordinary query, which was not captured."""
        begins = len(data) >= SIZE + HEADER_SIZE and data[4] & 0xF8 == 0x80 and data[6:8] == b"\0\1"
        return begins or super().aligned(data)

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        raw = data[SIZE:]
        message = read(raw, False, False)
        return iter(_parsed(packet, raw, message) if message else ())


def _parsed(packet: Packet, data: bytes, message: Message) -> list[Parsed]:
    """The event and the facts of one message."""
    if message.operation not in OPERATIONS:
        raise Malformed("unknown operation")
    id_, flags = data[0] << 8 | data[1], message.flags
    name, type_ = "", 0
    if message.questions:
        name, type_ = message.questions[0].name, message.questions[0].type
    if message.response:
        parsed: list[Parsed] = [
            DnsResponse(packet, id_, name, type_, flags & 15, bool(flags & TRUNCATED), message.records)
        ]
        if packet.sport == PORT:
            parsed.append(fact(packet, "dns.role", "dns_server"))
        return parsed
    parsed = [DnsQuery(packet, id_, name, type_, message.operation, bool(flags & RECURSION))]
    if message.operation == UPDATE:
        parsed.append(DnsUpdate(packet, name, added(data, packet.truncated)))
    if name and type_ in OF_HOSTS and flags & RECURSION and not message.operation and packet.sport != PORT:
        parsed.append(fact(packet, "dns.query", name))
    return parsed
