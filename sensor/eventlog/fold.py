"""Fold: the current state from the records in order: the last record of each device and of each alert; merged and gone
devices are marked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, MutableMapping
from typing import Any

from sensor.core.device import Lease
from sensor.core.ids import short_id

Record = dict[str, Any]
Records = MutableMapping[str, Record]

# The reason of a merger begins with the id of the device that no longer exists.
_LOST = re.compile(r"dev-[0-9a-z]+")


class Fold:
    """``devices``, ``alerts``, ``incidents``, ``recommendations``: last record of each by its id, the newest last.

    ``merged``: id of a merged device → id of the device it was merged into. A device that is gone is kept; its last
    record is marked so.

    ``leases``: devices by address, as far as alerts need them (``posture.alert_ends``); a log has none.
    """

    def __init__(self, keep: Callable[[], Records] = dict) -> None:
        """``keep`` makes the maps in which the records are kept."""
        self.devices, self.alerts, self.incidents, self.recommendations = keep(), keep(), keep(), keep()
        self.merged: dict[str, str] = {}
        self.leases: dict[str, list[Lease]] = {}
        self.records = 0
        self._short: dict[str, str] = {}

    def add(self, record: Record) -> None:
        """Add the next record. Kinds without state are only counted."""
        self.records += 1
        kind = record.get("kind")
        if kind == "device":
            self._device(record)
        elif kind == "alert":
            _by_id(self.alerts, record, kind)
        elif kind == "incident":
            _by_id(self.incidents, record, kind)
        elif kind == "recommendation":
            _by_id(self.recommendations, record, kind)

    def _device(self, record: Record) -> None:
        device = record.get("device")
        name = device.get("id") if isinstance(device, dict) else None
        if not isinstance(name, str):
            return
        if record.get("action") == "merged":
            lost = _LOST.match(str(record.get("reason", "")))
            if lost and lost[0] != name:
                self.devices.pop(lost[0], None)
                self.merged[lost[0]] = name
        self.merged.pop(name, None)
        before = self.devices.pop(name, None)
        # The newest is last. A record of a gone device has no evidence: the earlier evidence is kept.
        if record.get("action") == "gone" and before and before.get("evidence") and not record.get("evidence"):
            record = {**record, "evidence": before["evidence"]}
        self.devices[name] = record

    def device(self, name: str) -> Record | None:
        """The record of a device by its id, or by the id of a device that was merged into it."""
        for _ in range(len(self.merged) + 1):
            if name in self.devices:
                return self.devices[name]
            if name not in self.merged:
                break
            name = self.merged[name]
        return self.devices.get(self._longer(name)) if short_id(name) == name else None

    def _longer(self, short: str) -> str:
        """The current id of a device that has an id of an earlier version in some records."""
        if len(self._short) != len(self.devices):
            self._short = {short_id(one): one for one in self.devices}
        return self._short.get(short, "")


def _by_id(known: Records, record: Record, kind: str) -> None:
    """Store a record by its id; the newest is last."""
    about = record.get(kind)
    name = about.get("id") if isinstance(about, dict) else None
    if isinstance(name, str):
        known.pop(name, None)
        known[name] = record
