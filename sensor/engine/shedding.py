"""Shedding: what a live engine that is late does without, so that no packet goes uncounted.

Packets cost the kernels a fraction of a microsecond, and flows, scans, sweeps, floods and threat lists need nothing
else. Messages cost the dissectors a hundred times as much. An engine that falls behind therefore reads fewer messages,
the fewer the fuller the ring is, in this order:

1. Of TCP conversations half, a quarter, and so on, whole conversations at a time, so that what is read stays whole.
2. Of datagrams to one machine the same.
3. Broadcast and multicast messages (leases, names, services, neighbours) identify most devices and are few. They go as
   the second, but only
   where more than ``GROUPS`` of it come in a batch.

Alerts are made from the rest, and report that share. Unread messages are counted and reported.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from sensor.core.ip_protocols import TCP
from sensor.decode.kernels import Work
from sensor.decode.select import NEWCOMERS_BIT

# Steps down: streams are halved at each of the first, datagrams from the step after ``SPARED`` on. At the last one only
# broadcast and multicast messages are read.
SPARED, LAST = 6, 13
# Broadcast and multicast messages that a batch may contain without losing any.
GROUPS = 256
# Backlogs at which the first step is taken, and the last.
FIRST_AT, LAST_AT = 0.25, 0.75
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_BITS = 6


def level_of(backlog: float) -> int:
    """How many steps down, by the share of the ring that waits: the fuller it is the less is read, so that it settles
    where the engine keeps up.
    """
    return max(0, min(LAST, math.ceil((backlog - FIRST_AT) / (LAST_AT - FIRST_AT) * LAST)))


class Shedder:
    """``shed``: rows that were given up so far."""

    def __init__(self) -> None:
        self.shed = 0

    def lighten(self, rows: npt.NDArray[np.void], work: Work, backlog: float) -> Work:
        """The work of a batch, or what the engine has time for. ``backlog``: share of the ring that waits behind it, 0
        to 1.
        """
        level = level_of(backlog)
        if not level or not len(work.chosen):
            return work
        kept = _kept(rows[work.chosen], work.wanted, level)
        work, shed = work.keep(kept)
        self.shed += shed
        return work


def _kept(rows: npt.NDArray[np.void], wanted: npt.NDArray[np.uint64], level: int) -> npt.NDArray[np.bool_]:
    """By a hash of the flow, so that the same flows stay from batch to batch. Rows that report a flood of new senders
    always stay, and a few to groups.
    """
    with np.errstate(over="ignore"):
        place = rows["flow"] * _SPREAD >> np.uint64(64 - _BITS)
    streams, others = (1 << _BITS) >> level, (1 << _BITS) >> max(level - SPARED, 0)
    kept: npt.NDArray[np.bool_] = (place < np.where(rows["proto"] == TCP, streams, others)) | (
        wanted >> np.uint64(NEWCOMERS_BIT) > 0
    )
    groups = (rows["dst_mac"] >> np.uint64(40) & np.uint64(1)) > 0
    return kept | groups if np.count_nonzero(groups) <= GROUPS else kept
