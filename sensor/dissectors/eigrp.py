"""EIGRP (RFC 7868): who takes part in the protocol, and how many routes are announced.

Reads the operation, and the types of the parts of a message: authentication and routes. Ignores metrics, destinations
and acknowledgments.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.packet import Packet
from sensor.dissectors.shared.routing_events import RoutingMessage
from sensor.dissectors.shared.truncation import incomplete

PROTOCOL = 88
VERSION = 2
HEADER, PART = 20, 4
KINDS = {1: "update", 3: "query", 4: "reply", 5: "hello", 10: "query", 11: "reply"}
AUTHENTICATION = 0x0002
# Routes of each address family in the classic format, and of all in the wide format (6.7, 6.8).
ROUTES = frozenset((0x0102, 0x0103, 0x0402, 0x0403, 0x0602, 0x0603))
PARTS_LIMIT = 256


class EigrpMessage(RoutingMessage):
    """A message of EIGRP. ``system``: the autonomous system."""

    system: int


class Eigrp(Dissector):
    """Hellos are sent every five seconds; of identical ones one in five seconds is read."""

    interest = Interest(protocols=(PROTOCOL,), repeats_s=5)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        if len(data) < 2 or data[0] != VERSION or data[1] not in KINDS:
            return iter(())
        if len(data) < HEADER:
            return incomplete(packet)
        kinds = _parts(data)
        routes, signed = sum(kind in ROUTES for kind in kinds), AUTHENTICATION in kinds
        system = int.from_bytes(data[18:20], "big")
        return iter((EigrpMessage(packet, KINDS[data[1]], routes, signed, system),))


def _parts(data: bytes) -> list[int]:
    """Types of the parts, up to one with an invalid length."""
    kinds: list[int] = []
    at = HEADER
    while at + PART <= len(data) and len(kinds) < PARTS_LIMIT:
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        if size < PART:
            break
        kinds.append(int.from_bytes(data[at : at + 2], "big"))
        at += size
    return kinds
