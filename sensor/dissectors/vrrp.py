"""Virtual Router Redundancy Protocol, versions 2 and 3 (RFC 3768, RFC 9568): the active router of a virtual address.

Only the current master sends messages. Ignores timers, the checksum and the authentication of version 2. Messages never
leave their segment, so they have a TTL of 255; others are ignored.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.addresses import Address, v4
from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.truncation import incomplete

PROTOCOL = 112
HEADER = 8
ADVERTISEMENT = 1
VERSIONS = (2, 3)
TTL = 255
ADDRESSES_LIMIT = 16


class VrrpAdvertisement(Event):
    """A router is the master of a group. ``priority`` 255: it owns the ``addresses``; 0: it resigns."""

    version: int
    group: int
    priority: int
    addresses: tuple[Address, ...]


class Vrrp(Dissector):
    """The master repeats messages every second; each shows that it is alive."""

    interest = Interest(protocols=(PROTOCOL,))

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        if len(data) < HEADER:
            return incomplete(packet)
        version, kind = data[0] >> 4, data[0] & 15
        if version not in VERSIONS or kind != ADVERTISEMENT or packet.ttl != TTL:
            return iter(())
        size = 16 if packet.ip_version == 6 else 4
        last = HEADER + size * min(data[3], ADDRESSES_LIMIT)
        if len(data) < last and not packet.truncated:
            raise Malformed("addresses end early")
        found = tuple(_address(data[at : at + size]) for at in range(HEADER, min(last, len(data) - size + 1), size))
        return iter((VrrpAdvertisement(packet, version, data[1], data[2], found),))


def _address(raw: bytes) -> Address:
    number = int.from_bytes(raw, "big")
    return v4(number) if len(raw) == 4 else number
