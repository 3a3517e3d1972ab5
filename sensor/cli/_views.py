"""The views of the dataset that a command reads."""

from __future__ import annotations

import argparse
import sqlite3
from typing import TYPE_CHECKING

from sensor.cli._codes import NOT_FOUND, NOT_OPENED, USAGE, Exit
from sensor.cli._data import dataset_of, need_log
from sensor.cli._opened import until_over
from sensor.cli._setup import complain
from sensor.cli._show import tidy

if TYPE_CHECKING:
    from pathlib import Path

    from sensor.datasets.dataset import Dataset
    from sensor.views.dataset import Data
    from sensor.views.errors import ViewError

# Fields of views that are options of commands.
OPTIONS = ("assignee", "detector", "severity", "site", "sort", "verdict")


def views_of(args: argparse.Namespace, what: str) -> Data:
    """The tables of the dataset, up to date; those of its log alone if it has no inventory. Raises Exit without a log:
    ``what`` is then unknown.
    """
    from sensor.views.dataset import open_log

    log = need_log(args, what)
    dataset = dataset_of(args)
    try:
        data = tables_of(dataset)
        return until_over(data if data is not None else open_log(log))
    except PermissionError:
        raise
    except OSError as error:
        raise Exit(NOT_OPENED, f"cannot read {log}: {error.strerror}", error="file.not-read") from None


def devices_data(args: argparse.Namespace) -> Data:
    """The devices of the dataset, for views: those of its inventory, or of its log if it has none or an empty one.
    Raises Exit without either, or if the inventory cannot be read.
    """
    from sensor.inventory.store.database import StoreError
    from sensor.tables.ready import make_devices_ready
    from sensor.views.dataset import open_folder
    from sensor.views.errors import NotReadable

    dataset = dataset_of(args)
    if dataset.inventory is None or (dataset.has_log and not _has_devices(dataset.inventory)):
        return views_of(args, "devices")
    try:
        bring_up_to_date(dataset)
        found = make_devices_ready(dataset.folder)
        data = open_folder(dataset.folder)
    except (StoreError, NotReadable) as error:
        raise Exit(NOT_OPENED, str(error), error="inventory.not-read") from None
    if found.note:
        complain(found.note, "info")
    return until_over(data)


def _has_devices(inventory: Path) -> bool:
    from sensor.datasets.peek import has_devices

    return has_devices(inventory)


def bring_up_to_date(dataset: Dataset) -> None:
    """Upgrade the inventory of an earlier version, unless a sensor is writing it. Raises StoreError."""
    from sensor.datasets.live import is_written
    from sensor.datasets.peek import bring_up_to_date

    if dataset.inventory is None or is_written(dataset.folder):
        return
    if note := bring_up_to_date(dataset.inventory):
        complain(note, "info")


def tables_of(dataset: Dataset) -> Data | None:
    """The tables of the dataset, up to date; None if it has none, or they cannot be updated. Raises Exit if a newer
    sensor wrote them.
    """
    return _of_folder(dataset) if dataset.inventory is not None and _is_own(dataset) else None


def stop_of(error: ViewError | sqlite3.DatabaseError) -> Exit:
    """The exit of a failed view: unknown data have another exit code than faults."""
    if isinstance(error, sqlite3.DatabaseError):
        return Exit(
            NOT_OPENED,
            (
                f"the tables of the dataset are damaged ({error}): the sensor repairs them when it starts; "
                "--events FILE reads the event log alone"
            ),
            error="dataset.damaged",
        )
    from sensor.views.errors import Ambiguous, Malformed, Unknown

    if isinstance(error, Unknown) and error.field == "id":
        expected = "expected an id, or its beginning, from a list such as `sensor alerts`"
        return Exit(NOT_FOUND, f"no {tidy(error.value)!r} in the dataset: {expected}", error="dataset.unknown-id")
    if isinstance(error, Unknown | Malformed | Ambiguous):
        option = "--" if getattr(error, "field", "") in OPTIONS else ""
        return Exit(USAGE, tidy(f"{option}{error}"), error="usage.invalid-value")
    return Exit(NOT_OPENED, tidy(str(error)), error="dataset.damaged")


def _is_own(dataset: Dataset) -> bool:
    """Whether the log is the one from which the folder's tables are built."""
    from sensor.datasets.dataset import dataset_in

    return dataset_in(dataset.folder).log == dataset.log


def _of_folder(dataset: Dataset) -> Data | None:
    """The tables in the folder; None if they are outdated and cannot be updated. Raises Exit if a newer sensor wrote
    them.
    """
    from sensor.inventory.store.database import UnusableStore
    from sensor.tables.ready import make_ready
    from sensor.views.dataset import open_folder
    from sensor.views.errors import NotReadable

    try:
        found = make_ready(dataset.folder, dataset.log)
        data = open_folder(dataset.folder) if found.usable else None
    except (UnusableStore, NotReadable) as error:
        raise Exit(NOT_OPENED, str(error), error="inventory.not-read") from None
    if found.note:
        complain(found.note, "info")
    return data
