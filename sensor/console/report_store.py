"""Reports and their schedules as the API shows them, at a sensor and at a hub. At a hub all reports are scheduled."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta
from starlette.responses import Response

from sensor.console.reports import FORMATS, Reports
from sensor.console.schedules import EVERY, Schedule
from sensor.core.record_parts import time_text
from sensor.views.errors import Malformed, one_of

Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


class StoredReport(msgspec.Struct, frozen=True):
    """``schedule``: its name, empty if a user requested it; ``dataset``: or the site, `all sites` for all; ``period``,
    ``since``, ``until``: requested time range; ``made``: when it was requested or stored; ``state``: `waiting`, `in
    progress`, `done` or `failed`, with the reason in ``message``; ``size``: bytes.
    """

    id: str
    schedule: str
    dataset: str
    name: str
    format: str
    period: str
    since: str
    until: str
    made: Time
    state: str
    message: str
    size: int


class ReportSchedule(msgspec.Struct, frozen=True):
    """``dataset``: the site, `all sites` for all; ``every``: `day` or `week`; ``next``: when its next report is due."""

    name: str
    dataset: str
    every: str
    format: str
    author: str
    next: Time


class NewSchedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A schedule for the dataset of the request. ``every``: `day` or `week`; ``format``: `html`, `pdf` or `json`."""

    name: str
    every: str
    format: str = "html"


class ReportFile(msgspec.Struct, frozen=True):
    """A finished report. ``kind``: its media type."""

    name: str
    kind: str
    body: bytes

    def response(self) -> Response:
        """As an attachment: its HTML must not run in the console's origin."""
        headers = {"Content-Disposition": f'attachment; filename="{self.name}"', "Cache-Control": "private, no-cache"}
        return Response(self.body, headers=headers, media_type=self.kind)


class ReportStore(Protocol):
    """Reports that a user may read."""

    def reports(self) -> list[StoredReport]:
        """The newest first."""

    def schedules(self) -> list[ReportSchedule]: ...

    def file(self, name: str) -> ReportFile:
        """The file of a report, by its id. Raises Unknown; Malformed if it is not finished; OSError."""

    def check(self, new: NewSchedule, dataset: str) -> None:
        """Whether it can be added. Raises Unknown or Malformed for an invalid value; Refused for all sites if the user
        may read some only.
        """

    def add(self, new: NewSchedule, dataset: str, author: str) -> None:
        """Add a checked schedule. Raises Malformed if its name is in use, or there are too many."""

    def remove(self, name: str) -> None:
        """Remove a schedule of ``schedules`` with its reports."""


class OwnReports:
    """Those of a sensor's console. ``live``: whether a sensor writes a dataset: others do not grow."""

    def __init__(self, own: Reports, live: Callable[[str], bool]) -> None:
        self._own, self._live = own, live

    def reports(self) -> list[StoredReport]:
        return [
            StoredReport(
                one.id, one.schedule, one.dataset, one.file_name, one.format, one.period, one.since, one.until,
                time_text(int(one.made * 1e9)), one.state, one.message, one.size,
            )
            for one in self._own.all()
        ]  # fmt: skip

    def schedules(self) -> list[ReportSchedule]:
        return [
            ReportSchedule(one.name, one.dataset, one.every, one.format, one.author, time_text(int(one.next * 1e9)))
            for one in self._own.schedules.all()
        ]

    def file(self, name: str) -> ReportFile:
        one = self._own.get(name)
        return ReportFile(one.file_name, FORMATS[one.format], self._own.path(one).read_bytes())

    def check(self, new: NewSchedule, dataset: str) -> None:
        one_of("every", [new.every], EVERY)
        one_of("format", [new.format], FORMATS)
        if not self._live(dataset):
            raise Malformed("dataset", dataset, "the dataset of a running sensor: a replay gets no new data")
        self._own.schedules.check(new.name)

    def add(self, new: NewSchedule, dataset: str, author: str) -> None:
        self._own.schedules.add(Schedule(new.name, dataset, new.every, new.format, author), time.time())

    def remove(self, name: str) -> None:
        self._own.unschedule(name)
