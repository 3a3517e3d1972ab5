"""Multicast listener discovery, versions 1 and 2 (RFC 2710, RFC 3810): membership in IPv6 multicast groups; and
multicast router discovery (RFC 4286).

Groups indicate the services that a host runs. Solicited-node groups (RFC 4291, 2.7.1) contain only the end of an
address and are no facts. Ignores the checksum, timers and lists of sources. Messages never leave their segment, so they
come with a hop limit of 1; others are ignored.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.addresses import Address, is_multicast
from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.groups import membership, records
from sensor.dissectors.shared.sender_facts import fact
from sensor.dissectors.shared.truncation import incomplete

QUERY, REPORT_1, DONE, REPORT_2 = 130, 131, 132, 143
ROUTER_ADVERTISEMENT, ROUTER_SOLICITATION, ROUTER_TERMINATION = 151, 152, 153
SIZES = {
    QUERY: 24, REPORT_1: 24, DONE: 24, REPORT_2: 8,
    ROUTER_ADVERTISEMENT: 8, ROUTER_SOLICITATION: 4, ROUTER_TERMINATION: 4,
}  # fmt: skip
QUERY_2_SIZE = 28
HOP_LIMIT = 1
SOLICITED_NODES = 0xFF0200000000000000000001FF000000 >> 24


class MldQuery(Event):
    """A router, or a switch in its place, queries memberships; ``group`` 0: of all groups. ``version`` of
    the protocol.
    """

    version: int
    group: Address


class MldReport(Event):
    """A host is a member of these groups, or leaves them (``left``)."""

    version: int
    joined: tuple[Address, ...]
    left: tuple[Address, ...]


class MldRouter(Event):
    """Multicast router discovery: a router announces itself (``present``), or leaves; or a switch solicits one
    (``wanted``).
    """

    present: bool
    wanted: bool


class Mld(Dissector):
    """Payloads are whole ICMPv6 messages from the type byte on. Hosts repeat their reports at each query."""

    interest = Interest(icmp6=tuple(SIZES), repeats_s=120)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        size = SIZES.get(data[0]) if data else None
        if size is None or packet.ttl != HOP_LIMIT:
            return iter(())
        if len(data) < size:
            return incomplete(packet)
        if data[0] == REPORT_2:
            joined, left = records(data, 8, 16, 0, packet.truncated)
            return iter((MldReport(packet, 2, tuple(joined), tuple(left)), *_facts(packet, joined)))
        return iter(_router(packet, data[0]) if data[0] >= ROUTER_ADVERTISEMENT else _older(packet, data))


def _older(packet: Packet, data: bytes) -> list[Parsed]:
    """A query of either version, and report and done messages of the first: one group each."""
    group = int.from_bytes(data[8:24], "big")
    if (group or data[0] != QUERY) and not is_multicast(group):
        raise Malformed("group is not a multicast address")
    if data[0] == QUERY:
        return [MldQuery(packet, 2 if len(data) >= QUERY_2_SIZE else 1, group), fact(packet, "mld.role", "querier")]
    if data[0] == DONE:
        return [MldReport(packet, 1, (), (group,))]
    return [MldReport(packet, 1, (group,), ()), *_facts(packet, [group])]


def _router(packet: Packet, kind: int) -> list[Parsed]:
    if kind == ROUTER_ADVERTISEMENT:
        return [MldRouter(packet, True, False), fact(packet, "mld.role", "multicast_router")]
    return [MldRouter(packet, False, kind == ROUTER_SOLICITATION)]


def _facts(packet: Packet, groups: list[int]) -> list[Parsed]:
    return membership(packet, "mld.group", [group for group in groups if group >> 24 != SOLICITED_NODES])
