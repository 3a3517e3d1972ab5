"""Frames that come twice: the same bytes within a few milliseconds, as a mirror of both ends of a cable gives them.

A VLAN tag does not count: one of the two ends may be a trunk. What a router passed on has other MACs and is another
frame. Frames to groups are left out: some devices announce everything twice.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sensor.core.batch import Batch

WITHIN_NS = 5_000_000
LOOKED_BYTES = 96
"""Of each frame: with headers, numbers and checksums in them two frames are not alike by chance."""

MOST_KEPT = 8192
GROUP = np.uint64(1 << 40)
ETHERNET = 1
TAGS = (0x8100, 0x88A8, 0x9100)
FACTORS = np.random.Generator(np.random.PCG64(7)).integers(
    1 << 62, 1 << 63, LOOKED_BYTES // 8 + 3, dtype=np.uint64
) | np.uint64(1)


class Repeats:
    """``compared``: frames to single machines that were looked at; ``repeats``: those that had come before."""

    def __init__(self) -> None:
        self.compared = self.repeats = 0
        self._prints = np.zeros(0, np.uint64)
        self._times = np.zeros(0, np.int64)

    def add(self, batch: Batch, count: int) -> None:
        """The first so many frames of a decoded batch."""
        rows = batch.rows[:count]
        rows = rows[(rows["dst_mac"] & GROUP) == 0]
        fresh = prints(batch.data, rows)
        known, times = np.concatenate((self._prints, fresh)), np.concatenate((self._times, rows["ts"]))
        new = np.arange(len(known)) >= len(self._prints)
        order = np.lexsort((np.arange(len(known)), known))
        again = (known[order][1:] == known[order][:-1]) & (np.abs(np.diff(times[order])) <= WITHIN_NS)
        again[1:] &= ~again[:-1]  # a third and fourth come of a flood or a loop: no way of mirroring gives them
        self.compared += len(rows)
        self.repeats += int(np.count_nonzero(again & new[order][1:]))
        kept = np.flatnonzero(times >= times.max() - WITHIN_NS)[-MOST_KEPT:] if len(times) else np.zeros(0, np.int64)
        self._prints, self._times = known[kept], times[kept]


def prints(data: npt.NDArray[np.uint8], rows: npt.NDArray[np.void]) -> npt.NDArray[np.uint64]:
    """A hash for the content of each frame, without its first VLAN tag."""
    plain = rows["link"] == ETHERNET
    starts = rows["frame"] + np.where(plain, 12, 0)
    ends = rows["frame"] + rows["caplen"].astype(np.int64)
    kinds = _byte(data, starts, ends).astype(np.uint16) << np.uint16(8) | _byte(data, starts + 1, ends)
    starts = starts + np.where(plain & np.isin(kinds, TAGS), 4, 0)
    places = starts[:, None] + np.arange(LOOKED_BYTES)
    taken = np.where(places < ends[:, None], data[np.minimum(places, len(data) - 1)], 0).astype(np.uint8)
    words = np.ascontiguousarray(taken).view(np.uint64).reshape(len(rows), LOOKED_BYTES // 8)
    columns = [*words.T, rows["src_mac"], rows["dst_mac"], (ends - starts).astype(np.uint64)]
    found = np.zeros(len(rows), np.uint64)
    for word, factor in zip(columns, FACTORS, strict=True):
        found = (found ^ word) * factor
        found ^= found >> np.uint64(29)
    return found


def _byte(
    data: npt.NDArray[np.uint8], places: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint8]:
    """0 where the frame is over."""
    return np.where(places < ends, data[np.minimum(places, len(data) - 1)], 0).astype(np.uint8)
