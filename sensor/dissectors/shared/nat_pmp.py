"""NAT-PMP (RFC 6886), which is version 0 of PCP: port mapping requests to a router, and its responses. A lifetime of 0
removes a mapping.
"""

from __future__ import annotations

from sensor.core.addresses import NONE, Address, v4
from sensor.core.dissector import Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader

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


def read(packet: Packet, reader: Reader) -> list[Parsed]:
    """The event of a message, read behind its version."""
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
