"""IGMP versions 1 to 3 (RFC 1112 appendix I, RFC 2236, RFC 3376) and multicast router discovery (RFC 4286): who listens
to which multicast groups.

Groups are a hint of what a machine runs. Ignores the checksum, timers and lists of sources, and what else uses the
protocol number (DVMRP, old PIM, traces). Messages never leave their segment, so they come with a TTL of 1; others are
ignored.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.addresses import V4, Address, is_multicast
from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.groups import membership, records
from sensor.dissectors.shared.sender_facts import fact
from sensor.dissectors.shared.truncation import incomplete

PROTOCOL = 2
QUERY, REPORT_1, REPORT_2, LEAVE, REPORT_3 = 0x11, 0x12, 0x16, 0x17, 0x22
ROUTER_ADVERTISEMENT, ROUTER_SOLICITATION, ROUTER_TERMINATION = 0x30, 0x31, 0x32
READ = frozenset(
    (QUERY, REPORT_1, REPORT_2, LEAVE, REPORT_3, ROUTER_ADVERTISEMENT, ROUTER_SOLICITATION, ROUTER_TERMINATION)
)
SIZE, QUERY_3_SIZE, DISCOVERY_SIZE = 8, 12, 4
TTL = 1


class IgmpQuery(Event):
    """A router, or a switch in its place, queries memberships; ``group`` 0: of all groups. ``version`` of
    the protocol.
    """

    version: int
    group: Address


class IgmpReport(Event):
    """A host is a member of these groups, or leaves them (``left``)."""

    version: int
    joined: tuple[Address, ...]
    left: tuple[Address, ...]


class IgmpRouter(Event):
    """Multicast router discovery: a router announces itself (``present``), or leaves; or a switch solicits one
    (``wanted``).
    """

    present: bool
    wanted: bool


class Igmp(Dissector):
    """Hosts repeat their reports at each query."""

    interest = Interest(protocols=(PROTOCOL,), repeats_s=120)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        if not data or data[0] not in READ or packet.ttl != TTL:
            return iter(())
        kind = data[0]
        if len(data) < (DISCOVERY_SIZE if kind in (ROUTER_SOLICITATION, ROUTER_TERMINATION) else SIZE):
            return incomplete(packet)
        if kind == REPORT_3:
            joined, left = records(data, 8, 4, V4, packet.truncated)
            return iter((IgmpReport(packet, 3, tuple(joined), tuple(left)), *membership(packet, "igmp.group", joined)))
        if kind >= ROUTER_ADVERTISEMENT:
            return iter(_router(packet, kind))
        return iter(_older(packet, kind, data))


def _older(packet: Packet, kind: int, data: bytes) -> list[Parsed]:
    """A query of any version, and reports of the first two: one group each."""
    number = int.from_bytes(data[4:8], "big")
    group = V4 | number if number else 0
    if group and not is_multicast(group):
        raise Malformed("group is not a multicast address")
    if kind == QUERY:
        version = 3 if len(data) >= QUERY_3_SIZE else 2 if data[1] else 1  # RFC 3376, 7.1
        return [IgmpQuery(packet, version, group), fact(packet, "igmp.role", "querier")]
    if not group:
        raise Malformed("group is not a multicast address")
    if kind == LEAVE:
        return [IgmpReport(packet, 2, (), (group,))]
    return [IgmpReport(packet, 1 if kind == REPORT_1 else 2, (group,), ()), *membership(packet, "igmp.group", [group])]


def _router(packet: Packet, kind: int) -> list[Parsed]:
    if kind == ROUTER_ADVERTISEMENT:
        return [IgmpRouter(packet, True, False), fact(packet, "igmp.role", "multicast_router")]
    return [IgmpRouter(packet, False, kind == ROUTER_SOLICITATION)]
