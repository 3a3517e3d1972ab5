"""Scheduled reports: each day or week (UTC, ISO weeks) of a site or of all, made by `sensor report` as a confined child
process of a worker, compared with the one before, and stored in the database.
"""

from __future__ import annotations

import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import LiteralString

import msgspec

from sensor.console.child import Limits, run
from sensor.console.schedules import EVERY, last_end
from sensor.core.reader import clean
from sensor.hub.database import Connection
from sensor.hub.report_log import EVERYWHERE, Span, text_of, write_log

# Reports of each schedule, schedules, and bytes of a report.
KEPT, SCHEDULES, SIZE = 30, 200, 64 << 20
LIMITS = Limits(memory=512 << 20, seconds=600.0)
# A report that its worker did not finish is tried again after this time. Other work of a worker waits for reports at
# most so many seconds, and the time of one.
AGAIN, TURN_S = timedelta(minutes=30), 300.0
# Longest statement for the input of a report.
STATEMENT: LiteralString = "SET LOCAL statement_timeout = '300s'"
FAULT_LIMIT = 500
_ADD: LiteralString = """
INSERT INTO report_schedules (name, site, every, format, author, next)
SELECT %s, %s, %s, %s, %s, %s WHERE (SELECT count(*) FROM report_schedules) < %s ON CONFLICT DO NOTHING"""
_CLAIM: LiteralString = """
UPDATE report_schedules SET next = %(again)s WHERE name = (
    SELECT name FROM report_schedules WHERE next <= %(now)s ORDER BY next LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING name, site, every, format, author"""
_STORE: LiteralString = """
INSERT INTO reports (schedule, site, since, until, format, size, fault, body)
SELECT name, site, %s, %s, format, %s, %s, %s FROM report_schedules WHERE name = %s"""
_TRIM: LiteralString = """
DELETE FROM reports WHERE number IN (SELECT number FROM reports WHERE schedule = %s ORDER BY number DESC OFFSET %s)"""
_BEFORE: LiteralString = """
SELECT body, format FROM reports WHERE schedule = %s AND fault = '' AND format <> 'pdf' ORDER BY number DESC LIMIT 1"""
_SCHEDULES: LiteralString = """
SELECT name, site, every, format, author, next FROM report_schedules
WHERE %(sites)s::text[] IS NULL OR site = ANY (%(sites)s) ORDER BY name"""
_REPORTS: LiteralString = """
SELECT number, schedule, site, since, until, made, format, size, fault FROM reports
WHERE %(sites)s::text[] IS NULL OR site = ANY (%(sites)s) ORDER BY number DESC LIMIT %(limit)s"""
_STORED: LiteralString = """
SELECT number, schedule, site, since, until, made, format, size, fault, body FROM reports
WHERE number = %s AND fault = ''"""


class Schedule(msgspec.Struct, frozen=True):
    """``site``: None: all; ``every``: day or week; ``next``: its next run."""

    name: str
    site: str | None
    every: str
    format: str
    author: str
    next: datetime | None = None


class ReportRow(msgspec.Struct, frozen=True):
    """A stored report. ``size``: bytes; ``fault``: why it could not be made, empty if it was."""

    number: int
    schedule: str
    site: str | None
    since: datetime
    until: datetime
    made: datetime
    format: str
    size: int
    fault: str

    @property
    def file_name(self) -> str:
        """For downloads."""
        name = "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in self.schedule)
        return f"{name}-{self.until - timedelta(microseconds=1):%Y-%m-%d}.{self.format}"


class NotMade(Exception):
    """A report cannot be made; the message is the reason."""


def add_schedule(base: Connection, one: Schedule, now: datetime) -> bool:
    """Add a schedule, which first reports on the present day or week; False if the name is in use, or there are
    SCHEDULES.
    """
    values = (
        one.name,
        one.site,
        one.every,
        one.format,
        one.author,
        last_end(one.every, now) + EVERY[one.every],
        SCHEDULES,
    )
    return bool(base.execute(_ADD, values).rowcount)


def remove_schedule(base: Connection, name: str) -> bool:
    """Remove a schedule with its reports; False if there is none."""
    return bool(base.execute("DELETE FROM report_schedules WHERE name = %s", [name]).rowcount)


def list_schedules(base: Connection, sites: list[str] | None = None) -> list[Schedule]:
    return [Schedule(*row) for row in base.execute(_SCHEDULES, {"sites": sites})]


def list_reports(base: Connection, sites: list[str] | None = None, limit: int = 200) -> list[ReportRow]:
    """The newest first, of sites that the transaction may read."""
    return [ReportRow(*row) for row in base.execute(_REPORTS, {"sites": sites, "limit": limit})]


def stored(base: Connection, number: str) -> tuple[ReportRow, bytes] | None:
    """A report and its file, by its number; None if there is none that the transaction may read."""
    if not number.isascii() or not number.isdigit() or len(number) > 18:
        return None
    row = base.execute(_STORED, [int(number)]).fetchone()
    return (ReportRow(*row[:-1]), bytes(row[-1])) if row is not None else None


def run_due(base: Connection, now: datetime) -> int:
    """Make the reports that are due, for a limited time; returns their number. Several workers share them."""
    count, until = 0, time.monotonic() + TURN_S
    while time.monotonic() < until:
        row = base.execute(_CLAIM, {"now": now, "again": now + AGAIN}).fetchone()
        if row is None:
            break
        _run(base, Schedule(*row), now)
        count += 1
    return count


def _run(base: Connection, one: Schedule, now: datetime) -> None:
    end = last_end(one.every, now)
    span, body, fault = Span(one.site, end - EVERY[one.every], end), b"", ""
    before = base.execute(_BEFORE, [one.name]).fetchone()
    try:
        body = make(base, span, one.format, tuple(before) if before is not None else None)
    except NotMade as error:
        fault = clean(str(error), FAULT_LIMIT)
    with base.transaction():
        base.execute(_STORE, [span.since, span.until, len(body), fault, body, one.name])
        base.execute(_TRIM, [one.name, KEPT])
        base.execute("UPDATE report_schedules SET next = %s WHERE name = %s", [end + EVERY[one.every], one.name])


def make(base: Connection, span: Span, form: str, before: tuple[bytes, str] | None = None) -> bytes:
    """The file of a report. ``before``: an earlier one and its format, to compare with. Raises NotMade."""
    with tempfile.TemporaryDirectory(prefix="sensor-report-") as name:
        folder = Path(name)
        log, output, older, config = (folder / name for name in ("log", f"report.{form}", "older", "sensor.yaml"))
        more = []
        try:
            with base.transaction():
                base.execute(STATEMENT)
                write_log(base, span, log)
            config.write_text("{}\n")
            if before is not None:
                older = older.with_suffix(f".{before[1]}")
                older.write_bytes(before[0])
                more = ["--against", str(older)]
            times = ["--since", text_of(span.since), "--until", text_of(span.until)]
            command = ["report", "-o", str(output), "--events", str(log), "--config", str(config), *times, *more]
            if fault := run(command, folder, LIMITS).fault:
                raise NotMade(fault.replace(f"{folder}/", ""))
            if output.stat().st_size > SIZE:
                raise NotMade(f"it has {output.stat().st_size:,} bytes, expected at most {SIZE:,}: report on one site")
            return output.read_bytes()
        except OSError as error:
            raise NotMade(f"{error.filename or folder}: {error.strerror or error}") from None


def site_of(one: Schedule | ReportRow) -> str:
    """Its site, for lists."""
    return one.site if one.site is not None else EVERYWHERE
