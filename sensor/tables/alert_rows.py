"""Alerts of a batch of records as rows: read once, changed by each record in order, written once. The same rows come of
any cut into batches.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from sensor.inventory.store.schema_parties import BLOCK
from sensor.tables.lines import TEXT, WORD, AlertPart, Line, Party, party_of
from sensor.tables.notes import AlertState, states_of
from sensor.tables.party_rows import NOBODY, SOURCE, TARGET, PartyRows

Group = tuple[str, int, str, str, str, str]

_COLUMNS = "number, id, key, of_group, title, risk, count, first, last, ended, seq, summary, words"
_LOAD = f"SELECT {_COLUMNS} FROM alerts WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608 - constants only
_ADD = f"INSERT INTO alerts ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
# To replace a row would write all entries of all its indices again.
_UPDATE = (
    "UPDATE alerts SET id = ?2, key = ?3, of_group = ?4, title = ?5, risk = ?6, count = ?7, first = ?8, last = ?9,"
    " ended = ?10, seq = ?11, summary = ?12, words = ?13 WHERE number = ?1"
)
_ADD_RECORD, _UPDATE_RECORD = (
    "INSERT INTO alert_records VALUES (?, ?)",
    "UPDATE alert_records SET record = ?2 WHERE number = ?1",
)
_GROUPS = "SELECT number, state, severity, detector, verdict, assignee, site FROM alert_groups"
_LAST = "SELECT coalesce(max(number), 0) FROM alerts"
_FORGET_TEXT = "INSERT INTO alert_text (alert_text, rowid, summary, words) VALUES ('delete', ?, ?, ?)"
_INDEX_TEXT = "INSERT INTO alert_text (rowid, summary, words) VALUES (?, ?, ?)"
_SPAN = (
    "INSERT INTO alert_spans VALUES (?, ?, ?)"
    " ON CONFLICT (block) DO UPDATE SET low = min(low, excluded.low), high = max(high, excluded.high)"
)


_NO_STATE = AlertState()


class _Alert(msgspec.Struct, gc=False):
    """A row to be written. ``indexed``: its summary and words as the text index has them, None if it is new;
    ``newest``: its last record in the batch, with the text; ``parties``: by role, of all its records in the batch.
    """

    number: int
    id: str
    key: str
    group: int
    title: str
    risk: int
    count: int
    first: int
    last: int
    ended: int
    seq: int
    summary: str
    search_text: str
    severity: int
    detector: str
    site: str
    state: AlertState
    indexed: tuple[str, str] | None
    newest: tuple[Line, AlertPart, str] | None = None
    parties: list[tuple[int, Party]] = []


class AlertRows:
    """Writes alerts. What it remembers between batches is only a copy of what the tables hold."""

    def __init__(self, base: sqlite3.Connection, *, indexed: bool = True) -> None:
        """``indexed``: keep the index of texts as well."""
        self._base, self._indexed = base, indexed
        self._groups: dict[Group, int] = {tuple(row[1:]): row[0] for row in base.execute(_GROUPS)}
        self._of: dict[int, Group] = {number: group for group, number in self._groups.items()}
        self._parties = PartyRows(base, much=not indexed)
        (self._last,) = base.execute(_LAST).fetchone()
        self.collisions = 0

    def take(self, lines: Iterable[tuple[Line, str]]) -> None:
        """The records of alerts in a batch, each with its text, in their order."""
        alerts_of_lines = [(line, line.alert, text) for line, text in lines if line.alert is not None]
        alerts = self._load({part.id for _, part, _ in alerts_of_lines})
        touched: dict[str, _Alert] = {}
        for line, part, text in alerts_of_lines:
            one = self._alert_of(alerts, line, part)
            if part.first:
                one.first = line.time_or(part.first, one.first)
            one.newest = line, part, text
            one.parties += _parties_of(line)
            touched[one.id] = one
        for one in touched.values():
            _change(one)
        self._load_states(touched.values())
        self._save(list(touched.values()))

    def take_notes(self, ids: list[str]) -> None:
        """Notes of the operator about some alerts: those that are known move to another group."""
        alerts = self._load(set(ids)).values()
        self._load_states(alerts)
        moves = self._regroup(alerts)
        self._base.executemany("UPDATE alerts SET of_group = ? WHERE number = ?", moves)

    def _load(self, ids: set[str]) -> dict[str, _Alert]:
        rows = self._base.execute(_LOAD, (json.dumps(sorted(ids)),)).fetchall()
        found: dict[str, _Alert] = {}
        for row in rows:
            _, severity, detector, verdict, assignee, site = self._of[row[3]]
            rest: tuple[Any, ...] = (severity, detector, site, AlertState("", verdict, assignee), (row[11], row[12]))
            found[row[1]] = _Alert(*(*row, *rest))
        return found

    def _alert_of(self, alerts: dict[str, _Alert], line: Line, part: AlertPart) -> _Alert:
        """The alert that a record is about, or a new one. Where its id is taken by another finding it gets one of its
        own.
        """
        name, key, tries = part.id[:WORD], part.key[:WORD], 1
        while (one := alerts.get(name)) is not None and one.key != key:
            tries += 1
            name = f"{part.id[:WORD]}-{tries}"
            if name not in alerts:
                alerts |= self._load({name})
        if one is None:
            self.collisions += tries > 1
            self._last += 1
            one = alerts[name] = _Alert(
                self._last, name, key, 0, "", 0, 0, line.ns, 0, 0, 0, "", "", 0, "", "", _NO_STATE, None, parties=[]
            )
        return one

    def _load_states(self, alerts: Iterable[_Alert]) -> None:
        states = states_of(self._base, json.dumps([one.id for one in alerts]))
        for one in alerts:
            one.state = states.get(one.id, one.state)

    def _save(self, alerts: Sequence[_Alert]) -> None:
        self._regroup(alerts)
        new = [one for one in alerts if one.indexed is None]
        known = [one for one in alerts if one.indexed is not None]
        if self._indexed:
            changed = [one for one in known if one.indexed != (one.summary, one.search_text)]
            forgotten = [(one.number, *one.indexed) for one in changed if one.indexed is not None]
            self._base.executemany(_FORGET_TEXT, forgotten)
            texts = [(one.number, one.summary, one.search_text) for one in (*changed, *new)]
            self._base.executemany(_INDEX_TEXT, texts)
            self._base.executemany(_SPAN, _spans_of(alerts))
        self._write(new, _ADD, _ADD_RECORD)
        self._write(known, _UPDATE, _UPDATE_RECORD)
        self._parties.save([(one.number, role, party) for one in alerts for role, party in one.parties])

    def _write(self, alerts: Sequence[_Alert], row: str, record: str) -> None:
        self._base.executemany(row, [_row(one) for one in alerts])
        records = [(one.number, one.newest[2]) for one in alerts if one.newest is not None]
        self._base.executemany(record, records)

    def _regroup(self, alerts: Iterable[_Alert]) -> list[tuple[int, int]]:
        """Put each into the group it belongs to now; (group, number) of those that moved."""
        moves: list[tuple[int, int]] = []
        counts: Counter[int] = Counter()
        for one in alerts:
            group = self._group(
                (_state(one), one.severity, one.detector, one.state.verdict, one.state.assignee, one.site)
            )
            if group != one.group:
                counts[group] += 1
                counts[one.group] -= 1
                moves.append((group, one.number))
                one.group = group
        self._base.executemany(
            "UPDATE alert_groups SET alerts = alerts + ? WHERE number = ?",
            [(count, number) for number, count in counts.items()],
        )
        return moves

    def _group(self, group: Group) -> int:
        number = self._groups.get(group)
        if number is None:
            wanted = (
                "INSERT INTO alert_groups (state, severity, detector, verdict, assignee, site, alerts) "
                "VALUES (?, ?, ?, ?, ?, ?, 0)"
            )
            number = self._groups[group] = self._base.execute(wanted, group).lastrowid or 0
            self._of[number] = group
        return number


def _state(one: _Alert) -> str:
    """The operator's severity, else the sensor's."""
    return one.state.state or ("closed" if one.ended else "open")


def _change(one: _Alert) -> None:
    """The fields of its last record."""
    if one.newest is None:
        return
    line, part, _ = one.newest
    one.title, one.risk, one.count = part.title[:WORD], part.risk, part.count
    one.last = line.time_or(part.last, line.ns)
    one.ended, one.seq, one.summary = int(line.action == "close"), line.sensor.seq, line.summary
    one.severity, one.detector, one.site = line.level, part.detector[:WORD], line.sensor.site[:WORD]
    attack = [word for technique in part.attack for word in (technique.technique, technique.name)]
    # Addresses are found as parties.
    called = [end.hostname[:WORD].casefold() for end in (line.src, line.dst, *line.targets) if end.hostname]
    one.search_text = " ".join(dict.fromkeys([one.title, one.detector, *attack, *called]))[: 4 * TEXT]


def _parties_of(line: Line) -> list[tuple[int, Party]]:
    """Who took part, by role; the VLAN is that of the source."""
    parties = [(SOURCE, party_of(line.src, line.network.vlan)), (TARGET, party_of(line.dst))]
    if line.targets:
        parties += [(TARGET, party_of(end)) for end in line.targets]
    return [one for one in parties if one[1] != NOBODY]


def _spans_of(alerts: Iterable[_Alert]) -> list[tuple[int, int, int]]:
    """Of each block of alerts, the earliest and the latest time at which one of these was seen last."""
    spans: dict[int, tuple[int, int]] = {}
    for one in alerts:
        low, high = spans.get(one.number // BLOCK, (one.last, one.last))
        spans[one.number // BLOCK] = min(low, one.last), max(high, one.last)
    return [(block, *span) for block, span in spans.items()]


def _row(one: _Alert) -> tuple[object, ...]:
    return (
        one.number, one.id, one.key, one.group, one.title, one.risk, one.count, one.first, one.last, one.ended,
        one.seq, one.summary, one.search_text,
    )  # fmt: skip
