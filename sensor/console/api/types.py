"""What the API answers with. Times are RFC 3339 in UTC: a number of nanoseconds loses digits in
many readers of JSON.
"""

from __future__ import annotations

from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta

Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Record = dict[str, Any]
Item = TypeVar("Item")


class Problem(msgspec.Struct, omit_defaults=True):
    """RFC 9457. ``code``: for programs; ``field``, ``found``, ``near``: of a parameter, where one is at fault;
    ``candidates``: ids that begin so.
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
    """The dataset of an answer. ``notes``: what of it is missing or behind; ``seq``: the last record of the log that
    the answer knows.
    """

    dataset: str
    kind: str
    first: str
    last: str
    seq: int
    notes: list[str]


class List(msgspec.Struct, Generic[Item]):
    """A page. ``total``: how many match; where ``exact`` is false there are at least so many. ``cursor``: for the next
    page, empty at the end.
    """

    items: list[Item]
    total: int
    exact: bool
    facets: dict[str, dict[str, int]]
    cursor: str
    source: Source


class One(msgspec.Struct, Generic[Item]):
    """A single thing."""

    item: Item
    source: Source


class Device(msgspec.Struct):
    """A device of a list. ``record``: all of it, as records of the event log show it."""

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


class Alert(msgspec.Struct):
    """An alert. ``record``: the last one of the event log about it."""

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
    """What an operator decided or wrote about an alert."""

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
    """A record of the event log in short. ``about``: the id of what it is about."""

    seq: int
    ts: Time
    kind: str
    action: str
    severity: str
    about: str
    summary: str


class Health(msgspec.Struct):
    """``unseen``: what the sensor could not see, in sentences; ``figures``: the last that it reported; ``reports``: the
    newest of them.
    """

    unseen: list[str]
    figures: Record
    unusable: int
    reports: list[Moment]


class Hits(msgspec.Struct):
    """The first of each kind that a text was found in, and how many there are."""

    devices: list[Device]
    alerts: list[Alert]
    incidents: list[Story]
    recommendations: list[Story]
    totals: dict[str, int]


class Dataset(msgspec.Struct):
    """A dataset of the state folder. ``usual``: shown where a request names none; ``missing``: parts that it lacks."""

    name: str
    kind: str
    first: str
    last: str
    usual: bool
    missing: list[str]
