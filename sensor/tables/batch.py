"""Batch: records of a log reduced to the data that the tables store, made without access to the tables, possibly in
another process.

All records of one alert within a batch form one AlertFacts, and equal endpoints of alerts are one party.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from sensor.tables.lines import TEXT, WORD, AlertPart, Line, Party, party_of
from sensor.tables.record_cursor import Record

SOURCE, TARGET = 0, 1
# Health events with figures, written once a minute: not part of the timeline.
SUMMARY = "summary"
_NO_PARTY: Party = ("", "", "", "", 0)

# A row of the timeline: number of the record, time (ns), kind, action, severity (0 to 4), subject, summary.
Moment = tuple[int, int, str, str, int, str, str]


class AlertFacts(msgspec.Struct, array_like=True, gc=False):
    """Fields of the last record of an alert. ``opened``: time of its first record in the batch, ns; ``first``: the last
    valid start in a record, ns, or None; ``parties``: role and index in ``Batch.parties``; ``record``: the line in the
    log.
    """

    id: str
    key: str
    opened: int
    first: int | None = None
    title: str = ""
    risk: int = 0
    count: int = 0
    last: int = 0
    ended: int = 0
    seq: int = 0
    summary: str = ""
    search_text: str = ""
    severity: int = 0
    detector: str = ""
    site: str = ""
    record: str = ""
    parties: list[tuple[int, int]] = []


class Other(NamedTuple):
    """A record of another kind than alerts, and its line."""

    line: Line
    text: str


class Batch(msgspec.Struct, array_like=True):
    """``records``: number of records; ``first``, ``seq``: numbers of the first and last one; ``last_id``: id of the
    last one; ``unusable``: number of unusable records; ``others``: by kind.
    """

    records: int = 0
    first: int = 0
    seq: int = 0
    last_id: str = ""
    unusable: int = 0
    alerts: list[AlertFacts] = []
    parties: list[Party] = []
    others: dict[str, list[Other]] = {}
    moments: list[Moment] = []


class _Named(msgspec.Struct):
    id: str = ""


def batch_of(records: Sequence[Record], *, devices: bool = False) -> Batch:
    """A batch of records of a log, in order. ``devices``: include those of devices, for a log that is read without an
    inventory.
    """
    if not records:
        return Batch()
    (first, *_), (last, text, _) = records[0], records[-1]
    batch = Batch(len(records), first, last, id_of(text), others={}, moments=[])
    alerts: dict[tuple[str, str], AlertFacts] = {}
    places: dict[Party, int] = {}
    for number, text, line in records:
        if line is None:
            batch.unusable += 1
            continue
        if (line.kind, line.action) != ("sensor", SUMMARY):
            batch.moments.append(_moment(number, line))
        if line.kind == "alert":
            if line.alert is not None:
                _add_alert(alerts, places, number, line, line.alert, text)
        elif line.kind != "device" or devices:
            line.sensor.seq = number
            batch.others.setdefault(line.kind, []).append(Other(line, text.decode(errors="replace")))
    batch.alerts, batch.parties = list(alerts.values()), list(places)
    return batch


def id_of(line: bytes) -> str:
    """The id of a record; empty if it has none."""
    try:
        return msgspec.json.decode(line, type=_Named).id
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _moment(number: int, line: Line) -> Moment:
    part = line.alert or line.incident or line.recommendation or line.device
    about = part.id[:WORD] if part is not None else ""  # empty for the sensor itself
    return number, line.ns, line.kind[:WORD], line.action[:WORD], line.level, about, line.summary


def _add_alert(
    alerts: dict[tuple[str, str], AlertFacts],
    places: dict[Party, int],
    number: int,
    line: Line,
    part: AlertPart,
    text: bytes,
) -> None:
    name = part.id[:WORD], part.key[:WORD]
    one = alerts.get(name)
    if one is None:
        one = alerts[name] = AlertFacts(*name, line.ns, parties=[])
    if part.first:
        one.first = line.time_or(part.first, one.first)
    one.title, one.risk, one.count = part.title[:WORD], part.risk, part.count
    one.last = line.time_or(part.last, line.ns)
    one.ended, one.seq, one.summary = int(line.action == "close"), number, line.summary
    one.severity, one.detector, one.site = line.level, part.detector[:WORD], line.sensor.site[:WORD]
    one.search_text, one.record = _search_text(line, part, one), text.decode(errors="replace")
    # The VLAN is that of the source.
    for role, party in (
        (SOURCE, party_of(line.src, line.network.vlan)),
        *((TARGET, party_of(end)) for end in (line.dst, *line.targets)),
    ):
        if party != _NO_PARTY:
            one.parties.append((role, places.setdefault(party, len(places))))


def _search_text(line: Line, part: AlertPart, one: AlertFacts) -> str:
    """The text that a search finds in addition to the summary. Addresses are found by party."""
    attack = [term for technique in part.attack for term in (technique.technique, technique.name)]
    called = [end.hostname[:WORD].casefold() for end in (line.src, line.dst, *line.targets) if end.hostname]
    return " ".join(dict.fromkeys([one.title, one.detector, *attack, *called]))[: 4 * TEXT]
