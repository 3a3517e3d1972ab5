"""A request opens the traffic records once, however many past states its page shows, and closes them at its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("duckdb", reason="needs the extra hunt")

from sensor.console import page_request
from sensor.console.app import PAGES, app_of
from sensor.console.listen_address import place_of
from sensor.console.querying import Querying, querying
from sensor.console.request_handling import of_dataset
from sensor.console.security.keys import RequestUser
from sensor.console.serve import console_of
from sensor.datasets.dataset import Dataset
from sensor.records.query import QueryError
from sensor.views.errors import NotReadable
from tests.perf.console import request_of

AT, AGAINST = "at=2026-11-24T08:19", "against=2026-11-24T08:05"
ANNA = RequestUser("anna", "read")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Querying]:
    """The records that requests opened."""
    found: list[Querying] = []

    @contextmanager
    def recorded(dataset: Dataset) -> Iterator[Querying]:
        with querying(dataset) as there:
            found.append(there)
            yield there

    monkeypatch.setattr(page_request, "querying", recorded)
    return found


@pytest.mark.parametrize("path", ["/", "/devices", "/alerts", "/map"])
def test_a_page_opens_the_records_once(own: Path, opened: list[Querying], path: str) -> None:
    console = console_of(own, place_of("127.0.0.1:0"))
    url = f"{path}?{AT}&{AGAINST}"
    answer = of_dataset(PAGES[path])(console, request_of(app_of(console), url, ""), ANNA, {})
    assert answer.status_code == 200
    assert len(opened) == 1
    with pytest.raises((QueryError, ValueError)):
        opened[0].query.run("SELECT 1")


def test_a_failed_query_is_not_used_again(own: Path, opened: list[Querying], monkeypatch: pytest.MonkeyPatch) -> None:
    """The process of the query may have ended: the overview opens another one for its next part."""

    def failing(*_: object) -> None:
        opened[-1].query.close()
        raise QueryError("the query took longer than 30 s")

    monkeypatch.setattr("sensor.console.alerts_history.alerts_at", failing)
    console = console_of(own, place_of("127.0.0.1:0"))
    answer = of_dataset(PAGES["/"])(console, request_of(app_of(console), f"/?{AT}", ""), ANNA, {})
    assert answer.status_code == 200
    assert b"took longer than 30 s" in answer.body
    assert len(opened) == 2
    with pytest.raises(NotReadable, match="longer"):
        of_dataset(PAGES["/alerts"])(console, request_of(app_of(console), f"/alerts?{AT}", ""), ANNA, {})
