"""One object store for all tests, and the traffic records of the office capture."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("obstore", reason="the extra s3 is not installed")
pytest.importorskip("moto.server", reason="moto is not installed")
pytest.importorskip("duckdb", reason="the extra hunt is not installed")
from tests.central.store import S3Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    running = S3Server(tmp_path_factory.mktemp("s3"))
    yield running
    running.close()


@pytest.fixture(scope="session")
def records(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """Traffic records of the office capture, of one hour."""
    folder = tmp_path_factory.mktemp("office")
    command = [
        sys.executable,
        "-m",
        "sensor",
        "replay",
        "pcaps/office.pcapng",
        "--events",
        str(folder / "events.jsonl"),
    ]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    return folder / "records"
