"""One hub of real programs for all tests, and the log of the office capture for sensors that send it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("nats", reason="the extra hub is not installed")
pytest.importorskip("psycopg", reason="the extra hub is not installed")
from tests.forked import run
from tests.forked_queries import forked_queries  # noqa: F401 - a fixture
from tests.hub.hub_kit import MISSING, ROOT, SITE, HubServers, fill
from tests.offices import made_once

LOG = "events.jsonl"

# Modules that require the console extra, too.
collect_ignore = [] if find_spec("starlette") and find_spec("httpx") else ["test_console.py", "test_console_browser.py"]


@pytest.fixture(scope="session")
def servers() -> Iterator[HubServers]:
    if MISSING:
        pytest.skip(MISSING)
    running = HubServers()
    yield running
    running.close()


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The event log of the office capture, of the sensor office-1."""

    def replay(folder: Path) -> None:
        (folder / "sensor.yaml").write_text(f"sensor: {{ id: office-1, site: {SITE} }}\n")
        command = [sys.executable, "-m", "sensor", "replay", "pcaps/office.pcapng"]
        more = ["--events", str(folder / LOG), "--config", str(folder / "sensor.yaml")]
        run([*command, *more, "--intel", "pcaps/office.intel.txt"], cwd=ROOT, check=True, capture_output=True)

    return made_once(tmp_path_factory, "office-of-hub", replay) / LOG


@pytest.fixture(scope="module")
def filled(servers: HubServers, office: Path, tmp_path_factory: pytest.TempPathFactory) -> HubServers:
    """A hub with the office capture of two sites."""
    fill(servers, office, tmp_path_factory.mktemp("sensors"))
    return servers
