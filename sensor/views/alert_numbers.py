"""The numbers of alerts that match clauses: all of them if they are few, some if they are many."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import Any, NamedTuple

from sensor.views.clauses import Clause

# Limits: alerts that are all inspected; the same if each needs other tables; alerts that are counted if there are more.
FEW, FEW_TESTED, COUNTED = 5_000, 500, 1_000
# Limits on the numbers listed for a party, for a text, and for a text that fewer than one in SPARSE of the newest
# alerts match: testing an alert for a text takes much longer than for a party.
LISTED_WHO, LISTED, LISTED_SPARSE, SPARSE = 16_000, 30_000, 100_000, 10
# A text is frequent if the newest SAMPLE alerts that match it are among FREQUENT times as many alerts.
SAMPLE, FREQUENT = 200, 20

Groups = Counter[int]
Row = tuple[Any, ...]


class AlertNumbers(NamedTuple):
    """``known``: numbers that include all matches, None if each clause matches many; ``some``: the numbers that one of
    those clauses matches, highest first, and that clause. ``cheap`` and ``costly``: clauses that alerts must still be
    tested by; costly ones need other tables.
    """

    known: frozenset[int] | None
    some: tuple[list[int], Clause] | None
    cheap: list[Clause]
    costly: list[Clause]

    @property
    def few(self) -> bool:
        return self.known is not None and len(self.known) <= (FEW_TESTED if self.costly else FEW)


def numbers_of(base: sqlite3.Connection, groups: Groups, clauses: Sequence[Clause]) -> AlertNumbers:
    """The matches of clauses; groups with few alerts are used like a clause."""
    known: frozenset[int] | None = None
    some: tuple[list[int], Clause] | None = None
    costly: list[Clause] = []
    if clauses and groups.total() <= FEW:
        listed = "SELECT number FROM alerts WHERE of_group IN (SELECT value FROM json_each(?))"
        known = frozenset(row[0] for row in tuples(base, listed, [json.dumps(list(groups))]))
    for clause in clauses:
        found, whole = _listed(base, clause)
        if whole:
            known = frozenset(found) if known is None else known & frozenset(found)
        elif not clause.cheap:
            costly.append(clause)
            some = (found, clause) if some is None or clause.match else some
    return AlertNumbers(known, some, [clause for clause in clauses if clause.cheap], costly)


def untested(clauses: Sequence[Clause]) -> AlertNumbers:
    """Nothing is known about the matches of clauses."""
    cheap = [clause for clause in clauses if clause.cheap]
    return AlertNumbers(None, None, cheap, [clause for clause in clauses if not clause.cheap])


def with_newest(base: sqlite3.Connection, numbers: AlertNumbers) -> AlertNumbers:
    """The numbers with the newest alerts that match the text, if the text index returns these at once; for a word
    prefix it has to look up all.
    """
    clause = next(clause for clause in numbers.costly if clause.match)
    if "*" in clause.match:
        return numbers
    newest = tuples(base, clause.numbers, clause.parameters).fetchmany(COUNTED)
    return numbers._replace(some=([row[0] for row in newest], clause))


def is_frequent(base: sqlite3.Connection, clause: Clause) -> bool:
    """Whether many of the newest alerts match a text."""
    return _among_few([row[0] for row in tuples(base, clause.numbers, clause.parameters).fetchmany(SAMPLE)])


def _among_few(newest: Sequence[int]) -> bool:
    return len(newest) >= SAMPLE and newest[0] - newest[-1] < FREQUENT * SAMPLE


def _listed(base: sqlite3.Connection, clause: Clause) -> tuple[list[int], bool]:
    """The numbers that a clause matches, and whether they are all."""
    most = FEW if clause.cheap else LISTED if clause.match else LISTED_WHO
    if not clause.cheap and not clause.match:
        counted = f"SELECT count(*) FROM ({clause.numbers} LIMIT {most + 1})"  # noqa: S608 - our own words
        if tuples(base, counted, clause.parameters).fetchone()[0] > most:  # takes half as long as to list them
            most = COUNTED
    rows = tuples(base, clause.numbers, clause.parameters)
    found = [row[0] for row in rows.fetchmany(SAMPLE if clause.match else most + 1)]
    if clause.match and not _among_few(found):
        found += [row[0] for row in rows.fetchmany(most + 1 - len(found))]
    elif clause.match:
        most = SAMPLE - 1
    if clause.match and len(found) > most and found[0] - found[-1] > SPARSE * most:
        most = LISTED_SPARSE
        found += [row[0] for row in rows.fetchmany(most + 1 - len(found))]
    return found, len(found) <= most


def of_numbers(
    base: sqlite3.Connection,
    groups: Groups | None,
    numbers: Iterable[int],
    clauses: tuple[Sequence[Clause], Sequence[Clause]],
    columns: str,
) -> list[Row]:
    """The columns, number and group of matching alerts, unordered. ``groups``: None for all; ``clauses``: cheap and
    costly ones.
    """
    cheap, costly = clauses
    tests, parameters = conditions_of(None, cheap)
    wanted = (
        f"SELECT {columns}, a.number, a.of_group FROM json_each(?) AS one CROSS JOIN alerts a INDEXED BY alerts_number"  # noqa: S608 - our own names
        f" ON a.number = one.value WHERE {tests}"
    )
    rows = tuples(base, wanted, [json.dumps(sorted(numbers)), *parameters])
    return passing(base, costly, [row for row in rows if groups is None or row[-1] in groups])


def passing(base: sqlite3.Connection, clauses: Sequence[Clause], rows: list[Row]) -> list[Row]:
    """The rows whose alerts match clauses that need other tables. The last value but one of a row is the number."""
    for clause in sorted(clauses, key=lambda one: bool(one.match)):
        if rows:
            numbers = json.dumps(sorted(row[-2] for row in rows))
            left = _with_text(base, clause.match, numbers) if clause.match else _tested(base, clause, numbers)
            rows = [row for row in rows if row[-2] in left]
    return rows


def _tested(base: sqlite3.Connection, clause: Clause, numbers: str) -> set[int]:
    wanted = f"SELECT a.number FROM (SELECT value AS number FROM json_each(?)) a WHERE {clause.test}"  # noqa: S608
    return {row[0] for row in tuples(base, wanted, [numbers, *clause.parameters])}


def _with_text(base: sqlite3.Connection, match: str, numbers: str) -> set[int]:
    """The alerts that match a text. Testing one alert with the text index takes as long as reading the index from its
    beginning, so the texts of these few are put into a separate index.
    """
    texts = "SELECT number, summary, words FROM alerts WHERE number IN (SELECT value FROM json_each(?))"
    with closing(sqlite3.connect(":memory:")) as own:
        own.execute("CREATE VIRTUAL TABLE texts USING fts5 (summary, words, tokenize = 'unicode61')")
        own.executemany("INSERT INTO texts (rowid, summary, words) VALUES (?, ?, ?)", tuples(base, texts, [numbers]))
        return {row[0] for row in own.execute("SELECT rowid FROM texts WHERE texts MATCH ?", (match,))}


def counts_of(base: sqlite3.Connection, groups: Groups, numbers: AlertNumbers) -> Groups:
    """Number of matches among some alerts, by group."""
    known, costly = numbers.known or frozenset(), numbers.costly
    if numbers.some is not None:
        listed, clause = numbers.some
        known = frozenset(listed) if numbers.known is None else known & frozenset(listed)
        costly = [one for one in costly if one is not clause]
    newest = sorted(known)[-COUNTED:]
    return Counter(row[-1] for row in of_numbers(base, groups, newest, (numbers.cheap, costly), "a.last"))


def count_of_cheap(base: sqlite3.Connection, groups: Groups, clauses: Sequence[Clause]) -> tuple[Groups, bool]:
    """Matches among the alerts seen last: their number by group, and whether these are all."""
    tests, parameters = conditions_of(groups, clauses)
    newest = (
        f"SELECT a.of_group FROM alerts a INDEXED BY alerts_last WHERE {tests} ORDER BY a.last DESC LIMIT {COUNTED}"  # noqa: S608 - our own names
    )
    counts = Counter(dict(tuples(base, f"SELECT of_group, count(*) FROM ({newest}) GROUP BY 1", parameters)))  # noqa: S608
    return counts, counts.total() < COUNTED


def conditions_of(groups: Groups | None, clauses: Iterable[Clause]) -> tuple[str, list[object]]:
    """Groups (None for all) and clauses as SQL, with the parameters."""
    tests, parameters = ["1"], list[object]()
    if groups is not None:
        tests.append("a.of_group IN (SELECT value FROM json_each(?))")
        parameters.append(json.dumps(list(groups)))
    for clause in clauses:
        tests.append(clause.test)
        parameters += clause.parameters
    return " AND ".join(tests), parameters


def tuples(base: sqlite3.Connection, query: str, parameters: Sequence[object]) -> sqlite3.Cursor:
    """Rows as plain tuples, since many are read."""
    cursor = base.cursor()
    cursor.row_factory = None
    return cursor.execute(query, parameters)
