"""Scheduled reports and their schedules, for pages and the API."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime

from sensor.console.report_store import NewSchedule, ReportFile, ReportSchedule, StoredReport
from sensor.console.reports import DONE, FAILED, FORMATS
from sensor.console.schedules import EVERY, check_name
from sensor.console.security.session import Refused
from sensor.hub import reports
from sensor.hub.database import Connection
from sensor.hub.report_log import text_of
from sensor.hub.reports import SCHEDULES, Schedule, site_of
from sensor.hub.views.query import Reader
from sensor.views.errors import Malformed, Unknown, one_of


class HubReports:
    """``sensor.console.report_store.ReportStore`` over the database of the hub."""

    def __init__(
        self, reader: Reader, everywhere: str, writing: Callable[[], AbstractContextManager[Connection]]
    ) -> None:
        """``everywhere``: the name of the dataset of all sites; ``writing``: a transaction as the owner of the tables,
        after the sites of the user were checked.
        """
        self._reader, self._everywhere, self._writing = reader, everywhere, writing
        self._sites = list(reader.sites) if reader.sites is not None else None

    def reports(self) -> list[StoredReport]:
        return [
            StoredReport(
                str(one.number), one.schedule, site_of(one), one.file_name, one.format, "", text_of(one.since),
                text_of(one.until), text_of(one.made), FAILED if one.fault else DONE, one.fault, one.size,
            )
            for one in reports.list_reports(self._reader.base, self._sites)
        ]  # fmt: skip

    def schedules(self) -> list[ReportSchedule]:
        return [
            ReportSchedule(
                one.name, site_of(one), one.every, one.format, one.author, text_of(one.next) if one.next else ""
            )
            for one in reports.list_schedules(self._reader.base, self._sites)
        ]

    def file(self, name: str) -> ReportFile:
        found = reports.stored(self._reader.base, name)
        if found is None:
            raise Unknown("id", name, ())
        one, body = found
        return ReportFile(one.file_name, FORMATS[one.format], body)

    def check(self, new: NewSchedule, dataset: str) -> None:
        one_of("every", [new.every], EVERY)
        one_of("format", [new.format], FORMATS)
        check_name(new.name)
        if dataset == self._everywhere and not self._reader.reads_all:
            raise Refused("A report of all sites needs a user without a limit to sites: choose a site.")

    def add(self, new: NewSchedule, dataset: str, author: str) -> None:
        one = Schedule(new.name, None if dataset == self._everywhere else dataset, new.every, new.format, author)
        with self._writing() as base:
            if not reports.add_schedule(base, one, datetime.now(UTC)):
                raise Malformed("name", new.name, f"one that is not in use, and at most {SCHEDULES} schedules")

    def remove(self, name: str) -> None:
        with self._writing() as base:
            reports.remove_schedule(base, name)
