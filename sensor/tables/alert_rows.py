"""Alerts of a batch of records as rows: read once, changed by each record in order, written once. The same rows come of
any cut into batches.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from sensor.core.bounded import Bounded
from sensor.tables.lines import TEXT, WORD, AlertPart, Ends, Line, address_bytes, ends_of, names_of
from sensor.tables.notes import AlertState, states_of

# Of ends and of what they are known by: kept between batches, and the same where much is put in at once.
ENDS_KEPT, ENDS_KEPT_MUCH = 16_384, 262_144
SOURCE, TARGET = 0, 1
NO_HOST: Ends = ("", "", "", "", "")

Group = tuple[str, int, str, str, str, str]
Name = tuple[str, str]

_COLUMNS = "number, id, key, of_group, title, risk, count, first, last, ended, seq, summary, words"
_LOAD = f"SELECT {_COLUMNS} FROM alerts WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608 - constants only
_SAVE = f"INSERT OR REPLACE INTO alerts ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_ENTITIES = "SELECT number, kind, value FROM entities WHERE value IN (SELECT value FROM json_each(?))"
_GROUPS = "SELECT number, state, severity, detector, verdict, assignee, site FROM alert_groups"
_LAST = "SELECT coalesce((SELECT max(number) FROM alerts), 0), coalesce((SELECT max(number) FROM entities), 0)"
_FORGET_TEXT = "INSERT INTO alert_text (alert_text, rowid, summary, words) VALUES ('delete', ?, ?, ?)"
_INDEX_TEXT = "INSERT INTO alert_text (rowid, summary, words) VALUES (?, ?, ?)"


class _Alert(msgspec.Struct, gc=False):
    """A row to be written. ``indexed``: its summary and words as the text index has them, None if it is new."""

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
    words: str
    severity: int
    detector: str
    site: str
    state: AlertState
    indexed: tuple[str, str] | None
    record: str = ""
    ends: dict[tuple[int, Ends], None] = {}


class AlertRows:
    """Writes alerts. What it remembers between batches is only a copy of what the tables hold."""

    def __init__(self, base: sqlite3.Connection, *, indexed: bool = True) -> None:
        """``indexed``: keep the index of texts as well."""
        self._base, self._indexed = base, indexed
        self._groups: dict[Group, int] = {tuple(row[1:]): row[0] for row in base.execute(_GROUPS)}
        self._of: dict[int, Group] = {number: group for group, number in self._groups.items()}
        kept = ENDS_KEPT if indexed else ENDS_KEPT_MUCH
        self._ends: Bounded[Ends, tuple[int, ...]] = Bounded(kept)
        (self._last, self._last_entity) = base.execute(_LAST).fetchone()
        self.collisions = 0

    def take(self, lines: Iterable[tuple[Line, str]]) -> None:
        """The records of alerts in a batch, each with its text, in their order."""
        alerts_of_lines = [(line, line.alert, text) for line, text in lines if line.alert is not None]
        alerts = self._load({part.id for _, part, _ in alerts_of_lines})
        touched: dict[str, _Alert] = {}
        for line, part, text in alerts_of_lines:
            one = self._alert_of(alerts, line, part)
            _change(one, line, part, text)
            touched[one.id] = one
        self._load_states(touched.values())
        self._save(touched.values())

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
                self._last, name, key, 0, "", 0, 0, line.ns, 0, 0, 0, "", "", 0, "", "", AlertState(), None, ends={}
            )
        return one

    def _load_states(self, alerts: Iterable[_Alert]) -> None:
        states = states_of(self._base, json.dumps([one.id for one in alerts]))
        for one in alerts:
            one.state = states.get(one.id, one.state)

    def _save(self, alerts: Iterable[_Alert]) -> None:
        base = self._base
        self._regroup(alerts)
        news = [one for one in alerts if self._indexed and one.indexed != (one.summary, one.words)]
        base.executemany(_FORGET_TEXT, [(one.number, *one.indexed) for one in news if one.indexed is not None])
        base.executemany(_SAVE, [_row(one) for one in alerts])
        base.executemany(_INDEX_TEXT, [(one.number, one.summary, one.words) for one in news])
        base.executemany(
            "INSERT OR REPLACE INTO alert_records VALUES (?, ?)", [(one.number, one.record) for one in alerts]
        )
        self._save_ends(alerts)

    def _save_ends(self, alerts: Iterable[_Alert]) -> None:
        several = [one for one in alerts if one.ends]
        numbers = self._numbers_of(dict.fromkeys(end for one in several for _, end in one.ends))
        rows = [(number, role, one.number) for one in several for role, end in one.ends for number in numbers[end]]
        self._base.executemany("INSERT OR IGNORE INTO alert_entities VALUES (?, ?, ?)", rows)

    def _numbers_of(self, ends: Iterable[Ends]) -> dict[Ends, tuple[int, ...]]:
        """The entities of each end."""
        found = {end: self._ends.get(end) for end in ends}
        names = {end: names_of(end) for end, numbers in found.items() if numbers is None}
        entities = self._entities_of(dict.fromkeys(name for several in names.values() for name in several))
        known = {end: numbers for end, numbers in found.items() if numbers is not None}
        for end, several in names.items():
            known[end] = tuple(entities[name] for name in several)
            self._ends.put(end, known[end])
        return known

    def _entities_of(self, names: Iterable[Name]) -> dict[Name, int]:
        """Their numbers; those that are new get the next ones."""
        several = list(names)
        found = self._base.execute(_ENTITIES, (json.dumps([value for _, value in several]),)).fetchall()
        numbers = {(kind, value): number for number, kind, value in found}
        new = [name for name in several if name not in numbers]
        rows = [
            (number, kind, value, address_bytes(value) if kind == "ip" else None)
            for number, (kind, value) in enumerate(new, self._last_entity + 1)
        ]
        self._last_entity += len(new)
        self._base.executemany("INSERT INTO entities (number, kind, value, address) VALUES (?, ?, ?, ?)", rows)
        return numbers | {(kind, value): number for number, kind, value, _ in rows}

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


def _change(one: _Alert, line: Line, part: AlertPart, text: str) -> None:
    """The fields of an alert record."""
    one.title, one.risk, one.count = part.title[:WORD], part.risk, part.count
    one.first, one.last = line.time_or(part.first, one.first), line.time_or(part.last, line.ns)
    one.ended, one.seq, one.summary, one.record = int(line.action == "close"), line.sensor.seq, line.summary, text
    one.severity, one.detector, one.site = line.level, part.detector[:WORD], line.sensor.site[:WORD]
    ends = [(SOURCE, ends_of(line.src))]
    ends += [(TARGET, ends_of(end)) for end in (line.dst, *line.targets)]
    if line.network.vlan:
        ends.append((SOURCE, (*NO_HOST[:4], str(line.network.vlan))))
    one.ends |= {end: None for end in ends if end[1] != NO_HOST}
    attack = [word for technique in part.attack for word in (technique.technique, technique.name)]
    # Addresses are found as entities.
    called = [end[3][:WORD].casefold() for _, end in ends if end[3]]
    one.words = " ".join(dict.fromkeys([one.title, one.detector, *attack, *called]))[: 4 * TEXT]


def _row(one: _Alert) -> tuple[object, ...]:
    return (
        one.number, one.id, one.key, one.group, one.title, one.risk, one.count, one.first, one.last, one.ended,
        one.seq, one.summary, one.words,
    )  # fmt: skip
