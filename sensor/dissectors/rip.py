"""RIP (RFC 1058, RFC 2453) and RIPng (RFC 2080): who takes part in the protocol, and how many routes are announced.

Reads the command, whether the message is authenticated, and the number of reachable routes. Ignores their destinations
and metrics.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.routing_events import RoutingMessage

RIP, RIPNG = 520, 521
KINDS = {1: "request", 2: "update"}
HEADER, ENTRY = 4, 20
INTERNET, AUTHENTICATION = b"\0\x02", b"\xff\xff"
UNREACHABLE = 16
NEXT_HOP = 0xFF  # in place of the metric (RFC 2080, 2.1.1)


class RipMessage(RoutingMessage):
    """A message of RIP or RIPng. ``ipv6``: it is of RIPng."""

    version: int
    ipv6: bool = False


class Rip(Dissector):
    """Updates are sent every 30 seconds; of identical ones one a minute is read."""

    interest = Interest(udp=(RIP, RIPNG), repeats_s=60, shares=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        if len(data) < HEADER or data[0] not in KINDS or data[2:HEADER] != b"\0\0":
            return iter(())
        newer = RIPNG in (packet.sport, packet.dport)
        if data[1] not in ((1,) if newer else (1, 2)):
            return iter(())
        if len(data) % ENTRY != HEADER and not packet.truncated:
            raise Malformed("message ends within a route")
        entries = [data[at : at + ENTRY] for at in range(HEADER, len(data) - ENTRY + 1, ENTRY)]
        signed = not newer and any(entry.startswith(AUTHENTICATION) for entry in entries)
        routes = sum(entry[-1] not in (UNREACHABLE, NEXT_HOP) if newer else _reachable(entry) for entry in entries)
        return iter((RipMessage(packet, KINDS[data[0]], routes, signed, data[1], newer),))


def _reachable(entry: bytes) -> bool:
    """Whether an entry of RIP is a route with a metric below infinity."""
    return entry.startswith(INTERNET) and int.from_bytes(entry[-4:], "big") < UNREACHABLE
