"""Alerts of all sensors: lists, and one alert with its notes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, LiteralString

from psycopg import sql

from sensor.core.severities import SEVERITIES
from sensor.hub.views.ids import joined, key_of, parsed, resolve, with_origin
from sensor.hub.views.query import Conditions, Order, Reader, escaped, ns_of, time_at
from sensor.tables.notes import VERDICTS
from sensor.views.alert_filter import STATES, AlertFilter
from sensor.views.alert_groups import FACETS, NOBODY, NONE, named
from sensor.views.alerts import AlertDetails, AlertNote, AlertRow
from sensor.views.errors import Malformed, one_of
from sensor.views.known_values import check_detectors
from sensor.views.page import Facets, Page, after_of, cursor_of, limit_of, mark_of
from sensor.views.severity_levels import levels_of

ORDERS = {"last": ("last",), "opened": (), "risk": ("risk", "last"), "severity": ("severity", "last")}
_LAST: LiteralString = "a.last >= %(since)s AND a.last < %(until)s"
_WORDS = sql.SQL("to_tsvector('simple', w.words) @@ to_tsquery('simple', %(words)s)")
_NETWORK = re.compile(r"[0-9a-f.:]+/[0-9]+")
_COLUMNS = sql.SQL(
    "a.sensor, a.id, s.name, a.state, a.severity, a.detector, a.title, a.risk, a.count, a.first, a.last, a.verdict, "
    "a.assignee, a.site, a.summary, a.record, a.number, ARRAY(SELECT DISTINCT t.name FROM alerts o "
    "JOIN sensors t ON t.number = o.sensor "
    "WHERE o.number <> a.number AND (o.number = a.counted_as OR o.counted_as <> 0 AND o.counted_as "
    "= coalesce(nullif(a.counted_as, 0), a.number)) ORDER BY 1)"
)
_PAGE = sql.SQL(
    "SELECT {columns} FROM alerts a JOIN sensors s ON s.number = a.sensor WHERE a.counted_as = 0 AND {test} "
    "ORDER BY {order} LIMIT {limit}"
)
_ONE = sql.SQL("SELECT {columns} FROM alerts a JOIN sensors s ON s.number = a.sensor WHERE {test}")
_RECORDS = sql.SQL(
    "SELECT a.sensor, a.id, s.name, a.site, a.record FROM alerts a JOIN sensors s ON s.number = a.sensor WHERE {test}"
)
_GROUP = sql.SQL("a.state, a.severity, a.detector, a.verdict, a.assignee, a.site")
_SETS = sql.SQL("(a.state), (a.severity), (a.detector), (a.verdict), (a.assignee), (a.site)")
_COUNTS = sql.SQL("""
SELECT {group}, sum(a.n)::bigint, GROUPING({group}) FROM alert_counts a WHERE {test} GROUP BY GROUPING SETS ({sets})""")
_COUNTED = sql.SQL("""
SELECT {group}, count(*), GROUPING({group}) FROM (
    SELECT {group} FROM alerts a WHERE a.counted_as = 0 AND {test} LIMIT {limit}
) a GROUP BY GROUPING SETS ({sets})""")
_RAISED_BY = sql.SQL("""
(a.sensor = {number} OR EXISTS (SELECT FROM alerts o WHERE o.counted_as = a.number AND o.sensor = {number}))""")
_PRESENT = sql.SQL("SELECT DISTINCT {} FROM alert_counts")
_SITES = sql.SQL("SELECT DISTINCT site FROM sensors")
_NOTES = sql.SQL(
    "SELECT at, author, state, verdict, assignee, comment FROM alert_notes "
    "WHERE sensor = %(sensor)s AND alert = %(id)s ORDER BY at"
)
# jsonb cannot contain NUL.
_INCIDENTS = sql.SQL("""
SELECT i.id FROM incidents i WHERE i.sensor = %(sensor)s AND i.first <= %(last)s AND i.last >= %(first)s
    AND CASE WHEN strpos(i.record, '\\u0000') = 0 THEN i.record::jsonb END
    @> jsonb_build_object('incident', jsonb_build_object('story',
        jsonb_build_array(jsonb_build_object('alert', %(id)s::text))))
