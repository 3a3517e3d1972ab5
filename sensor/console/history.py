"""Devices at an earlier time, from the history in the traffic records, and the difference between two times."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec

from sensor.console.moments import moment_of
from sensor.console.page_request import PageRequest
from sensor.core.foreign import part
from sensor.core.record_parts import time_text
from sensor.core.time_units import MICROSECOND
from sensor.records.asof import devices_at
from sensor.records.paths import records_folder
from sensor.records.query import Query, QueryError, as_sql
from sensor.records.schedule import first_of
from sensor.views.errors import Malformed, NotReadable
from sensor.views.listing import contains

COMPARED = ("type", "vendor", "model", "os", "hostname", "vlan", "ips", "macs")
Body = dict[str, Any]
Found = TypeVar("Found")


class HistoryFilter(msgspec.Struct, frozen=True):
    """``text``: words that a device must all contain."""

    text: str = ""


class Snapshot(NamedTuple):
    """``at``: ns; ``devices``: by id; ``first``: start of the records, ns."""

    at: int
    devices: Mapping[str, Body]
    first: int


class Change(NamedTuple):
    """A device that differs between two times; a body is None if the device did not exist then."""

    id: str
    before: Body | None
    after: Body | None
    fields: Sequence[tuple[str, Any, Any]]


def inventory_at(request: PageRequest, name: str) -> Snapshot:
    """The inventory at a time. ``name``: parameter with the time. Raises Malformed, NotReadable."""
    at, first, found = recorded_at(request, devices_at, name)
    bodies = [part(record, "device") for record in found]
    return Snapshot(at, {str(body["id"]): body for body in bodies}, first)


def recorded_at(request: PageRequest, read: Callable[[Query, str], Found], name: str) -> tuple[int, int, Found]:
    """The time in the parameter ``name``, the start of the traffic records (both ns), and what ``read`` finds at that
    time. Raises Malformed if the records begin later; NotReadable.
    """
    at = moment_of(name, request.first(name), request.now)
    there, first = request.records(), first_of(records_folder(request.dataset.log)) * MICROSECOND
    if at < first:
        raise Malformed(name, request.first(name), f"a time after {time_text(first)[:19]}Z, when the records begin")
    try:
        return at, first, read(there.query, as_sql(at // MICROSECOND))
    except QueryError as error:
        request.close_records()
        raise NotReadable(str(error)) from None


def changes(before: Mapping[str, Body], after: Mapping[str, Body]) -> list[Change]:
    """Differences: new devices first, then removed ones, then changed ones."""
    found = []
    for name in {**before, **after}:
        old, new = before.get(name), after.get(name)
        fields = _fields(old, new) if old is not None and new is not None else []
        if old is None or new is None or fields:
            found.append(Change(name, old, new, fields))
    return sorted(found, key=lambda one: (one.before is not None, one.after is not None, one.id))


def _fields(old: Body, new: Body) -> list[tuple[str, Any, Any]]:
    return [(name, old.get(name), new.get(name)) for name in COMPARED if old.get(name) != new.get(name)]


def containing(devices: Mapping[str, Body], text: str) -> dict[str, Body]:
    """Devices that contain all words of a text."""
    return {name: body for name, body in devices.items() if not text or contains(text, body.values())}
