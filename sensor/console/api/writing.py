"""Writes of the API: notes on alerts, values of devices and schedules of reports, as the pages write them. Only tokens
write.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from sensor.console import device_edits
from sensor.console.alert_actions import add_notes, notes_of
from sensor.console.api import resources, types
from sensor.console.page_request import PageRequest
from sensor.console.report_schedules import schedule_report, unschedule_report
from sensor.console.report_store import NewSchedule, ReportSchedule
from sensor.core.foreign import part
from sensor.inventory.store.database import StoreError
from sensor.views.errors import Malformed, NotReadable


class Write(NamedTuple):
    """``body``: type of the request's body; ``write``: checks and writes it, then ``answer`` reads the object again."""

    path: str
    summary: str
    operation: str
    body: type[msgspec.Struct]
    expected: str
    write: Callable[[PageRequest, Any], None]
    answer: Callable[[PageRequest], Any]
    item: Any

    @property
    def result(self) -> Any:
        """The type of a response."""
        generic: Any = types.One
        return generic[self.item]

    def decoded(self, kind: str, body: bytes) -> msgspec.Struct:
        """The body of a request. ``kind``: its content type. Raises Malformed."""
        if kind.partition(";")[0].strip().lower() != "application/json":
            raise Malformed("content type", kind, "application/json")
        try:
            return msgspec.json.decode(body, type=self.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Malformed("body", str(error), self.expected) from None


def _note(request: PageRequest, note: types.NewNote) -> None:
    notes = notes_of(note.action, note.value, note.text)
    row = request.views.alert(request.http.path_params["id"]).alert
    _audit(request, note.action, row.id, " ".join(filter(None, (note.value, note.text))))
    add_notes(request.opened, request.who.name, [row], notes)


def _values(request: PageRequest, new: types.NewValues) -> None:
    record = request.views.device(request.http.path_params["id"])
    plan = device_edits.set_values([record], request.views.device_fields, new.values, new.reason)
    name = str(part(record, "device").get("id"))
    _audit(request, "device set", name, f"{plan.text}{f' ({new.reason})' if new.reason else ''}")
    try:
        with request.opened.changing_devices(request.who.name) as changes:
            plan.write(changes)
    except StoreError as error:
        raise NotReadable(str(error)) from None


def _schedule(request: PageRequest, new: NewSchedule) -> None:
    schedule_report(request, new, request.dataset.name)


def _unschedule(request: PageRequest, _: types.Nothing) -> None:
    unschedule_report(request, request.http.path_params["id"])


def _audit(request: PageRequest, action: str, name: str, text: str) -> None:
    request.console.audit.add(
        request.who.name, action, peer=request.peer, dataset=request.dataset.name, ids=[name], text=text
    )


WRITES = (
    Write(
        "/alerts/{id}/notes",
        "Acknowledge, close, reopen or assign an alert, set its verdict or comment on it, as `sensor alerts` does "
        "(scope write)",
        "add_note",
        types.NewNote,
        "an object with action, and value and text if the action needs them",
        _note,
        resources.alert,
        types.AlertDetails,
    ),
    Write(
        "/devices/{id}/values",
        "Set values of a device, such as its owner, as `sensor devices set` does (scope write)",
        "set_values",
        types.NewValues,
        "an object with values: texts by field",
        _values,
        resources.device,
        types.Record,
    ),
    Write(
        "/report-schedules",
        "Schedule a report of the dataset of a running sensor, or at a hub of a site or all (scope write)",
        "add_report_schedule",
        NewSchedule,
        "an object with name, every and format",
        _schedule,
        resources.schedules,
        list[ReportSchedule],
    ),
    Write(
        "/report-schedules/{id}/remove",
        "Remove a schedule with its reports (scope write)",
        "remove_report_schedule",
        types.Nothing,
        "an empty object",
        _unschedule,
        resources.schedules,
        list[ReportSchedule],
    ),
)
