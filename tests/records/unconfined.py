"""Queries within the process of a test: a process for each costs more than what is asked. Limits and refusals are
tested with the process itself (test_query.py).
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from sensor.records import query
from sensor.records.query import QueryError
from sensor.records.query_process import Answer, Begin, Request, answer, opened


class Unconfined:
    """In place of ``Confined``; answers are those that the process would send."""

    def __init__(self, begin: Begin, seconds: float) -> None:
        self._connection = opened(begin)

    def run(self, request: Request) -> Answer:
        """QueryError."""
        wanted = msgspec.json.decode(msgspec.json.encode(request), type=Request)
        found = msgspec.json.decode(msgspec.json.encode(answer(self._connection, wanted)), type=Answer)
        if found.error:
            raise QueryError(found.error)
        return found

    def close(self) -> None:
        self._connection.close()


@pytest.fixture(scope="module", autouse=True)
def queries_within() -> Iterator[None]:
    """Imported by modules whose queries are no confinement test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(query, "Confined", Unconfined)
        yield
