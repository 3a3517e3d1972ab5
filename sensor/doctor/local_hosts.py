"""Traffic between hosts of the mirrored links: both ends send packets that no router has forwarded.

A host sends with the initial hop limit of its system, which each router decreases (RFC 1812, 5.3.1). A MAC with the
addresses of many hosts is a router's, whatever their hop limits. IPv4 hosts are counted by address, IPv6 hosts by /64.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt

from sensor.core.addresses import V4, text

INITIAL = (64, 128, 255)
HOSTS_LIMIT, PAIRS_LIMIT = 16_384, 65_536
MOST_ADDRESSES = 8
"""Addresses of one MAC; the sender of more is a router."""

NAMED = 3

Key = tuple[int, int]


class LocalHosts:
    """Frames by pair of hosts. A key is an address: its IP version, and its IPv4 number or the first half of the IPv6
    address.
    """

    def __init__(self) -> None:
        self._senders: dict[Key, int] = {}
        self._of: Counter[int] = Counter()
        self._pairs: Counter[tuple[Key, Key, bool]] = Counter()

    def look(self, rows: npt.NDArray[np.void], outside: npt.NDArray[np.bool_]) -> None:
        """Process decoded frames between two hosts. ``outside``: both ends are external."""
        plain = rows["tunnels"] == 0
        rows, outside = rows[plain], outside[plain]
        version, source, target = rows["ip_version"], _keys(rows, "src"), _keys(rows, "dst")
        sent = np.isin(rows["ttl"], INITIAL)
        for mac, kind, key in _counted(rows["src_mac"][sent], version[sent], source[sent]):
            self._send(mac, (kind, key))
        for (kind, key, other, out), count in _counted(version, source, target, outside).items():
            pair = (kind, key), (kind, other), bool(out)
            if pair in self._pairs or len(self._pairs) < PAIRS_LIMIT:
                self._pairs[pair] += count

    def counts(self) -> tuple[int, int]:
        """Frames between local hosts, and those of them between external addresses."""
        local = self._local()
        return sum(local.values()), sum(count for (_, _, outside), count in local.items() if outside)

    def blocks(self) -> list[str]:
        """The most frequent blocks (/24 or /64) of local hosts with external addresses."""
        found: Counter[str] = Counter()
        for (one, other, outside), count in self._local().items():
            if outside:
                found.update({_block(one): count})
                found.update({_block(other): count})
        return [block for block, _ in sorted(found.items(), key=lambda item: (-item[1], item[0]))[:NAMED]]

    def _send(self, mac: int, key: Key) -> None:
        if key not in self._senders and len(self._senders) < HOSTS_LIMIT:
            self._senders[key] = mac
            self._of[mac] += 1

    def _local(self) -> dict[tuple[Key, Key, bool], int]:
        hosts = {key for key, mac in self._senders.items() if self._of[mac] <= MOST_ADDRESSES}
        return {pair: count for pair, count in self._pairs.items() if pair[0] in hosts and pair[1] in hosts}


def _keys(rows: npt.NDArray[np.void], end: str) -> npt.NDArray[np.uint64]:
    return np.where(rows["ip_version"] == 4, rows[f"{end}_lo"] & np.uint64(0xFFFFFFFF), rows[f"{end}_hi"])


def _counted(*columns: npt.NDArray[np.generic]) -> Counter[tuple[int, ...]]:
    return Counter(zip(*(column.tolist() for column in columns), strict=True))


def _block(key: Key) -> str:
    kind, number = key
    return f"{text(V4 | number & ~0xFF)}/24" if kind == 4 else f"{text(number << 64)}/64"
