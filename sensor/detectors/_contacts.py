"""What flow changes say about contacts, in bulk: opened, answered, failed.

A contact failed where it was refused, or not answered for some seconds: the windows wait. A capture may show one direction only, and then everything
looks unanswered; so openings count only once the capture showed both directions of some flow of that protocol. Before that, a TCP flow that ended
after at most three packets of its client failed: a client that was answered out of our sight would have gone on talking.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from sensor.core.flow import Change, Reason

SKIP, OPENED, ANSWERED, FAILED = 0, 1, 2, 3
TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
ECHO, ECHO6 = 8, 128
LONE_PACKETS = 3
_LAST_UNICAST = 0xFFFFDFFFFFFF
_U32 = 0xFFFFFFFF


class Outcomes:
    """Follows which protocols were seen in both directions; ``of`` gives the column ``ops`` of ``DistinctWindow.follow``."""

    PROTOCOLS: ClassVar = ((TCP,), (UDP,), (ICMP, ICMP6))

    def __init__(self) -> None:
        self._seen_both = [False] * len(self.PROTOCOLS)

    def of(self, changes: npt.NDArray[np.void]) -> npt.NDArray[np.int8]:
        """1 opened, 2 answered, 3 failed, 0 nothing, for each change."""
        kind, proto, server_lo = changes["kind"], changes["proto"], changes["server_lo"]
        lit = self.lit(changes)
        ended = (kind == Change.ENDED) & (changes["answered"] == 0) & (changes["reason"] != Reason.EVICTED)
        lone = (proto == TCP) & (changes["client_packets"] <= LONE_PACKETS) & (changes["server_packets"] == 0)
        ops = np.zeros(len(changes), np.int8)
        ops[(kind == Change.NEW) & lit] = OPENED
        ops[kind == Change.ANSWERED] = ANSWERED
        ops[kind == Change.REFUSED] = FAILED
        ops[ended & (lit | lone)] = FAILED
        echo = ((proto == ICMP) & (changes["server_port"] == ECHO)) | ((proto == ICMP6) & (changes["server_port"] == ECHO6))
        group = (changes["server_mac"] >> np.uint64(40) & np.uint64(1)).astype(bool) | (changes["server_hi"] >> np.uint64(56) == 0xFF)
        group |= (changes["server_hi"] == 0) & ((server_lo > _LAST_UNICAST) | (server_lo & np.uint64(_U32) == 0))
        ops[group | ~((proto == TCP) | (proto == UDP) | echo)] = SKIP
        return ops

    def lit(self, changes: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
        """For each change whether its protocol was seen in both directions by then."""
        both = (changes["kind"] != Change.NEW) & (changes["client_packets"] > 0) & (changes["server_packets"] > 0)
        lit = np.zeros(len(changes), bool)
        for number, protocols in enumerate(self.PROTOCOLS):
            mine = np.isin(changes["proto"], protocols)
            first = 0
            if not self._seen_both[number]:
                hits = np.flatnonzero(mine & both)
                if not len(hits):
                    continue
                self._seen_both[number], first = True, int(hits[0])
            lit[first:] |= mine[first:]
        return lit


def inside(blocks: tuple[tuple[int, int], ...], hi: npt.NDArray[np.uint64], lo: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """For each address whether one of the blocks (first, last) holds it."""
    found = np.zeros(len(hi), bool)
    for first, last in blocks:
        first_hi, last_hi = np.uint64(first >> 64), np.uint64(last >> 64)
        within = (hi >= first_hi) & (hi <= last_hi)
        if first_hi == last_hi:
            within &= (lo >= np.uint64(first & 2**64 - 1)) & (lo <= np.uint64(last & 2**64 - 1))
        found |= within
    return found
