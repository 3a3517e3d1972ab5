"""Top talkers in the traffic records of a dataset, for the page and the API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sensor.console.api.filters import TrafficFilter
from sensor.console.page_request import PageRequest
from sensor.console.querying import querying
from sensor.core.time_units import MICROSECOND
from sensor.records.coverage import coverage, sentences
from sensor.records.filters import SearchError
from sensor.records.query import Query, QueryError, Range
from sensor.records.talkers import GROUPINGS, SORTS, Talkers, Wanted, of_host, of_service, talkers
from sensor.views.errors import Malformed, NotReadable, one_of


class TopTalkers(NamedTuple):
    """``coverage``: sentences about the traffic that the records contain, and do not contain."""

    found: Talkers
    coverage: Sequence[str]


def top_talkers(request: PageRequest, wanted: TrafficFilter, sort: str, most: int) -> TopTalkers:
    """The first rows in one of ``SORTS``. Raises Unknown, Malformed; NotReadable without records, and at a hub."""
    if not request.views.on_sensor:
        raise NotReadable("a hub has no traffic records: `sensor hub hunt` searches those of its sensors")
    one_of("by", [wanted.by], GROUPINGS)
    one_of("sort", [sort], SORTS)
    within = Range(*(None if ts is None else ts // MICROSECOND for ts in (wanted.since, wanted.until)))
    with querying(request.dataset, within) as there:
        try:
            found = talkers(there.query, wanted.by, sort, list(_conditions(there.query, wanted)), limit=most)
            return TopTalkers(found, [*there.missing, *sentences(coverage(there.query))])
        except SearchError as error:
            raise Malformed("host", wanted.host, str(error).partition("expected ")[2]) from None
        except QueryError as error:
            raise NotReadable(f"traffic records: {error}") from None


def _conditions(query: Query, wanted: TrafficFilter) -> Iterator[Wanted]:
    if wanted.host:
        yield of_host(query, wanted.host)
    if wanted.service:
        yield of_service(wanted.service)
