"""Where the network layer of a frame begins, by the link type of the pcap registry (draft-ietf-opsawg-pcaplinktype)."""

from __future__ import annotations

from typing import NamedTuple

ETHERNET, NULL, LOOP, SLL, SLL2 = 1, 0, 108, 113, 276
# LINKTYPE_RAW, its numbers on BSD and Linux, LINKTYPE_IPV4 and LINKTYPE_IPV6.
RAW = (101, 12, 14, 228, 229)
NAMES = {NULL: "BSD loopback", LOOP: "OpenBSD loopback", SLL: "Linux cooked", SLL2: "Linux cooked v2"}
IP_VERSIONS = {4: 0x0800, 6: 0x86DD}


class NetworkStart(NamedTuple):
    """``kind``: ethertype; ``at``: offset in the frame."""

    kind: int
    at: int


def network_start(data: bytes, link: int) -> NetworkStart | None:
    """For link types with a fixed header; None for others, and for truncated headers."""
    if link in (SLL, SLL2, ETHERNET):
        kind, at = {SLL: (14, 16), SLL2: (0, 20), ETHERNET: (12, 14)}[link]
        return NetworkStart(int.from_bytes(data[kind : kind + 2], "big"), at) if len(data) >= at else None
    at = 0 if link in RAW else 4 if link in (NULL, LOOP) else len(data)
    version = data[at] >> 4 if at < len(data) else 0
    return NetworkStart(IP_VERSIONS[version], at) if version in IP_VERSIONS else None
