"""Port Control Protocol over UDP port 5351 (RFC 6887): port mapping requests to a router, also for other hosts, and its
responses; also those of its predecessor NAT-PMP (RFC 6886), which has the same port and another version.

Reads mappings (MAP) and explicit peers (PEER) of version 2, and of options only THIRD_PARTY.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.addresses import NONE, Address
from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader
from sensor.dissectors.shared import nat_pmp

PORT, ANNOUNCE_PORT = 5351, 5350
ANSWER = 0x80
ANNOUNCE, MAP, PEER = 0, 1, 2
OPERATIONS = {MAP: "map", PEER: "peer"}
THIRD_PARTY = 1
OPTIONS_LIMIT = 16
SIZE_LIMIT = 1100  # bytes (RFC 6887, 7)
NONCE = 12
PEER_TAIL = 20  # port, reserved, address of the peer
PROTOCOLS = {0: "all", 6: "tcp", 17: "udp"}


class PcpRequest(Event):
    """A request to map ``external_port`` to ``internal_port`` of ``client`` for ``lifetime_s``; ``operation``: map or
    peer.
    """

    operation: str
    client: Address
    protocol: str
    internal_port: int
    external_port: int
    lifetime_s: int


class PcpAnswer(Event):
    """A router's response; ``result`` 0: success (RFC 6887, 7.4). ``address`` and ``external_port``: the external side
    of the mapping.
    """

    operation: str
    result: int
    protocol: str
    internal_port: int
    external_port: int
    address: Address
    lifetime_s: int


class PcpAnnouncement(Event):
    """A router announces that its mappings may be lost, or a client asks whether they are (RFC 6887, 14.1)."""

    answer: bool


class Pcp(Dissector):
    """Clients repeat requests until they are answered."""

    interest = Interest(udp=(PORT, ANNOUNCE_PORT), repeats_s=60, shares=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        read = READERS.get(data[0]) if data else None
        if read is None:
            return iter(())
        try:
            return iter(read(packet, Reader(data, 1)))
        except Malformed:
            if packet.truncated:
                return iter(())
            raise


def _read(packet: Packet, reader: Reader) -> list[Parsed]:
    if reader.left >= SIZE_LIMIT:
        raise Malformed("message too long")
    operation = reader.u8()
    answer, name = operation & ANSWER, OPERATIONS.get(operation & ~ANSWER, "")
    reader.skip(1)
    result, lifetime = reader.u8(), reader.u32()
    client = int.from_bytes(reader.take(16), "big")  # in a response: the router's epoch time, and reserved bytes
    if not name:
        return [PcpAnnouncement(packet, bool(answer))] if operation & ~ANSWER == ANNOUNCE else []
    reader.skip(NONCE)
    proto = reader.u8()
    reader.skip(3)
    inner, outer, address = reader.u16(), reader.u16(), int.from_bytes(reader.take(16), "big")
    protocol = PROTOCOLS.get(proto, str(proto))
    if answer:
        return [PcpAnswer(packet, name, result, protocol, inner, outer, address, lifetime)]
    if name == "peer":
        reader.skip(PEER_TAIL)
    return [PcpRequest(packet, name, _third_party(reader) or client, protocol, inner, outer, lifetime)]


def _third_party(reader: Reader) -> int:
    """The host that the mapping is for, if it is not the client."""
    for _ in range(OPTIONS_LIMIT):
        if reader.left < 4:
            break
        code = reader.u8()
        reader.skip(1)
        body = reader.take(reader.u16())
        reader.skip(min(-len(body) % 4, reader.left))
        if code == THIRD_PARTY and len(body) == 16:
            return int.from_bytes(body, "big")
    return NONE


READERS = {0: nat_pmp.read, 2: _read}
"""By version."""
