"""One object store for all tests, and the traffic records of the office capture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("obstore", reason="the extra s3 is not installed")
pytest.importorskip("duckdb", reason="the extra hunt is not installed")
from tests.central.store import S3Server
from tests.offices import replayed_office


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    running = S3Server(tmp_path_factory.mktemp("s3"))
    yield running
    running.close()


@pytest.fixture(scope="session")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Traffic records of the office capture, of one hour."""
    return replayed_office(tmp_path_factory) / "records"
