"""Look-back: past contacts, in the records, with indicators that a threat list has only now. Each becomes an alert that
is marked as retrospective and has the times of the contacts.

The lists may be long, so the records are not searched for them. Instead each distinct address, name and hash in the
records is looked up in the previous and the present lists.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from sensor.core import addresses
from sensor.core.alert import Alert, Severity
from sensor.core.detector import Listed
from sensor.core.observation import Subject
from sensor.core.stored import Stored
from sensor.records.findings import devices_of, key_of, moment_ns, subject_of, techniques_of, text_of
from sensor.records.query import Query, Range

DAYS = 30
# Limit on distinct values of each kind that are looked up, the newest first; and on alerts of one look-back.
VALUES_MOST, ALERTS_MOST = 200_000, 64
MEMORY_MIB, SECONDS = 256, 120.0
MASK = (1 << 64) - 1
FALSE_POSITIVES = "Entries that are outdated or wrong; addresses that had another owner at the time of the contact."
ADVICE = (
    "Review the later activity of the device: `sensor search {actor}`. The contact ended unless a later one is listed."
)


class Lists(Protocol):
    """A version of the threat lists."""

    def listed(
        self, hi: npt.NDArray[np.uint64], lo: npt.NDArray[np.uint64], ts: npt.NDArray[np.int64] | int = 0
    ) -> npt.NDArray[np.int32]: ...
    def entry(self, number: int) -> Listed: ...
    def domain(self, name: str, ts: int | None = None) -> Listed | None: ...
    def text(self, text: str, ts: int | None = None) -> Listed | None: ...


_NAMES = " UNION ALL ".join(
    f"SELECT {column} AS value, ts, src_device, src_ip, dst_ip, dst_port FROM {table}"
    for table, column in (("dns", "query"), ("tls", "sni"), ("http", "host"))
)
_MARKS = "SELECT unnest([ja3, ja4, sha256]) AS value, ts, src_device, src_ip, dst_ip, dst_port FROM tls"
_ADDRESSES = "SELECT dst_ip AS value, ts, src_device, src_ip, dst_ip, dst_port FROM conn WHERE direction = 'outbound'"


class Kind(NamedTuple):
    """One kind of indicator. ``detector``: the detector that raises the live findings; ``rows``: SQL of all values with
    their contacts.
    """

    detector: str
    what: str
    rows: str

    @property
    def values(self) -> str:
        """SQL of the distinct values, the newest first."""
        return f"SELECT value FROM ({self.rows}) WHERE value IS NOT NULL GROUP BY 1 ORDER BY max(ts) DESC"

    def contacts(self, count: int) -> str:
        """SQL of the contacts with ``count`` values: value, client, server, port, first, last, count."""
        return (
            "SELECT value, coalesce(src_device, src_ip), arg_max(dst_ip, ts), arg_max(dst_port, ts), min(ts)::VARCHAR,"
            f" max(ts)::VARCHAR, count(*) FROM ({self.rows}) WHERE value IN ({', '.join('?' * count)})"
            " GROUP BY 1, 2 ORDER BY 6 DESC"
        )


KINDS = (
    Kind("command_and_control.malicious_address", "address", _ADDRESSES),
    Kind("command_and_control.malicious_domain", "domain", _NAMES),
    Kind("command_and_control.malicious_fingerprint", "fingerprint", _MARKS),
)


def look_back(records: Path, before: Lists, after: Lists, now: int) -> list[Alert]:
    """Contacts of the last days with indicators listed in ``after`` and not in ``before``. ``now``: ns. Raises
    NoRecords, QueryError.
    """
    within = Range(now // 1000 - DAYS * 86_400_000_000, now // 1000)
    query = Query(records, within, memory_mib=MEMORY_MIB, seconds=SECONDS, aside=True)
    try:
        found = [alert for kind in KINDS for alert in _of_kind(query, kind, before, after, now)]
    finally:
        query.close()
    return [_at(alert, now + number) for number, alert in enumerate(found[:ALERTS_MOST])]


def _at(alert: Alert, now: int) -> Alert:
    alert.ts = now
    return alert


def _of_kind(query: Query, kind: Kind, before: Lists, after: Lists, now: int) -> Iterator[Alert]:
    values = [value for (value,) in query.run(kind.values, most=VALUES_MOST).rows if value]
    fresh = dict(_fresh(kind, values, before, after, now))
    if not fresh:
        return
    rows = query.run(kind.contacts(len(fresh)), [*fresh], ALERTS_MOST).rows
    devices = devices_of(query, (str(row[1]) for row in rows))
    for value, client, server, port, first, last, count in rows:
        actor, target = subject_of(client, devices), subject_of(server, {})
        if actor is not None:
            yield _alert(
                kind, fresh[value], value, (actor, target), port or 0, (moment_ns(first), moment_ns(last), count)
            )


def _fresh(kind: Kind, values: Sequence[str], before: Lists, after: Lists, now: int) -> Iterator[tuple[str, Listed]]:
    """Values that are listed now and were not before, each with its entry."""
    found = list(_addresses(values, after, now) if kind.what == "address" else _texts(kind, values, after, now))
    names = [value for value, _ in found]
    known = {
        value
        for value, _ in (_addresses(names, before, now) if kind.what == "address" else _texts(kind, names, before, now))
    }
    yield from ((value, entry) for value, entry in found if value not in known)


def _addresses(values: Sequence[str], lists: Lists, now: int) -> Iterator[tuple[str, Listed]]:
    numbers = [addresses.parse(value) for value in values]
    hi, lo = (np.array(part, np.uint64) for part in ([one >> 64 for one in numbers], [one & MASK for one in numbers]))
    found = lists.listed(hi, lo, now)
    for place in np.flatnonzero(found >= 0).tolist():
        yield values[place], lists.entry(int(found[place]))


def _texts(kind: Kind, values: Sequence[str], lists: Lists, now: int) -> Iterator[tuple[str, Listed]]:
    look = lists.domain if kind.what == "domain" else lists.text
    for value in values:
        entry = look(value.lower() if kind.what == "domain" else value, now)
        if entry is not None:
            yield value, entry


def _alert(
    kind: Kind, entry: Listed, value: str, ends: tuple[Subject, Subject | None], port: int, seen: tuple[int, int, int]
) -> Alert:
    actor, target = ends
    first, last, count = seen
    times = f"{_clock(first)} to {_clock(last)} UTC" if count > 1 else f"{_clock(first)} UTC"
    category = f" ({entry.category})" if entry.category else ""
    facts = (
        ("indicator", value), ("entry", entry.entry), ("list", entry.list_name),
        ("first", _clock(first)), ("last", _clock(last)), ("count", count),
    )  # fmt: skip
    return Alert(
        ts=last,
        detector=kind.detector,
        title=f"Past contact with a listed {kind.what}",
        severity=Severity.medium,
        confidence=0.7,
        techniques=techniques_of(("T1071",)),
        actor=actor,
        first=first,
        count=count,
        target=target,
        targets=(target,) if target is not None else (),
        target_port=port,
        key=f"{key_of(kind.detector, actor, None)}|retrospective|{value}",
        network={},
        summary=(
            f"{text_of(actor)} contacted the {kind.what} {value}{category}, {times}, before {entry.list_name} listed it"
        ),
        why=(
            f"{entry.list_name} lists {entry.entry}{category} now, but did not at the time of the contact",
            f"contacts in the traffic records: {times}",
        ),
        numbers={"retrospective": 1, "contacts": count, "first_contact": _clock(first), "last_contact": _clock(last)},
        advice=ADVICE.format(actor=text_of(actor)),
        false_positives=FALSE_POSITIVES,
        proof=(Stored(last, kind.what, actor, target or Subject(0), server_port=port, facts=facts),),
    )


def _clock(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S")
