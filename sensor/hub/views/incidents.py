"""Incidents of all sensors: lists, and one incident."""

from __future__ import annotations

from collections import Counter
from typing import Any, LiteralString

from psycopg import sql

from sensor.core.severities import SEVERITIES
from sensor.hub.incident_duplicates import LISTED, OTHERS
from sensor.hub.incident_states import CLOSED
from sensor.hub.views.ids import joined, resolve, with_origin
from sensor.hub.views.query import COUNTED, Conditions, Order, Reader, like, ns_of, time_at
from sensor.views.errors import Malformed, one_of
from sensor.views.page import Facets, Page, after_of, cursor_of, limit_of, mark_of
from sensor.views.severity_levels import levels_of
from sensor.views.stories import SORTS, STATES, StoryFilter, StoryRow

ORDERS = {"last": ("last",), "severity": ("severity", "last")}
_LAST: LiteralString = "i.last >= %(since)s AND i.last < %(until)s"
_PAGE = sql.SQL("""
SELECT i.sensor, i.id, s.name, i.site, {closed}, i.severity, i.first, i.last, i.summary, i.record, i.number, {others}
FROM incidents i JOIN sensors s ON s.number = i.sensor WHERE {test} ORDER BY {order} LIMIT {limit}""")
_CELLS = {"closed": sql.SQL(CLOSED), "others": sql.SQL(OTHERS)}
_COUNTED = sql.SQL("""
SELECT i.closed, i.severity, i.site, count(*) FROM (
    SELECT {closed} AS closed, i.severity, i.site FROM incidents i WHERE {test} LIMIT {limit}
) i GROUP BY 1, 2, 3""")


def incidents(reader: Reader, wanted: StoryFilter, sort: str, *, limit: int, cursor: str) -> Page[StoryRow]:
    """As ``sensor.views.stories.incidents``."""
    one_of("sort", [sort], SORTS)
    mark, order = mark_of(reader.sites, wanted, sort), Order(ORDERS[sort])
    after = after_of(cursor, mark)
    test = _test(reader, wanted)
    facets, total = _facets(reader, test)
    if after is not None:
        test.add(order.behind("i", after, test.values))
    statement = _PAGE.format(**_CELLS, test=test.sql, order=order.clause("i"), limit=limit_of(limit) + 1)
    rows = reader.rows(statement, test.values)
    more = cursor_of(_place(order, mark, rows[limit - 1])) if len(rows) > limit else ""
    return Page([_row(row) for row in rows[:limit]], total, total < COUNTED, facets, more)


def incident(reader: Reader, name: str) -> StoryRow:
    sensor, found = resolve(reader, "incidents", name)
    test = reader.conditions("i")
    test.add("i.sensor = %(sensor)s AND i.id = %(id)s", sensor=sensor, id=found)
    statement = _PAGE.format(**_CELLS, test=test.sql, order=sql.SQL("i.number"), limit=1)
    [row] = reader.rows(statement, test.values)
    return _row(row)


def _place(order: Order, mark: str, row: tuple[Any, ...]) -> Any:
    values = {"severity": row[5], "last": row[7]}
    return order.place(mark, [values[column] for column in order.columns], row[10])


def _test(reader: Reader, wanted: StoryFilter) -> Conditions:
    one_of("state", wanted.state, STATES)
    levels = levels_of(wanted.severity)
    for name, values in (("device", (wanted.device,)), ("setting", wanted.setting)):
        if any(values):
            raise Malformed(name, values[0], "no such filter of incidents")
    test = reader.conditions("i")
    test.add(LISTED)
    if wanted.severity:
        test.add("i.severity BETWEEN %(least)s AND %(most)s", least=levels[0], most=levels[-1])
    if len(wanted.state) == 1:
        test.add(CLOSED if wanted.state[0] == "closed" else f"NOT {CLOSED}")
    if wanted.text:
        test.add("i.summary ILIKE %(text)s", text=like(wanted.text.replace("\0", " ")))
    if wanted.since is not None or wanted.until is not None:
        until = wanted.until if wanted.until is not None else 1 << 62
        test.add(_LAST, since=time_at(wanted.since or 0), until=time_at(until))
    return test


def _facets(reader: Reader, test: Conditions) -> tuple[Facets, int]:
    facets: dict[str, Counter[str]] = {"state": Counter(), "severity": Counter(), "site": Counter()}
    statement, total = _COUNTED.format(**_CELLS, test=test.sql, limit=COUNTED), 0
    for closed, severity, site, count in reader.rows(statement, test.values):
        total += count
        for name, value in (("state", STATES[closed]), ("severity", SEVERITIES[severity]), ("site", site)):
            facets[name][value] += count
    return {name: dict(counts.most_common()) for name, counts in facets.items()}, total


def _row(row: tuple[Any, ...]) -> StoryRow:
    sensor, name, sensor_name, site, closed, severity, first, last, summary, text, _, others = row
    record = with_origin(text, sensor, sensor_name, site)
    record["sensor"] |= {"others": others} if others else {}
    cells = STATES[closed], SEVERITIES[severity], ns_of(first), ns_of(last), summary, record
    return StoryRow(joined(sensor, name), *cells)
