"""Shared by IGMP and MLD: group records of their last versions, and facts about group membership (RFC 3376, 4.2.12; RFC
3810, 5.2.12).
"""

from __future__ import annotations

from sensor.core.addresses import is_multicast, text
from sensor.core.dissector import Parsed
from sensor.core.observation import Observation, Subject
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader

RECORDS_LIMIT = 128
IS_INCLUDE, IS_EXCLUDE, TO_INCLUDE, TO_EXCLUDE, ALLOW, BLOCK = range(1, 7)


def records(data: bytes, offset: int, size: int, prefix: int, truncated: bool) -> tuple[list[int], list[int]]:
    """(groups the sender is in or joins, groups it leaves) of a report whose count of records is at ``offset`` - 2.
    Addresses have ``size`` bytes; ``prefix`` maps them to our addresses. A truncated record is left out.
    """
    joined: dict[int, None] = {}
    left: dict[int, None] = {}
    reader = Reader(data, offset)
    try:
        for _ in range(min(data[offset - 2] << 8 | data[offset - 1], RECORDS_LIMIT)):
            kind, auxiliary, sources = reader.u8(), reader.u8(), reader.u16()
            group = prefix | int.from_bytes(reader.take(size), "big")
            reader.skip(sources * size + auxiliary * 4)
            if not is_multicast(group):
                continue
            if kind in (IS_EXCLUDE, TO_EXCLUDE, ALLOW) or (kind in (IS_INCLUDE, TO_INCLUDE) and sources):
                joined[group] = None
            elif kind in (TO_INCLUDE, BLOCK):
                left[group] = None
    except Malformed:
        if not truncated:
            raise
    return list(joined), list(left)


def membership(packet: Packet, kind: str, groups: list[int]) -> list[Parsed]:
    """The sender is in these groups."""
    ts, subject, flow = packet.ts, Subject(packet.src_mac, packet.src, packet.vlan), packet.flow
    return [Observation(ts, subject, kind, text(group), flow) for group in groups]
