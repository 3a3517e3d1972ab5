"""Running consoles: the program itself on loopback, with HTTP requests of a browser or a program."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("starlette", reason="needs the extra console")
pytest.importorskip("httpx", reason="needs httpx")

if TYPE_CHECKING:
    import httpx

from sensor.datasets.dataset import Dataset, dataset_in
from tests.console.kit import Running, commands_forked
from tests.forked_queries import forked_queries  # noqa: F401 - a fixture
from tests.offices import copy_of_office


@pytest.fixture(scope="session")
def office_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The office, with the packets of its alerts."""
    return copy_of_office(tmp_path_factory, evidence=True)


@pytest.fixture(scope="session")
def office(office_folder: Path) -> Iterator[Running]:
    running = Running(office_folder)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def program(office: Running) -> Iterator[httpx.Client]:
    """A program that uses the API, with a token."""
    with office.program() as client:
        yield client


@pytest.fixture(scope="session")
def browser(office: Running) -> Iterator[httpx.Client]:
    """Logged in to the office."""
    with office.client() as client:
        yield client


@pytest.fixture
def own(office_folder: Path, tmp_path: Path) -> Path:
    """A copy of the office that a test may change."""
    folder = tmp_path / "own"
    shutil.copytree(office_folder, folder)
    for path in folder.glob("console*"):
        path.unlink()
    return folder


@pytest.fixture
def forked_commands() -> Iterator[None]:
    with commands_forked():
        yield


@pytest.fixture
def start() -> Iterator[Callable[..., Running]]:
    """Starts consoles, which stop at the end of the test."""
    there: list[Running] = []

    def started(state: Path, *arguments: str) -> Running:
        there.append(Running(state, *arguments))
        return there[-1]

    yield started
    for one in there:
        one.stop()


@pytest.fixture
def office_dataset(office_folder: Path) -> Dataset:
    """The office, as a page opens it."""
    return dataset_in(office_folder)
