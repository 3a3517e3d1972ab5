"""All devices that match the user's terms, read page by page: any number of devices, in the memory of one page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from sensor.core.foreign import Record
from sensor.core.record_parts import time_text
from sensor.inventory.corrections import onto_body
from sensor.inventory.store.operator_values import corrections_of
from sensor.views.dataset import Data
from sensor.views.device_alerts import open_alerts
from sensor.views.device_terms import Term, matches, ordered

PAGE = 500
# Terms that the table rows can answer; the others are tested on each device.
_COLUMNS = {"type": "lower(d.type)", "criticality": "lower(d.criticality)", "state": "iif(d.gone, 'gone', 'present')"}
_PAGE = """
SELECT d.number, d.last, d.gone, d.id, devices.key, devices.body FROM device_rows d JOIN devices ON devices.id = d.id
WHERE (d.last, d.number) > (?, ?) AND {test} ORDER BY d.last, d.number LIMIT ?
"""
_BODY = msgspec.json.Decoder(dict[str, Any])
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = -(1 << 63)


def every_device(data: Data, wanted: Sequence[Term], now: datetime) -> Iterator[Record]:
    """Devices as records show them, with operator values and open alerts (``OpenAlerts``), in order of last sighting.
    ``now``: reference time of ages; for a log that is read alone its last time. Raises sqlite3.DatabaseError if the
    store is damaged.
    """
    corrections = corrections_of(data.base)
    test, values = _test(wanted)
    query = _PAGE.format(test=test)
    now = _now(data, now)
    place: tuple[int, int] = (_NEVER, 0)
    while rows := data.base.execute(query, (*place, *values, PAGE)).fetchall():
        alerts = open_alerts(data, [row["id"] for row in rows])
        for _, last, gone, name, key, text in map(tuple, rows):
            record = {
                "ts": time_text(last),
                "kind": "device",
                "action": "gone" if gone else "known",
                "key": key if data.inventory else "",
                "device": onto_body(_BODY.decode(text), corrections.get(key, {})),
                "open_alerts": alerts[name].number,
                "alert_severity": alerts[name].severity,
            }
            if matches(record, wanted, now):
                yield record
        place = rows[-1]["last"], rows[-1]["number"]


def listed_devices(
    data: Data, wanted: Sequence[Term], order: tuple[str, bool] | None, now: datetime
) -> Iterator[Record]:
    """The same in an order of ``device_terms.sort_key``; None: in order of last sighting."""
    found = every_device(data, wanted, now)
    yield from found if order is None else ordered(list(found), *order)


def _now(data: Data, now: datetime) -> datetime:
    (last,) = data.base.execute("SELECT max(last) FROM device_rows").fetchone()
    if data.inventory or last is None:
        return now
    return _EPOCH + timedelta(microseconds=int(last) // 1000)


def _test(wanted: Sequence[Term]) -> tuple[str, list[str]]:
    """A condition on rows that every device matching all terms fulfills, with its values."""
    tests, values = ["1"], []
    for key, column in _COLUMNS.items():
        if either := [term.text for term in wanted if (term.key, term.sign) == (key, "=")]:
            tests.append(f"{column} IN (SELECT value FROM json_each(?))")  # noqa: S608 - our own words
            values.append(json.dumps(either))
    return " AND ".join(tests), values
