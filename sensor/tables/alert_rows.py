"""Alerts of a batch as rows: read once, changed, written once. The rows do not depend on how records are split into
batches.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from sensor.inventory.store.schema_parties import BLOCK
from sensor.tables.batch import AlertFacts
from sensor.tables.lines import Party
from sensor.tables.notes import AlertState, states_of
from sensor.tables.party_rows import PartyRows

Group = tuple[str, int, str, str, str, str]

_LOAD = (
    "SELECT number, id, key, of_group, first, ended, summary, words FROM alerts"
    " WHERE id IN (SELECT value FROM json_each(?))"
)
_ADD = (
    "INSERT INTO alerts"
    " (number, id, key, of_group, title, risk, count, first, last, ended, seq, summary, words, severity)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
# Replacing a row would rewrite all entries of all its indexes.
_UPDATE = (
    "UPDATE alerts SET id = ?2, key = ?3, of_group = ?4, title = ?5, risk = ?6, count = ?7, first = ?8, last = ?9,"
    " ended = ?10, seq = ?11, summary = ?12, words = ?13, severity = ?14 WHERE number = ?1"
)
_ADD_RECORD = "INSERT INTO alert_records VALUES (?, ?)"
_UPDATE_RECORD = "UPDATE alert_records SET record = ?2 WHERE number = ?1"
_GROUPS = "SELECT number, state, severity, detector, verdict, assignee, site FROM alert_groups"
_ADD_GROUP = (
    "INSERT INTO alert_groups (state, severity, detector, verdict, assignee, site, alerts) VALUES (?, ?, ?, ?, ?, ?, 0)"
)
_LAST = "SELECT coalesce(max(number), 0) FROM alerts"
_FORGET_TEXT = "INSERT INTO alert_text (alert_text, rowid, summary, words) VALUES ('delete', ?, ?, ?)"
_INDEX_TEXT = "INSERT INTO alert_text (rowid, summary, words) VALUES (?, ?, ?)"
_SPAN = (
    "INSERT INTO alert_spans VALUES (?, ?, ?)"
    " ON CONFLICT (block) DO UPDATE SET low = min(low, excluded.low), high = max(high, excluded.high)"
)
_NO_STATE = AlertState()


class _Alert(msgspec.Struct, gc=False):
    """A row. ``group``: its group number, 0 if it is new; ``texts``: its summary and words in the text index, None if
    it is new.
    """

    number: int
    id: str
    key: str
    group: int
    first: int
    ended: int
    state: AlertState
    texts: tuple[str, str] | None = None


# A row to write, with the facts that a batch reports about it.
_Change = tuple[_Alert, AlertFacts]


class AlertRows:
    """Writes alerts. Data cached between batches is only a copy of the tables."""

    def __init__(self, base: sqlite3.Connection, *, indexed: bool = True) -> None:
        """``indexed``: update the text index as well."""
        self._base, self._indexed = base, indexed
        self._groups: dict[Group, int] = {tuple(row[1:]): row[0] for row in base.execute(_GROUPS)}
        self._of: dict[int, Group] = {number: group for group, number in self._groups.items()}
        self._parties = PartyRows(base, much=not indexed)
        (self._last,) = base.execute(_LAST).fetchone()
        self.collisions = 0

    def take(self, facts: Sequence[AlertFacts], parties: Sequence[Party]) -> None:
        """Write the alerts of a batch, in order of their first records, and its parties."""
        if not facts:
            return
        alerts = self._load({one.id for one in facts})
        found = [(self._alert_of(alerts, one), one) for one in facts]
        # An id that was made for the second finding with an id may also be another finding's own: the last record
        # counts.
        last = {one.number: (one, facts) for one, facts in sorted(found, key=lambda change: change[1].seq)}
        changes = list(last.values())
        self._load_states([one for one, _ in changes])
        self._regroup((one, self._group_of(one, facts)) for one, facts in changes)
        self._save(changes)
        self._parties.save(parties, [(one.number, *party) for one, facts in found for party in facts.parties])

    def take_notes(self, ids: list[str]) -> None:
        """Apply operator notes about some alerts: known alerts move to another group."""
        alerts = list(self._load(set(ids)).values())
        self._load_states(alerts)
        moves = self._regroup((one, self._group_of(one)) for one in alerts)
        self._base.executemany("UPDATE alerts SET of_group = ? WHERE number = ?", moves)

    def _load(self, ids: set[str]) -> dict[str, _Alert]:
        cursor = self._base.cursor()
        cursor.row_factory = None
        rows = cursor.execute(_LOAD, (msgspec.json.encode(sorted(ids)).decode(),))
        return {
            name: _Alert(number, name, key, group, first, ended, self._state_of(group), (summary, words))
            for number, name, key, group, first, ended, summary, words in rows
        }

    def _state_of(self, group: int) -> AlertState:
        _, _, _, verdict, assignee, _ = self._of[group]
        return AlertState("", verdict, assignee)

    def _alert_of(self, alerts: dict[str, _Alert], facts: AlertFacts) -> _Alert:
        """The row of an alert, or a new one. If its id belongs to another finding, it gets a new id."""
        name, tries = facts.id, 1
        while (one := alerts.get(name)) is not None and one.key != facts.key:
            tries += 1
            name = f"{facts.id}-{tries}"
            if name not in alerts:
                alerts |= self._load({name})
        if one is None:
            self.collisions += tries > 1
            self._last += 1
            one = alerts[name] = _Alert(self._last, name, facts.key, 0, facts.opened, 0, _NO_STATE)
        if facts.first is not None:
            one.first = facts.first
        return one

    def _load_states(self, alerts: Sequence[_Alert]) -> None:
        states = states_of(self._base, [one.id for one in alerts])
        if states:
            for one in alerts:
                one.state = states.get(one.id, one.state)

    def _group_of(self, one: _Alert, facts: AlertFacts | None = None) -> Group:
        """The group it belongs to now: from the facts of a batch, else from its present group and the operator's
        notes.
        """
        state = one.state
        if facts is not None:
            level, detector, site, ended = facts.severity, facts.detector, facts.site, facts.ended
        else:
            (_, level, detector, _, _, site), ended = self._of[one.group], one.ended
        return state.state or ("closed" if ended else "open"), level, detector, state.verdict, state.assignee, site

    def _regroup(self, groups: Iterable[tuple[_Alert, Group]]) -> list[tuple[int, int]]:
        """Move alerts to their groups; returns (group, number) of those that moved."""
        moves: list[tuple[int, int]] = []
        counts: Counter[int] = Counter()
        for one, group in groups:
            number = self._groups.get(group) or self._add_group(group)
            if number != one.group:
                counts[number] += 1
                counts[one.group] -= 1
                moves.append((number, one.number))
                one.group = number
        self._base.executemany(
            "UPDATE alert_groups SET alerts = alerts + ? WHERE number = ?",
            [(count, number) for number, count in counts.items()],
        )
        return moves

    def _add_group(self, group: Group) -> int:
        number = self._groups[group] = self._base.execute(_ADD_GROUP, group).lastrowid or 0
        self._of[number] = group
        return number

    def _save(self, changes: Sequence[_Change]) -> None:
        new = [change for change in changes if change[0].texts is None]
        known = [change for change in changes if change[0].texts is not None]
        if self._indexed:
            self._index(new, known)
        self._write(new, _ADD, _ADD_RECORD)
        self._write(known, _UPDATE, _UPDATE_RECORD)

    def _index(self, new: Sequence[_Change], known: Sequence[_Change]) -> None:
        changed = [(one, facts) for one, facts in known if one.texts != (facts.summary, facts.search_text)]
        self._base.executemany(_FORGET_TEXT, [(one.number, *(one.texts or ())) for one, _ in changed])
        texts = [(one.number, facts.summary, facts.search_text) for one, facts in (*changed, *new)]
        self._base.executemany(_INDEX_TEXT, texts)
        self._base.executemany(_SPAN, _spans_of((*known, *new)))

    def _write(self, changes: Sequence[_Change], row: str, record: str) -> None:
        rows = [
            (
                one.number, one.id, one.key, one.group, facts.title, facts.risk, facts.count, one.first, facts.last,
                facts.ended, facts.seq, facts.summary, facts.search_text, facts.severity,
            )
            for one, facts in changes
        ]  # fmt: skip
        self._base.executemany(row, rows)
        self._base.executemany(record, [(one.number, facts.record) for one, facts in changes])


def _spans_of(changes: Iterable[_Change]) -> list[tuple[int, int, int]]:
    """For each block of alerts, the earliest and latest last time among these changes."""
    spans: dict[int, tuple[int, int]] = {}
    for one, facts in changes:
        low, high = spans.get(one.number // BLOCK, (facts.last, facts.last))
        spans[one.number // BLOCK] = min(low, facts.last), max(high, facts.last)
    return [(block, *span) for block, span in spans.items()]
