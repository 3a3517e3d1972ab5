"""Devices and alerts at a past time: the versions that were valid then, from the history in the traffic records."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping
from typing import Any

from sensor.records.query import Query

NOT_THERE = ("gone", "merged")
# Limit on devices in an answer.
DEVICES_MOST = 100_000
COLUMNS = ("device", "action", "ts", "valid_to", "name", "type", "vendor", "model", "os", "vlan", "ips", "macs")


class Labels:
    """Display names of devices: type and name, else type, vendor and model, as they were at a given time."""

    def __init__(self, query: Query, ids: Iterable[str]) -> None:
        some = sorted(set(ids))
        self._times: dict[str, list[str]] = {}
        self._labels: dict[str, list[str]] = {}
        if not some:
            return
        marks = ", ".join("?" * len(some))
        sql = "SELECT device, ts, type, name, vendor, model FROM device_history"
        found = query.run(f"{sql} WHERE device IN ({marks}) ORDER BY ts", some, DEVICES_MOST)
        for device, ts, kind, name, vendor, model in found.rows:
            self._times.setdefault(device, []).append(ts)
            self._labels.setdefault(device, []).append(_label(kind, name, vendor, model) or device)

    def of(self, device: str, ts: str) -> str:
        """The label at a time in the format of answers; before the first version, the label of that one; the id if
        there is none.
        """
        times = self._times.get(device)
        return self._labels[device][max(bisect.bisect_right(times, ts) - 1, 0)] if times else device


def _label(kind: str | None, name: str | None, vendor: str | None, model: str | None) -> str:
    words = [kind if kind != "unknown" else None, name or " ".join(filter(None, (vendor, model)))]
    return " ".join(filter(None, words))


def devices_at(query: Query, moment: str) -> list[dict[str, Any]]:
    """The devices that existed at a time, as records of the event log: the last version of each up to then. ``moment``:
    in SQL notation.
    """
    columns = ", ".join(COLUMNS)
    valid = "ts <= ?::TIMESTAMP AND (valid_to IS NULL OR valid_to > ?::TIMESTAMP)"
    answer = query.run(
        f"SELECT {columns} FROM device_history WHERE {valid} ORDER BY device", (moment, moment), DEVICES_MOST
    )
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in answer.rows]
    return [record_of(row) for row in rows if row["action"] not in NOT_THERE]


def record_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """A version as a record: unknown values are absent."""
    body = {
        "id": row["device"],
        "hostname": row["name"],
        "last_seen": row["ts"],
        **{name: row[name] for name in ("type", "vendor", "model", "os", "vlan", "ips", "macs")},
    }
    return {
        "ts": row["ts"],
        "kind": "device",
        "action": row["action"],
        "valid_to": row["valid_to"] or "",
        "device": {name: value for name, value in body.items() if value not in (None, "", [])},
    }


# Limit on alerts in an answer.
ALERTS_MOST = 100_000
ALERT_COLUMNS = (
    "alert", "action", "first", "ts", "severity", "detector", "title", "message", "src_ip", "src_device", "dst_ip",
    "dst_device", "site",
)  # fmt: skip
TARGET_COLUMNS = ("ip", "mac", "device", "hostname")


def alerts_at(query: Query, moment: str) -> list[dict[str, Any]]:
    """The last state of each alert that had begun by a time, newest first, by the names of ``ALERT_COLUMNS``;
    ``first``: its start. ``moment``: in SQL notation. Raises QueryError.
    """
    columns = ", ".join(name for name in ALERT_COLUMNS if name != "first")
    answer = query.run(
        f"SELECT {columns}, min(ts) OVER (PARTITION BY alert) AS first FROM alert WHERE ts <= ?::TIMESTAMP "
        "QUALIFY row_number() OVER (PARTITION BY alert ORDER BY ts DESC) = 1 ORDER BY ts DESC, alert",
        (moment,),
        ALERTS_MOST,
    )
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def targets_at(query: Query, moment: str) -> dict[str, list[dict[str, Any]]]:
    """The targets of the same alerts in that state, as in records. ``moment``: in SQL notation. Raises QueryError."""
    answer = query.run(
        f"SELECT alert, {', '.join(TARGET_COLUMNS)} FROM alert_entity WHERE ts <= ?::TIMESTAMP "
        "QUALIFY role = 'target' AND ts = max(ts) OVER (PARTITION BY alert) ORDER BY alert",
        (moment,),
        ALERTS_MOST,
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for alert, *values in answer.rows:
        found.setdefault(alert, []).append(dict(zip(TARGET_COLUMNS, values, strict=True)))
    return found


def alert_states(query: Query, alert: str, moment: str) -> list[dict[str, Any]]:
    """The states of one alert up to a time, oldest first, by the names of ``ALERT_COLUMNS`` except ``first``.
    ``moment``: in SQL notation. Raises QueryError.
    """
    columns = ", ".join(name for name in ALERT_COLUMNS if name != "first")
    answer = query.run(
        f"SELECT {columns} FROM alert WHERE alert = ? AND ts <= ?::TIMESTAMP ORDER BY ts", (alert, moment), ALERTS_MOST
    )
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
