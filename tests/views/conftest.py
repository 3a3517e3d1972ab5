"""Datasets that views read: the office, and a made one of some thousand alerts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sensor.cli.main import main
from sensor.tables.build import catch_up, rebuild
from sensor.views.dataset import Data, open_folder
from tests.perf.made_records import write_log

ROOT = Path(__file__).resolve().parents[2]
LOG = "events.jsonl"


@pytest.fixture(scope="session")
def office_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("office")
    capture = [str(ROOT / "pcaps/office.pcapng"), "--intel", str(ROOT / "pcaps/office.intel.txt")]
    assert main(["replay", *capture, "--state", str(folder), "--events", str(folder / LOG)]) == 0
    catch_up(folder, folder / LOG)
    return folder


@pytest.fixture
def office(office_folder: Path) -> Iterator[Data]:
    with open_folder(office_folder) as data:
        yield data


@pytest.fixture(scope="session")
def made_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    write_log(folder / LOG, 4000)
    rebuild(folder, folder / LOG)
    return folder


@pytest.fixture
def made(made_folder: Path) -> Iterator[Data]:
    with open_folder(made_folder) as data:
        yield data
