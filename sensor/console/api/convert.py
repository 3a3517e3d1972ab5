"""Rows of views as the API shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from sensor.console.api import types
from sensor.console.page_request import PageRequest
from sensor.core.record_parts import time_text
from sensor.views.alerts import AlertDetails, AlertRow
from sensor.views.devices import DeviceRow
from sensor.views.moments import Moment
from sensor.views.page import Page
from sensor.views.stories import StoryRow

TIMES = ("first", "last", "ts")
Row = TypeVar("Row")
Item = TypeVar("Item")


def device(row: DeviceRow) -> types.Device:
    return types.Device(**_fields(row, record="device"))


def alert(row: AlertRow) -> types.Alert:
    return types.Alert(**_fields(row))


def story(row: StoryRow) -> types.Story:
    return types.Story(**_fields(row))


def moment(row: Moment) -> types.Moment:
    return types.Moment(**_fields(row))


def same(row: Row) -> Row:
    """For rows whose times are already text."""
    return row


def details(found: AlertDetails) -> types.AlertDetails:
    return types.AlertDetails(
        alert(found.alert), [types.Note(**_fields(note)) for note in found.notes], found.incidents
    )


def page(request: PageRequest, found: Page[Row], convert: Callable[[Row], Item]) -> types.List[Item]:
    return types.List(
        [convert(row) for row in found.rows], found.total, found.exact, found.facets, found.cursor, source(request)
    )


def source(request: PageRequest) -> types.Source:
    return types.Source(
        request.dataset.name,
        request.dataset.kind,
        *request.opened.span,
        request.opened.tables.position.seq if request.opened.tables is not None else 0,
        request.opened.notes,
    )


def _fields(row: msgspec.Struct, **renamed: str) -> dict[str, Any]:
    """The fields of a row, with times as text. ``renamed``: new name of a field and its former name."""
    fields = msgspec.structs.asdict(row)
    fields |= {name: time_text(fields[name]) for name in TIMES if name in fields}
    return fields | {new: fields.pop(old) for new, old in renamed.items()}
