"""Rings of recent frames, so that an alert can show the packets before it.

There are two, both bounded. ``FrameRing`` (``frames.pyx``) keeps frames that were dissected. ``FlowRing`` keeps the
beginnings of frames that opened, answered or refused a flow, for scans and contacts that no dissector reads. They are
copied in bulk, at most ``CHANGES`` per batch, and read from the batch itself while it is being processed, so that the
result does not depend on how packets are split into batches.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sensor.core.batch import Batch
from sensor.core.flow import Change
from sensor.core.packet import Packet
from sensor.core.row_copies import copied

CHANGES, CHANGE_BYTES = 2048, 128
MASK = 2**64 - 1


class Frame(NamedTuple):
    """A frame as written to a file. ``ts``: ns; ``size``: bytes on the wire, of which ``data`` may be the beginning."""

    ts: int
    link: int
    size: int
    data: bytes


class FrameFilter(NamedTuple):
    """Which frames match: those of these flows, or those between the actor and the targets (all of the actor's if there
    are no targets).
    """

    flows: frozenset[int]
    actor: int
    mac: int
    targets: frozenset[int]


class FlowRing:
    """The most recent frames that changed a flow. ``row`` is set to the current row: later ones are not found."""

    def __init__(self, changes: int = CHANGES) -> None:
        self.row = 0
        self._most = changes
        self._kept: deque[tuple[npt.NDArray[np.void], _FrameHeads]] = deque()
        self._held = 0
        self._batch: Batch | None = None
        self._changes: npt.NDArray[np.void] | None = None

    def begin(self, batch: Batch, changes: npt.NDArray[np.void]) -> None:
        """Start processing a batch; ``changes``: the flow changes that its packets made."""
        kinds, rows = changes["kind"], changes["row"]
        self._batch, self.row = batch, 0
        self._changes = changes.compress((kinds != Change.ENDED) & (rows >= 0) & (rows < len(batch)))

    def end(self) -> None:
        """The batch's bytes are released: copy those that may be needed later."""
        batch, changes, self._batch, self._changes = self._batch, self._changes, None, None
        if batch is None or changes is None or not len(changes):
            return
        last = copied(changes[-self._most :])
        self._kept.append((last, _FrameHeads(batch, last["row"])))
        self._held += len(last)
        while self._held - len(self._kept[0][0]) >= self._most:
            self._held -= len(self._kept.popleft()[0])

    def find(self, wanted: FrameFilter, most: int) -> list[Frame]:
        """The last ``most`` matching frames, oldest first."""
        found: list[Frame] = []
        left = self._most
        for changes, cut in self._newest_first():
            changes = changes[-left:]
            for place in np.flatnonzero(_mask(changes, wanted))[::-1].tolist():
                found.append(cut(place - len(changes)))
                if len(found) >= most:
                    return found[::-1]
            left -= len(changes)
            if left <= 0:
                break
        return found[::-1]

    def _newest_first(self) -> Iterator[tuple[npt.NDArray[np.void], Callable[[int], Frame]]]:
        """(changes, function that returns the frame of one, by index from the end) for this batch up to the current
        row, then for earlier batches.
        """
        batch, changes = self._batch, self._changes
        if batch is not None and changes is not None:
            rows = changes["row"][changes["row"] <= self.row]
            if len(rows):
                yield changes[: len(rows)], partial(_cut_at, batch, rows)
        for kept, beginnings in reversed(self._kept):
            yield kept, beginnings.__getitem__


def frame_of(packet: Packet) -> Frame:
    return Frame(packet.ts, packet.link, packet.wirelen, packet.frame)


def wants(packet: Packet, wanted: FrameFilter) -> bool:
    return packet.flow in wanted.flows or _between(packet, wanted)


def _between(packet: Packet, wanted: FrameFilter) -> bool:
    if not packet.ip_version:
        return bool(wanted.mac) and wanted.mac in (packet.src_mac, packet.dst_mac)
    src, dst = packet.src, packet.dst
    if src == wanted.actor:
        return not wanted.targets or dst in wanted.targets
    return dst == wanted.actor and (not wanted.targets or src in wanted.targets)


def _mask(changes: npt.NDArray[np.void], wanted: FrameFilter) -> npt.NDArray[np.bool_]:
    """A mask of the matching changes."""
    found = np.isin(changes["flow"], np.fromiter(wanted.flows, np.uint64, len(wanted.flows)))
    if wanted.actor:
        for mine, other in (("client", "server"), ("server", "client")):
            is_actor = (changes[mine + "_lo"] == np.uint64(wanted.actor & MASK)) & (
                changes[mine + "_hi"] == np.uint64(wanted.actor >> 64)
            )
            found |= is_actor & _one_of(changes, other, wanted.targets)
    if wanted.mac and not wanted.actor:
        found |= changes["client_mac"] == np.uint64(wanted.mac)
    return found


def _one_of(changes: npt.NDArray[np.void], end: str, targets: Collection[int]) -> npt.NDArray[np.bool_]:
    if not targets:
        return np.ones(len(changes), np.bool_)
    return np.isin(changes[end + "_lo"], np.fromiter((target & MASK for target in targets), np.uint64, len(targets)))


def _cut_at(batch: Batch, rows: npt.NDArray[np.int32], place: int) -> Frame:
    row = batch.rows[int(rows[place])]
    start = int(row["frame"])
    return _frame(row, batch.data[start : start + CHANGE_BYTES])


def _frame(row: np.void, beginning: npt.NDArray[np.uint8]) -> Frame:
    return Frame(int(row["ts"]), int(row["link"]), int(row["wirelen"]), beginning[: int(row["caplen"])].tobytes())


class _FrameHeads:
    """The beginnings of a batch's frames, copied in bulk; few are ever requested."""

    __slots__ = ("_bytes", "_rows")

    def __init__(self, batch: Batch, places: npt.NDArray[np.int32]) -> None:
        self._rows = batch.rows[places]
        at = self._rows["frame"][:, None] + np.arange(CHANGE_BYTES)
        self._bytes = batch.data[np.minimum(at, len(batch.data) - 1)]

    def __getitem__(self, place: int) -> Frame:
        return _frame(self._rows[place], self._bytes[place])
