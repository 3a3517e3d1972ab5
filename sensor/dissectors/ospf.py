"""OSPF (RFC 2328, RFC 5340): who takes part in the protocol, and how many links are announced.

Reads the type of a message, whether it is authenticated, and the number of announcements of an update. Ignores their
content, the databases of the routers, and the checksums.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.packet import Packet
from sensor.dissectors.shared.routing_events import RoutingMessage
from sensor.dissectors.shared.truncation import incomplete

PROTOCOL = 89
KINDS = {1: "hello", 2: "description", 3: "request", 4: "update", 5: "acknowledgment"}
UPDATE = 4
# Sizes of the header: version 2 ends with the authentication (D.3), version 3 with the instance (A.3.1).
HEADERS = {2: 24, 3: 16}
AUTHENTICATION = 14


class OspfMessage(RoutingMessage):
    """A message of OSPF; ``operation`` as in the RFC, ``routes`` of updates only."""

    version: int


class Ospf(Dissector):
    """Hellos are sent every ten seconds; of identical ones one in five seconds is read."""

    interest = Interest(protocols=(PROTOCOL,), repeats_s=5)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        size = HEADERS.get(data[0] if data else 0, 0)
        if not size or len(data) < 2 or data[1] not in KINDS:
            return iter(())
        if len(data) < size + 4:
            return incomplete(packet)
        signed = size == HEADERS[2] and data[AUTHENTICATION : AUTHENTICATION + 2] != b"\0\0"
        routes = int.from_bytes(data[size : size + 4], "big") if data[1] == UPDATE else 0
        return iter((OspfMessage(packet, KINDS[data[1]], min(routes, 0xFFFF), signed, data[0]),))
