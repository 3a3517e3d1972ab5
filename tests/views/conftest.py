"""Datasets of the views: the office, and a generated one of some thousand alerts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sensor.tables.build import catch_up, rebuild
from sensor.views.dataset import Data, open_folder
from tests.offices import copy_of_office
from tests.perf.made_records import write_log

LOG = "events.jsonl"


@pytest.fixture(scope="session")
def office_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copy_of_office(tmp_path_factory)
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