ORDER BY i.id LIMIT 10""")
_ACTIONS = {"closed": "close", "acknowledged": "acknowledge", "open": "reopen"}


def alerts(
    reader: Reader, wanted: AlertFilter, sort: str, *, backwards: bool, limit: int, cursor: str
) -> Page[AlertRow]:
    """As ``sensor.views.alerts.alerts``."""
    one_of("sort", [sort], ORDERS)
    mark, order = mark_of(reader.sites, wanted, sort, backwards), Order(ORDERS[sort], backwards)
    after = after_of(cursor, mark)
    test = _test(reader, wanted)
    facets, total, exact = _facets(reader, wanted, test)
    if after is not None:
        test.add(order.behind("a", after, test.values))
    statement = _PAGE.format(columns=_COLUMNS, test=test.sql, order=order.clause("a"), limit=limit_of(limit) + 1)
    rows = reader.rows(statement, test.values)
    more = cursor_of(_place(order, mark, rows[limit - 1])) if len(rows) > limit else ""
    return Page([_row(row) for row in rows[:limit]], total, exact, facets, more)


def alert(reader: Reader, name: str) -> AlertDetails:
    """One alert, its notes at the hub, and the incidents of its sensor that it is part of."""
    sensor, found = resolve(reader, "alerts", name)
    test = Conditions()
    test.add("a.sensor = %(sensor)s AND a.id = %(id)s", sensor=sensor, id=found)
    [row] = reader.rows(_ONE.format(columns=_COLUMNS, test=test.sql), test.values)
    notes = reader.rows(_NOTES, test.values)
    incidents = reader.rows(_INCIDENTS, test.values | {"first": row[9], "last": row[10]})
    return AlertDetails(_row(row), _notes(notes), [joined(sensor, one[0]) for one in incidents])


def records(reader: Reader, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The last records of alerts by their ids at the hub, in one search; unknown ones are absent."""
    keys = [key for name in names if (key := key_of(name)) is not None]
    test = reader.conditions("a")
    sensors, ids = [sensor for sensor, _ in keys], [one for _, one in keys]
    test.add(
        "(a.sensor, a.id) IN (SELECT * FROM unnest(%(sensors)s::bigint[], %(ids)s::text[]))", sensors=sensors, ids=ids
    )
    rows = reader.rows(_RECORDS.format(test=test.sql), test.values)
    return {joined(sensor, one): with_origin(text, sensor, name, site) for sensor, one, name, site, text in rows}


def _place(order: Order, mark: str, row: tuple[Any, ...]) -> Any:
    values = {"last": row[10], "risk": row[7], "severity": row[4]}
    return order.place(mark, [values[column] for column in order.columns], row[16])


def _test(reader: Reader, wanted: AlertFilter) -> Conditions:
    """The conditions of a filter. Raises Unknown, Malformed."""
    test = reader.conditions("a")
    _check_groups(reader, wanted)
    _add_groups(test, wanted)
    if wanted.since is not None or wanted.until is not None:
        until = wanted.until if wanted.until is not None else 1 << 62
        test.add(_LAST, since=time_at(wanted.since or 0), until=time_at(until))
    if wanted.vlan is not None:
        raise Malformed(
            "vlan", str(wanted.vlan), "no such filter: a hub does not store it, the sensor's console has it"
        )
    if words := _text_query(wanted.text):
        test.add_words(reader, "a", "alert_words", _WORDS, words=words)
    for field, roles in (("source", "s"), ("target", "t"), ("device", "st")):
        if value := getattr(wanted, field):
            _add_end(reader, test, field, value, roles)
    return test


def _check_groups(reader: Reader, wanted: AlertFilter) -> None:
    """Raises Unknown for values that no alert can have, and for names that no sensor or alert has."""

    def present(column: str) -> list[str]:
        return [row[0] for row in reader.rows(_PRESENT.format(sql.Identifier(column)), {}) if row[0]]

    one_of("state", wanted.state, STATES)
    one_of("verdict", wanted.verdict, (*VERDICTS, NONE))
    check_detectors(wanted.detector, lambda: present("detector"))
    if wanted.assignee:
        one_of("assignee", wanted.assignee, (NOBODY, *present("assignee")))
    if wanted.site:
        one_of("site", wanted.site, [row[0] for row in reader.rows(_SITES, {})])


