"""NAT-PMP over UDP port 5351 (RFC 6886): port mapping requests to a router, and its responses.

Version 0 only; its successor PCP, on the same port, is another dissector. A lifetime of 0 removes a mapping.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.addresses import NONE, Address, v4
from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader

PORT, ANNOUNCE_PORT = 5351, 5350
VERSION = 0
ADDRESS, UDP_MAPPING, TCP_MAPPING, ANSWER = 0, 1, 2, 128
PROTOCOLS = {UDP_MAPPING: "udp", TCP_MAPPING: "tcp"}


class NatPmpRequest(Event):
    """A client requests a mapping of ``external_port`` to its ``internal_port`` (0: all) for ``lifetime_s``."""

    protocol: str
    internal_port: int
    external_port: int
    lifetime_s: int


class NatPmpAnswer(Event):
    """A router's response; ``result`` 0: success (RFC 6886, 3.5)."""

    protocol: str
    result: int
    internal_port: int
    external_port: int
    lifetime_s: int


class NatPmpQuestion(Event):
    """A client requests its router's external address."""


class NatPmpAddress(Event):
    """A router announces its external address, on request or after a change."""

    result: int
    address: Address


class NatPmp(Dissector):
    """Clients repeat requests until they are answered."""

    interest = Interest(udp=(PORT, ANNOUNCE_PORT), repeats_s=60)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        if not data or data[0] != VERSION:
            return iter(())
        try:
            return iter(_read(packet, Reader(data, 1)))
        except Malformed:
            if packet.truncated:
                return iter(())
            raise


def _read(packet: Packet, reader: Reader) -> list[Parsed]:
    operation = reader.u8()
    if operation == ADDRESS:
        return [NatPmpQuestion(packet)]
    if operation in PROTOCOLS:
        reader.skip(2)
        return [NatPmpRequest(packet, PROTOCOLS[operation], reader.u16(), reader.u16(), reader.u32())]
    result = reader.u16()
    reader.skip(4)  # seconds since the start of the router
    if operation == ANSWER:
        address = reader.u32() if reader.left >= 4 else 0
        return [NatPmpAddress(packet, result, v4(address) if address else NONE)]
    if operation - ANSWER in PROTOCOLS:
        return [NatPmpAnswer(packet, PROTOCOLS[operation - ANSWER], result, reader.u16(), reader.u16(), reader.u32())]
    raise Malformed("unknown operation")
