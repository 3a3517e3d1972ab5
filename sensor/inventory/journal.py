"""Journal: changes of devices since the last write. It is kept only if there is a store, and is limited in size."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from sensor.core.addresses import NONE
from sensor.core.device import Device, DeviceChange
from sensor.core.stored import OpenEntry
from sensor.inventory.corrections import OrderResult
from sensor.inventory.record import Record
from sensor.inventory.state import DeviceState, state_of

ENTRIES = 1 << 16
MERGERS = 1 << 10


class Move(NamedTuple):
    """A device got an address (``held``) or lost it; address 0: all its addresses."""

    ts: int
    device: str
    address: int
    held: bool


class Merger(NamedTuple):
    """Two devices were merged; both as they were before."""

    ts: int
    kept: DeviceState
    lost: DeviceState
    reason: str


class Entries(msgspec.Struct):
    """Entries that are written together. ``states``: current states of devices, each with its list row; ``removed``:
    (ts, id) of devices that no longer exist; ``habits``: (id, JSON) of learned data, ``watched``: the time of
    monitoring; ``advice``: (device, setting, JSON) of recommendations, empty if closed; ``open_state``: open
    alerts and incidents.
    """

    removed: list[tuple[int, str]] = []
    states: list[tuple[DeviceState, Device]] = []
    moves: list[Move] = []
    mergers: list[Merger] = []
    changes: list[DeviceChange] = []
    outcomes: list[OrderResult] = []
    habits: list[tuple[str, str]] = []
    watched: tuple[int, int] = (0, 0)
    advice: list[tuple[str, str, str]] = []
    open_state: list[OpenEntry] = []

    def __bool__(self) -> bool:
        return bool(
            self.removed
            or self.states
            or self.moves
            or self.mergers
            or self.changes
            or self.outcomes
            or self.habits
            or self.advice
            or self.open_state
        )


class Journal:
    """``changed``: records to write; ``seen``: those that were only seen again. Of other entries the latest are kept if
    they are not written in time; ``lost`` counts the rest.
    """

    def __init__(self) -> None:
        self.changed: dict[Record, bool] = {}
        self.seen: dict[Record, bool] = {}
        self.moves: deque[tuple[int, Record | str, int, bool]] = deque(maxlen=ENTRIES)
        self.mergers: deque[Merger] = deque(maxlen=MERGERS)
        self.removed: deque[tuple[int, str]] = deque(maxlen=ENTRIES)
        self.changes: deque[DeviceChange] = deque(maxlen=ENTRIES)
        self.outcomes: deque[OrderResult] = deque(maxlen=MERGERS)
        self.lost = 0

    @property
    def pressing(self) -> bool:
        """Whether entries will soon be lost."""
        return (
            max(len(self.moves), len(self.changes), len(self.removed)) > ENTRIES // 2
            or len(self.mergers) > MERGERS // 2
        )

    def moved(self, ts: int, record: Record, address: int, held: bool) -> None:
        self.lost += len(self.moves) == ENTRIES
        self.moves.append((ts, record, address, held))

    def report(self, change: DeviceChange) -> None:
        self.lost += len(self.changes) == ENTRIES
        self.changes.append(change)

    def remove(self, record: Record) -> None:
        """The record no longer exists, or is not a device."""
        self.changed.pop(record, None)
        self.seen.pop(record, None)
        if record.id:
            self.lost += len(self.removed) == ENTRIES
            self.removed.append((record.last, record.id))
            self.moves.append((record.last, record.id, NONE, False))

    def merge(self, ts: int, kept: Record, lost: Record, reason: str) -> None:
        """Note a merger, before it is done. New hosts that were never reported leave nothing to undo."""
        if kept.id and lost.id:
            self.lost += len(self.mergers) == MERGERS
            self.mergers.append(Merger(ts, state_of(kept), state_of(lost), reason))

    def records(self, limit: int) -> Iterator[Record]:
        """Remove and return the records that have waited longest; those that were only seen come last."""
        for waiting in (self.changed, self.seen):
            for record in list(itertools.islice(waiting, limit)):
                self.changed.pop(record, None)
                self.seen.pop(record, None)
                limit -= 1
                yield record
