"""Duplicate frames: the same bytes within a few milliseconds, as when both ends of a link are mirrored.

VLAN tags are ignored: one of the ends may be a trunk. A routed frame has other MACs and is another frame. Group frames
are left out: some devices send every announcement twice.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from sensor.core.batch import Batch

WITHIN_NS = 5_000_000
LOOKED_BYTES = 96
"""Bytes compared per frame: with headers, sequence numbers and checksums, frames are not equal by coincidence."""

MOST_KEPT = 8192
GROUP = np.uint64(1 << 40)
ETHERNET = 1
TAGS = (0x8100, 0x88A8, 0x9100)


@functools.cache
def _factors() -> npt.NDArray[np.uint64]:
    """An odd factor for each column. Importing numpy.random takes 10 ms, which replays do not need."""
    drawn = np.random.Generator(np.random.PCG64(7)).integers(1 << 62, 1 << 63, LOOKED_BYTES // 8 + 3, dtype=np.uint64)
    return drawn | np.uint64(1)


class DuplicateFrames:
    """``compared``: unicast frames that were compared; ``repeats``: duplicates among them."""

    def __init__(self) -> None:
        self.compared = self.repeats = 0
        self._prints = np.zeros(0, np.uint64)
        self._times = np.zeros(0, np.int64)

    def add(self, batch: Batch, count: int) -> None:
        """Compare the first ``count`` frames of a decoded batch."""
        rows = batch.rows[:count]
        rows = rows[(rows["dst_mac"] & GROUP) == 0]
        fresh = prints(batch.data, rows)
        known, times = np.concatenate((self._prints, fresh)), np.concatenate((self._times, rows["ts"]))
        new = np.arange(len(known)) >= len(self._prints)
        order = np.lexsort((np.arange(len(known)), known))
        again = (known[order][1:] == known[order][:-1]) & (np.abs(np.diff(times[order])) <= WITHIN_NS)
        again[1:] &= ~again[:-1]  # further copies come from a flood or a loop: no mirroring produces them
        self.compared += len(rows)
        self.repeats += int(np.count_nonzero(again & new[order][1:]))
        kept = np.flatnonzero(times >= times.max() - WITHIN_NS)[-MOST_KEPT:] if len(times) else np.zeros(0, np.int64)
        self._prints, self._times = known[kept], times[kept]


def prints(data: npt.NDArray[np.uint8], rows: npt.NDArray[np.void]) -> npt.NDArray[np.uint64]:
    """A hash of the content of each frame, without its first VLAN tag."""
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
    for column, factor in zip(columns, _factors(), strict=True):
        found = (found ^ column) * factor
        found ^= found >> np.uint64(29)
    return found


def _byte(
    data: npt.NDArray[np.uint8], places: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint8]:
    """The byte of each frame at an offset; 0 after its end."""
    return np.where(places < ends, data[np.minimum(places, len(data) - 1)], 0).astype(np.uint8)
