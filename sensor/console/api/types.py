"""Response types of the API. Times are RFC 3339 in UTC: many JSON parsers lose digits of nanosecond integers."""

from __future__ import annotations

from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta

from sensor.records.talker import Talker

Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Record = dict[str, Any]
Item = TypeVar("Item")


class Problem(msgspec.Struct, omit_defaults=True):
    """RFC 9457. ``code``: for programs; ``field``, ``found``, ``near``: the faulty parameter, if any; ``candidates``:
    ids with the requested prefix.
    """

    title: str
    status: int
    detail: str
    code: str
    type: str = "about:blank"
    field: str = ""
    found: str = ""
    near: str = ""
    candidates: list[str] = []


class Source(msgspec.Struct):
    """The dataset of a response. ``notes``: parts that are missing or not up to date; ``seq``: the last record of the
    log that the response includes.
    """

    dataset: str
    kind: str
    first: str
    last: str
    seq: int
    notes: list[str]


class List(msgspec.Struct, Generic[Item]):
    """A page. ``total``: number of matches, a lower bound unless ``exact``. ``cursor``: of the next page, empty at the
    end.
    """

    items: list[Item]
    total: int
    exact: bool
    facets: dict[str, dict[str, int]]
    cursor: str
    source: Source


class One(msgspec.Struct, Generic[Item]):
    """A single object."""

    item: Item
    source: Source


class Device(msgspec.Struct):
    """A device in a list. ``record``: the complete device, as in records of the event log; ``open_alerts``: number of
    open alerts with it as actor or target, null if unknown; ``alert_severity``: of the most severe one, empty if there
    is none.
    """

    id: str
    type: str
    vendor: str
    model: str
    name: str
    ip: str
    mac: str
    vlan: int
    first: Time
    last: Time
    gone: bool
    criticality: str
    owner: str
    tags: list[str]
    confidence: float
    record: Record
    open_alerts: int | None
    alert_severity: str


class Alert(msgspec.Struct):
    """An alert. ``record``: its last record in the event log."""

    id: str
    state: str
    severity: str
    detector: str
    title: str
    risk: int
    count: int
    first: Time
    last: Time
    verdict: str
    assignee: str
    site: str
    summary: str
    record: Record


class Note(msgspec.Struct):
    """An operator's decision or comment on an alert."""

    ts: Time
    author: str
    action: str
    value: str
    text: str


class AlertDetails(msgspec.Struct):
    """One alert with its notes and the ids of its incidents."""

    alert: Alert
    notes: list[Note]
    incidents: list[str]


class NewNote(msgspec.Struct, forbid_unknown_fields=True):
    """``action``: acknowledge, close, reopen, assign, verdict or comment; ``value``: the assignee or the verdict;
    ``text``: a reason or a comment.
    """

    action: str
    value: str = ""
    text: str = ""


class NewValues(msgspec.Struct, forbid_unknown_fields=True):
    """``values``: texts by field, such as `owner` or `criticality`, an empty one removes the operator's value; ``tags``
    are separated by commas.
    """

    values: dict[str, str]
    reason: str = ""


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """An empty object."""


class Story(msgspec.Struct):
    """An incident or a recommendation."""

    id: str
    state: str
    severity: str
    first: Time
    last: Time
    summary: str
    record: Record


class Moment(msgspec.Struct):
    """A short form of an event log record. ``about``: the id of its subject."""

    seq: int
    ts: Time
    kind: str
    action: str
    severity: str
    about: str
    summary: str


class Health(msgspec.Struct):
    """``unseen``: sentences about traffic that the sensor could not see; ``figures``: the last reported; ``reports``:
    the newest health reports.
    """

    unseen: list[str]
    figures: Record
    unusable: int
    reports: list[Moment]


class Traffic(msgspec.Struct):
    """``talkers``: the first ones, ``more``: whether there are others; ``bytes``, ``connections``: of all that match,
    with the begin of the first and of the last, empty without connections; ``coverage``: sentences about the traffic
    that the records contain, and do not contain.
    """

    talkers: list[Talker]
    more: bool
    bytes: int
    connections: int
    first: str
    last: str
    coverage: list[str]


class Hits(msgspec.Struct):
    """The first matches of each kind for a search text, and their total."""

    devices: list[Device]
    alerts: list[Alert]
    incidents: list[Story]
    recommendations: list[Story]
    totals: dict[str, int]


class Dataset(msgspec.Struct):
    """A dataset of the state folder. ``usual``: default if a request names none; ``missing``: absent parts."""

    name: str
    kind: str
    first: str
    last: str
    usual: bool
    missing: list[str]
