"""Load shedding: the messages that a late live engine leaves unread, so that every packet is still counted.

Packets cost the kernels a fraction of a microsecond, and flows, scans, sweeps, floods and threat lists need nothing
else. Messages cost the dissectors a hundred times as much. An engine that falls behind therefore reads fewer messages
the fuller the ring will be soon, in this order:

1. TCP flows: half, a quarter, and so on; whole flows are skipped, so that the others stay complete.
2. Datagrams to one host: the same.
3. Broadcast and multicast messages (leases, names, services, neighbors) identify most devices and are few. They are
   shed like the second, but only if a batch has more than ``GROUPS`` of them.

A slow overload uses most of the ring before messages are shed, so that none are if it ends early enough; when the ring
fills within three seconds, shedding begins at once.

Alerts are made from the messages that are read, and report the share that was not. Unread messages are counted and
reported.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np
import numpy.typing as npt

from sensor.core.ip_protocols import TCP
from sensor.core.time_units import SECOND
from sensor.decode.kernels import Work
from sensor.decode.select import NEWCOMERS_BIT

# Shedding levels: each of the first levels halves the streams, and those after ``SPARED`` halve the datagrams. At the
# last level only broadcast and multicast messages are read.
SPARED, LAST = 6, 13
# Broadcast and multicast messages per batch that are never shed.
GROUPS = 256
# Backlogs (shares of the ring) at which the first and the last level are reached: at present, and in AHEAD seconds if
# the backlog grows as in the last second (above 1: packets would be dropped). A level takes effect when earlier batches
# are processed, after about a second.
PRESENT, EXPECTED = (0.8, 0.95), (1.1, 1.3)
AHEAD = 4.0
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_BITS = 6


def level_of(backlog: float, growth: float) -> int:
    """The shedding level for a backlog (share of the ring that waits) and its growth per second: the fuller the ring is
    or will be, the less is read, so that the level settles where the engine keeps up.
    """
    return max(_level(backlog, *PRESENT), _level(backlog + AHEAD * growth, *EXPECTED))


def _level(backlog: float, first: float, last: float) -> int:
    return max(0, min(LAST, math.ceil((backlog - first) / (last - first) * LAST)))


class Shedder:
    """``shed``: number of rows left unread so far."""

    def __init__(self) -> None:
        self.shed = 0
        self._past: deque[tuple[int, float]] = deque()  # (packet time, backlog) of the last two seconds

    def growth(self, now: int, backlog: float) -> float:
        """The growth of the backlog per second, at least 0, since a second or more before ``now`` (ns); remembers this
        backlog.
        """
        past = self._past
        while past and not 0 <= now - past[0][0] <= 2 * SECOND:
            past.popleft()
        while len(past) > 1 and now - past[1][0] >= SECOND:
            past.popleft()
        begun, before = past[0] if past else (now, 0.0)
        past.append((now, backlog))
        return max(backlog - before, 0.0) / max((now - begun) / SECOND, 1.0)

    def lighten(self, rows: npt.NDArray[np.void], work: Work, backlog: float) -> Work:
        """The work of a batch, reduced to what the engine has time for. ``backlog``: share of the ring that waits after
        it, 0 to 1.
        """
        level = level_of(backlog, self.growth(int(rows["ts"][-1]), backlog))
        if not level or not len(work.chosen):
            return work
        kept = _kept(rows.take(work.chosen), work.wanted, level)
        work, shed = work.keep(kept)
        self.shed += shed
        return work


def _kept(rows: npt.NDArray[np.void], wanted: npt.NDArray[np.uint64], level: int) -> npt.NDArray[np.bool_]:
    """Rows to keep, chosen by a hash of the flow so that the same flows are kept from batch to batch. Rows that report
    a flood of new senders are always kept, and a few rows to multicast and broadcast addresses.
    """
    with np.errstate(over="ignore"):
        place = rows["flow"] * _SPREAD >> np.uint64(64 - _BITS)
    streams, others = (1 << _BITS) >> level, (1 << _BITS) >> max(level - SPARED, 0)
    kept: npt.NDArray[np.bool_] = (place < np.where(rows["proto"] == TCP, streams, others)) | (
        wanted >> np.uint64(NEWCOMERS_BIT) > 0
    )
    groups = (rows["dst_mac"] >> np.uint64(40) & np.uint64(1)) > 0
    return kept | groups if np.count_nonzero(groups) <= GROUPS else kept
