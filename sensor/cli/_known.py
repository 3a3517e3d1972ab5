"""The data of commands about devices: the inventory of a dataset, or its event log if it has none."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sensor.cli._codes import INCOMPLETE, NOT_FOUND, NOT_OPENED, Exit
from sensor.cli._data import add_data_arguments, complain_unknown, dataset_of
from sensor.cli._log import fold_of, folded
from sensor.cli._opened import until_over
from sensor.cli._setup import complain
from sensor.cli._show import meant, part, tidy
from sensor.posture.lookup import devices_named, handles

if TYPE_CHECKING:
    from sensor.datasets.dataset import Dataset
    from sensor.eventlog.fold import Fold
    from sensor.inventory.store.reader import Reader
    from sensor.posture.latest import Known as Records
    from sensor.views.log_state import Take

Record = dict[str, Any]
Words = Callable[["Fold"], Sequence[str]]

# Number of ids that are printed for an ambiguous name.
AMBIGUOUS = 5


class Known(NamedTuple):
    """The current state. ``reader``: the inventory, unless a log is read; ``folder``: its location."""

    fold: Fold
    reader: Reader | None = None
    folder: Path | None = None

    @property
    def store(self) -> Reader:
        """The inventory. Raises Exit if a log is read."""
        if self.reader is None:
            raise Exit(INCOMPLETE, "this needs an inventory, and an event log has none", error="inventory.missing")
        return self.reader

    def details(self, record: Record) -> Record:
        """A device record with all of its evidence and leases. Raises Exit if they are damaged."""
        from sensor.inventory.store.database import StoreError

        if self.reader is None:
            return record
        try:
            return self.reader.details(tidy(part(record, "device").get("id"))) or record
        except StoreError as error:
            raise Exit(NOT_OPENED, str(error), error="inventory.not-read") from None


def add_site_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of commands that assess the whole site (``_site.py``)."""
    parser.add_argument(
        "--config", metavar="FILE", type=Path, help="configuration whose networks: apply (default: the system's)"
    )
    add_data_arguments(parser)


def known(
    args: argparse.Namespace, *, alerts: bool = False, take: Take | None = None, words: Words | None = None
) -> Known:
    """The devices of the dataset: from its inventory, or from the event log if it has none.

    ``alerts``: alerts, incidents and recommendations as well; without an event log they are reported as unknown.
    ``take`` receives every record of the log, and selects those to process. ``words`` returns texts for the devices:
    alerts whose records contain none of them are not needed. Raises Exit if nothing can be read.
    """
    from sensor.inventory.store.database import StoreError

    dataset = dataset_of(args)
    if dataset.inventory is None:
        return Known(fold_of(args, "devices", take))
    if alerts and not dataset.has_log:
        complain_unknown(args, "alerts and recommendations", f"{dataset.name} has no event log")
    try:
        return _of_store(dataset, alerts=alerts and dataset.has_log, take=take, words=words)
    except StoreError as error:
        raise Exit(NOT_OPENED, str(error), error="inventory.not-read") from None


def _of_store(dataset: Dataset, *, alerts: bool, take: Take | None, words: Words | None) -> Known:
    """The devices of an inventory. An empty one was never written: devices are then read from the log."""
    from sensor.cli._views import bring_up_to_date
    from sensor.posture.alert_ends import unnamed
    from sensor.views.stored_inventory import inventory_of

    bring_up_to_date(dataset)
    reader, fold = inventory_of(dataset.folder)
    until_over(reader)
    if not fold.devices and dataset.has_log:
        return Known(folded(dataset.log, take), reader, dataset.folder)
    if not alerts:
        return Known(fold, reader, dataset.folder)
    found = _alerts(dataset, take, words(fold) if words is not None else ())
    found.devices, found.merged = fold.devices, fold.merged
    found.leases = reader.leases(unnamed(found))
    return Known(found, reader, dataset.folder)


def _alerts(dataset: Dataset, take: Take | None, words: Sequence[str]) -> Fold:
    """Alerts, incidents and recommendations: from the tables of the dataset if they are current and the caller does not
    need every record of the log. ``words``: of alerts only those whose records contain one, if tables are read.
    """
    import sqlite3

    from sensor.cli._views import stop_of, tables_of
    from sensor.views.latest import stories_of

    data = tables_of(dataset) if take is None else None
    if data is None:
        return folded(dataset.log, take)
    try:
        return stories_of(data, words)
    except sqlite3.DatabaseError as error:
        raise stop_of(error) from None
    finally:
        data.close()


def ambiguous(what: str, found: Sequence[Record]) -> int:
    """Print some of the devices with an ambiguous name; returns the exit code."""
    names = ", ".join(tidy(part(record, "device").get("id")) for record in found[:AMBIGUOUS])
    more = f" and {len(found) - AMBIGUOUS:,} more" if len(found) > AMBIGUOUS else ""
    complain(f"{what!r} is ambiguous: any of {names}{more}: specify one by its id", error="device.ambiguous")
    return NOT_FOUND


def the_device(fold: Records, what: str) -> Record | None:
    """The device with a name; None after an error if there is none, or several."""
    found = devices_named(fold, what)
    if len(found) == 1:
        return found[0]
    if found:
        ambiguous(what, found)
        return None
    from difflib import get_close_matches

    near = get_close_matches(
        what.casefold(), sorted({handle for record in fold.devices.values() for handle in handles(record)}), 3
    )
    complain(f"no device {what!r}{meant(near) or ': `sensor devices` lists them'}", error="device.unknown")
    return None
