"""Hunts of a request: which there are, the time range, and the run of one or of all of them, within limits."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from sensor.console.page_request import PageRequest
from sensor.console.querying import Querying, querying
from sensor.core.time_units import MICROSECOND
from sensor.records.coverage import coverage, sentences
from sensor.records.hunts_library import Hunt, hunt, library
from sensor.records.query import QueryError, Range
from sensor.records.schema import TABLES
from sensor.views.errors import Malformed
from sensor.views.vulnerability_rows import vulnerability_rows

# Seconds after which no further hunt of several is started; each also has the limit of one.
ALL_S = 20.0
# Limit on counted rows of each of several hunts.
COUNTED = 1_000
# The table that is computed when a query names it.
VULNERABILITIES = "vulnerability"


class HuntCount(NamedTuple):
    """A hunt and its number of rows. ``rows``: None if it has an ``error``; ``more``: there are more rows."""

    name: str
    rows: int | None
    more: bool = False
    error: str = ""


class HuntCounts(NamedTuple):
    """``left``: names of the hunts that were not run for lack of time; ``seen``: traffic that the records do and do not
    contain.
    """

    counts: list[HuntCount]
    left: list[str]
    seen: list[str]


@functools.cache
def built_in() -> dict[str, Hunt]:
    """The hunts of the library."""
    return {name: hunt(path) for name, path in library().items()}


def known(request: PageRequest) -> dict[str, Hunt]:
    """The hunts of the library and of the operator, by name."""
    return built_in() | request.console.hunts.all().by_name


def within(request: PageRequest) -> Range:
    """The time range in the URL. Raises Malformed."""
    since, until = (request.moment(name) // MICROSECOND if request.first(name) else None for name in ("since", "until"))
    if since is not None and until is not None and since >= until:
        raise Malformed("until", request.first("until"), "a time after since")
    return Range(since, until)


def records(request: PageRequest) -> AbstractContextManager[Querying]:
    """The records of the time range, with the computed table of vulnerabilities. Raises Malformed, NotReadable."""

    def rows() -> list[list[Any]]:
        with request.console.assessments.of(request.opened) as picture:
            return vulnerability_rows(picture, TABLES[VULNERABILITIES].names)

    return querying(request.dataset, within(request), {VULNERABILITIES: rows})


def run_all(request: PageRequest, wanted: Mapping[str, Hunt]) -> HuntCounts:
    """Run several hunts. Raises Malformed, NotReadable."""
    waiting, until = dict(wanted), time.monotonic() + ALL_S
    counts, seen = list[HuntCount](), list[str]()
    while waiting and time.monotonic() < until:
        with records(request) as there:
            seen = seen or [*there.missing, *sentences(coverage(there.query))]
            for one in _until_error(there, waiting):
                counts.append(one)
                if time.monotonic() >= until:
                    break
    return HuntCounts(counts, list(waiting), seen)


def _until_error(there: Querying, waiting: dict[str, Hunt]) -> Iterator[HuntCount]:
    """Counts of hunts, each of which is taken from ``waiting``. After an error, the process may have been ended."""
    for name in list(waiting):
        try:
            answer = there.query.run(waiting.pop(name).sql, most=COUNTED)
        except QueryError as error:
            yield HuntCount(name, None, error=str(error))
            return
        yield HuntCount(name, len(answer.rows), answer.more)
