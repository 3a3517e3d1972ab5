"""The timeline of one entity: read by its index, not by a scan of all records."""

from __future__ import annotations

import pytest

from sensor.core.time_units import SECOND
from sensor.views.dataset import Data
from sensor.views.moments import TimelineFilter, timeline
from sensor.views.past import TABLES, rows_at

END = 4_000_000_000 * SECOND


@pytest.fixture
def queries(office: Data) -> list[str]:
    """The queries of views, with their values."""
    found: list[str] = []
    office.base.set_trace_callback(found.append)
    return found


def uses_index(data: Data, query: str) -> bool:
    data.base.set_trace_callback(None)
    steps = data.base.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()
    return any("timeline_about (about=?" in step[3] for step in steps)


@pytest.mark.parametrize("table", TABLES)
def test_past_states_are_read_by_index(office: Data, queries: list[str], table: str) -> None:
    assert rows_at(office, table, END)
    assert uses_index(office, queries[0])


def test_the_timeline_of_one_entity_is_read_by_index(office: Data, queries: list[str]) -> None:
    (name,) = office.base.execute("SELECT id FROM incidents").fetchone()
    queries.clear()
    assert timeline(office, TimelineFilter(about=name)).rows
    assert uses_index(office, queries[0])
