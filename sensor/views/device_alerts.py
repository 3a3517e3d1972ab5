"""Open alerts of devices, as actor or target: those that the list of alerts shows for the device. Acknowledged alerts
are open, too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import NamedTuple

import msgspec

from sensor.core.severities import SEVERITIES
from sensor.views.dataset import Data

# Parties of a device: alerts of earlier versions have its short id (``core.ids``).
_OPEN = """
    CROSS JOIN alert_parties e ON e.party = parties.number CROSS JOIN alerts a ON a.number = e.alert
    CROSS JOIN alert_groups g ON g.number = a.of_group AND g.state != 'closed'"""
_EACH = f"""
SELECT one.value, max(a.severity), count(DISTINCT a.number) FROM json_each(?) AS one
    CROSS JOIN parties ON parties.device IN (one.value, substr(one.value, 1, 10)) {_OPEN} GROUP BY 1"""  # noqa: S608 - our own words
# A value by which devices ``d`` are sorted: by severity, and then by number; 0 without open alerts.
BY_ALERTS = f"""
(SELECT coalesce((max(a.severity) + 1) << 40, 0) + count(DISTINCT a.number) FROM parties {_OPEN}
    WHERE parties.device IN (d.id, substr(d.id, 1, 10)))"""  # noqa: S608


class OpenAlerts(NamedTuple):
    """``number``: None if it is unknown; ``severity``: of the most severe one, empty if there is none."""

    number: int | None = None
    severity: str = ""


def open_alerts(data: Data, ids: Collection[str]) -> dict[str, OpenAlerts]:
    """Device id → its open alerts; unknown ones for an inventory whose tables contain no record of an event log."""
    if data.inventory and not data.position.seq:
        return dict.fromkeys(ids, OpenAlerts())
    return dict.fromkeys(ids, OpenAlerts(0)) | _counted(data.base, ids)


def _counted(base: sqlite3.Connection, ids: Collection[str]) -> dict[str, OpenAlerts]:
    rows = base.execute(_EACH, (msgspec.json.encode(list(ids)).decode(),))
    return {row[0]: OpenAlerts(row[2], SEVERITIES[row[1]]) for row in rows}
