"""Subnets on one link, by ARP: hosts that resolve each other are in one subnet, and a link on which no host resolves
across subnets carries several.

Only ARP is used (RFC 826), which does not leave its subnet. Blocks are /24; those with a request between them are one
subnet.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sensor.core.batch import Batch

ARP, ARP_SIZE = 0x0806, 28
MOST_BLOCKS = 256
LEAST_REQUESTED = 3
"""Minimum of requests in a subnet; fewer may come from one host with a wrong address."""

LINK_LOCAL = 0xA9FE


class Subnets:
    """Subnets of untagged frames."""

    def __init__(self) -> None:
        self._parent: dict[int, int] = {}
        self._requested: dict[int, int] = {}

    def add(self, batch: Batch, count: int) -> None:
        """Process the first ``count`` frames of a decoded batch."""
        rows = batch.rows[:count]
        chosen = rows[
            (rows["ethertype"] == ARP)
            & (rows["ip_version"] == 0)
            & (rows["vlan"] == 0)
            & (rows["payload_len"] >= ARP_SIZE)
            & (rows["tunnels"] == 0)
        ]
        if not len(chosen):
            return
        starts = chosen["frame"] + chosen["payload"]
        pairs = np.stack((_block(batch.data, starts + 14), _block(batch.data, starts + 24)), axis=1)
        found, counts = np.unique(pairs, axis=0, return_counts=True)
        for (asker, requested), times in zip(found.tolist(), counts.tolist(), strict=True):
            self._ask(asker, requested, times)

    def networks(self) -> list[int]:
        """One /24 (its first 24 bits) of each subnet, most requests first."""
        sums: dict[int, int] = {}
        for block, times in self._requested.items():
            sums[self._root(block)] = sums.get(self._root(block), 0) + times
        return [
            block
            for block, times in sorted(sums.items(), key=lambda item: (-item[1], item[0]))
            if times >= LEAST_REQUESTED
        ]

    def _ask(self, asker: int, requested: int, times: int) -> None:
        if not _usable(asker) or not _usable(
            requested
        ):  # a probe before an address is assigned, or a self-assigned link-local one
            return
        for block in (asker, requested):
            if block not in self._parent and len(self._parent) >= MOST_BLOCKS:
                return
            self._parent.setdefault(block, block)
        self._requested[asker] = self._requested.get(asker, 0) + times
        self._parent[self._root(requested)] = self._root(asker)

    def _root(self, block: int) -> int:
        while self._parent[block] != block:
            block = self._parent[block]
        return block


def _usable(block: int) -> bool:
    return 0 < block >> 16 < 0xE0 and block >> 8 != LINK_LOCAL


def _block(data: npt.NDArray[np.uint8], places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The first 24 bits of the addresses at these offsets."""
    first, second, third = (data[places + i].astype(np.int64) for i in range(3))
    return first << 16 | second << 8 | third
