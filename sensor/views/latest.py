"""The last record of each device, alert, incident and recommendation of a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from sensor.core.collection import no_collection
from sensor.eventlog.fold import Fold
from sensor.inventory.store.reader import Reader
from sensor.posture.alert_ends import unnamed
from sensor.views.alerts import with_state
from sensor.views.dataset import Data

Record = dict[str, Any]

_DEVICES = "SELECT id, record FROM device_records ORDER BY rowid"
_ALERTS = """
SELECT alerts.id, record, state FROM alerts JOIN alert_records ON alert_records.number = alerts.number
JOIN alert_groups ON alert_groups.number = of_group {where} ORDER BY seq
"""
_WITH_A_WORD = "WHERE EXISTS (SELECT 1 FROM json_each(?) WHERE instr(lower(record), value) > 0)"
_CLOSERS = """
SELECT alert, author, text FROM alert_words WHERE action = 'close' AND alert IN
(SELECT alerts.id FROM alerts JOIN alert_groups ON alert_groups.number = of_group WHERE state = 'closed')
ORDER BY number
"""
_DECODER = msgspec.json.Decoder(Record)


def known_of(data: Data) -> Fold:
    """All last records. Raises ViewError or sqlite3.DatabaseError if the tables cannot be read."""
    fold = devices_of(data)
    add_alerts(data, fold)
    fold.leases = Reader(Path(), data.base).leases(unnamed(fold))
    return fold


def stories_of(data: Data, words: Sequence[str] = ()) -> Fold:
    """The last record of each alert, incident and recommendation, without devices. ``words``: of alerts only those
    whose record contains one of them, in lower case.
    """
    fold = Fold()
    add_alerts(data, fold, words)
    return fold


@no_collection()
def add_alerts(data: Data, fold: Fold, words: Sequence[str] = ()) -> None:
    """Add the last record of each alert, incident and recommendation."""
    fold.alerts = _alerts(data, words)
    for table, known in (("incidents", fold.incidents), ("recommendations", fold.recommendations)):
        rows = data.base.execute(f"SELECT id, record FROM {table} ORDER BY seq")  # noqa: S608 - names from the line above
        known.update((row[0], _DECODER.decode(row[1])) for row in rows)


def devices_of(data: Data) -> Fold:
    """The last record of each device only."""
    fold = Fold()
    if data.inventory:
        reader = Reader(Path(), data.base)
        fold.devices = {record["device"]["id"]: record for record in reader.records()}
        fold.merged = reader.merged()
    else:
        fold.devices = {row[0]: _DECODER.decode(row[1]) for row in data.base.execute(_DEVICES)}
        fold.merged = Reader(Path(), data.base).merged()
    return fold


def _alerts(data: Data, words: Sequence[str]) -> dict[str, Record]:
    closers = {row[0]: (row[1], row[2]) for row in data.base.execute(_CLOSERS)}
    query = _ALERTS.format(where=_WITH_A_WORD if words else "")
    values = [msgspec.json.encode(words).decode()] if words else []
    return {
        str(name): with_state(_DECODER.decode(text), state, closers.get(name))
        for name, text, state in data.base.execute(query, values)
    }