def _add_groups(test: Conditions, wanted: AlertFilter) -> None:
    """The conditions that counts can answer."""
    levels = levels_of(wanted.severity)
    if wanted.state:
        test.add_any("a", "state", "state", wanted.state)
        if "closed" not in wanted.state:
            test.add("a.state <> 'closed'")  # as the partial indices have it
    if wanted.severity:
        test.add("a.severity BETWEEN %(least)s AND %(most)s", least=levels[0], most=levels[-1])
    if wanted.verdict:
        test.add_any("a", "verdict", "verdict", ["" if one == NONE else one for one in wanted.verdict])
    if wanted.assignee:
        test.add_any("a", "assignee", "assignee", ["" if one == NOBODY else one for one in wanted.assignee])
    if wanted.site:
        test.add_any("a", "site", "site", wanted.site)
    if any(set(one) & set("*?") for one in wanted.detector):
        patterns = [escaped(one).replace("*", "%").replace("?", "_") for one in wanted.detector]
        test.add("a.detector LIKE ANY (%(detector)s)", detector=patterns)
    elif wanted.detector:
        test.add_any("a", "detector", "detector", wanted.detector)


def _text_query(text: str) -> str:
    """Words for to_tsquery, each quoted: all must match, as whole words unless they end with *."""
    words = [word for word in text.replace("\0", " ").split() if re.search(r"\w", word)]
    quoted = [word.rstrip("*").replace("\\", " ").replace("'", "''") for word in words]
    return " & ".join(f"'{one}'{':*' if word.endswith('*') else ''}" for one, word in zip(quoted, words, strict=True))


def _add_end(reader: Reader, test: Conditions, field: str, value: str, roles: str) -> None:
    """A side of an alert: an address, MAC, host name, or a device of one sensor or of any."""
    word, sensor = value.casefold(), None
    if "dev-" in word:
        sensor, word = parsed(word)
    elif _NETWORK.fullmatch(word):
        raise Malformed(field, value, "an address, a MAC, a device or a name: a hub has no networks of alerts")
    if sensor is not None:
        test.add(_RAISED_BY.format(number=sql.Placeholder(f"{field}_sensor")), **{f"{field}_sensor": sensor})
    named = sql.SQL("w.parties && {}::text[]").format(sql.Placeholder(field))
    test.add_words(reader, "a", "alert_words", named, **{field: [f"{role}:{word}" for role in roles]})


def _facets(reader: Reader, wanted: AlertFilter, test: Conditions) -> tuple[Facets, int, bool]:
    """Counts by value of each facet, the total, and whether it is exact."""
    grouped = (
        not (wanted.text or wanted.source or wanted.target or wanted.device) and wanted.since is wanted.until is None
    )
    how = _COUNTS if grouped else _COUNTED
    rows = reader.rows(how.format(group=_GROUP, sets=_SETS, test=test.sql, limit=test.counted), test.values)
    facets: dict[str, Counter[str]] = {name: Counter() for name in FACETS}
    for *group, count, others in rows:
        # Bits of ``others`` are the columns that the row sums over, the last column in the lowest bit.
        for place, name in enumerate(FACETS[::-1]):
            if not others >> place & 1:
                facets[name][named(name, group[len(FACETS) - 1 - place])] += count
    total = facets["state"].total()
    counts = {name: {value: n for value, n in several.most_common() if n > 0} for name, several in facets.items()}
    return counts, total, grouped or total < test.counted


def _row(row: tuple[Any, ...]) -> AlertRow:
    sensor, name, sensor_name, state, severity, *rest = row[:16]
    others = row[17]
    detector, title, risk, count, first, last, verdict, assignee, site, summary, text = rest
    record = with_origin(text, sensor, sensor_name, site)
    record["sensor"] |= {"others": others} if others else {}
    return AlertRow(
        joined(sensor, name), state, SEVERITIES[severity], detector, title, risk, count, ns_of(first), ns_of(last),
        verdict, assignee, site, summary, record,
    )  # fmt: skip


def _notes(rows: list[tuple[Any, ...]]) -> list[AlertNote]:
    """Notes as actions: each row of the hub has the resulting state, verdict and assignee."""
    found: list[AlertNote] = []
    before: tuple[str, str, str] = ("", "", "")
    for at, author, state, verdict, assignee, comment in rows:
        for action, value in _changes(before, (state, verdict, assignee)) or [("comment", "")]:
            found.append(AlertNote(ns_of(at), author, action, value, comment))
        before = state, verdict, assignee
    return found


def _changes(before: tuple[str, str, str], after: tuple[str, str, str]) -> list[tuple[str, str]]:
    found = [(_ACTIONS.get(after[0], after[0]), "")] if after[0] != before[0] else []
    pairs = zip(("verdict", "assign"), before[1:], after[1:], strict=True)
    return found + [(action, new or NONE) for action, old, new in pairs if old != new]
