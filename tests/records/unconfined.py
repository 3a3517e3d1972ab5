"""Queries in the process of a test: a child process for each takes longer than the query. Limits and rejections are
tested with the child process itself (test_query.py).
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from sensor.records import query
from sensor.records.query import QueryError
from sensor.records.query_process import Answer, QueryStart, Request, answer, opened


class Unconfined:
    """Replaces ``Confined``; results are those of the child process."""

    def __init__(self, begin: QueryStart, seconds: float) -> None:
        self._connection = opened(begin)

    def run(self, request: Request) -> Answer:
        """Raises QueryError."""
        wanted = msgspec.json.decode(msgspec.json.encode(request), type=Request)
        found = msgspec.json.decode(msgspec.json.encode(answer(self._connection, wanted)), type=Answer)
        if found.error:
            raise QueryError(found.error)
        return found

    def close(self) -> None:
        self._connection.close()


@pytest.fixture(scope="module")
def queries_within() -> Iterator[None]:
    """For modules that do not test the confinement."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(query, "Confined", Unconfined)
        yield
