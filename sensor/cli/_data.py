"""Selection of the dataset that a command reads, and the first line of its output, which names it."""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sensor.cli._codes import INCOMPLETE, NOT_FOUND, NOT_OPENED, USAGE, Exit
from sensor.cli._setup import complain
from sensor.cli._show import tidy
from sensor.cli._times import span_text

if TYPE_CHECKING:
    from sensor.datasets.choose import UnknownDataset
    from sensor.datasets.dataset import Dataset

VARIABLE = "SENSOR_DATA"
STANDARD_INPUT = Path("/dev/stdin")
# Options with output for programs: the first line then goes to standard error.
FOR_PROGRAMS = ("json", "csv", "dot")


def add_data_arguments(parser: argparse.ArgumentParser, *, events: bool = True) -> None:
    """``--data`` and explicit paths, which are the same for all reading commands."""
    rule = "dataset to read (default: $SENSOR_DATA, the choice of `sensor data use`, the live sensor, the newest)"
    parser.add_argument("--data", metavar="NAME", default="", help=rule)
    parser.add_argument(
        "--state",
        metavar="DIR",
        type=Path,
        help="state folder (default: $SENSOR_STATE, else ~/.local/state/sensor, else that of the service)",
    )
    if events:
        parser.add_argument(
            "--events", metavar="FILE", type=Path, help="event log to read instead; - is standard input"
        )
    else:
        parser.set_defaults(events=None)


def dataset_of(args: argparse.Namespace, *, waiting: bool = False) -> Dataset:
    """The dataset from the arguments, or the default; the first line of the output names it. Raises Exit if there is
    none, or it is empty, unless the command is ``waiting`` for future data.
    """
    found: Dataset | None = getattr(args, "dataset", None)
    if found is None:
        found = args.dataset = (
            _explicit(args, waiting)
            if args.events is not None
            else _chosen(args.state, args.data or os.environ.get(VARIABLE, ""), waiting)
        )
        _check(found, waiting)
        _print(args, head(found))
        if not found.card.complete:
            _print(args, "the replay is running or was interrupted: results are incomplete")
    return found


def now_of(args: argparse.Namespace) -> datetime:
    """Reference of time spans: the end of a replay, or of an event log that is read alone; otherwise now."""
    from sensor.datasets.card import LIVE

    dataset = dataset_of(args)
    last = dataset.span.last if dataset.kind != LIVE else ""
    try:
        return datetime.fromisoformat(last)
    except ValueError:
        return datetime.now(UTC)


def head(dataset: Dataset) -> str:
    """``office · replay · 2026-11-24 08:00 to 08:20 UTC``."""
    cells = dict.fromkeys((dataset.name, dataset.kind, span_text(*dataset.span)))
    return " · ".join(map(tidy, cells))


def complain_unknown(args: argparse.Namespace, what: str, why: str) -> None:
    """Report that something is unknown, in addition to the output; the command ends with exit code 6."""
    args.incomplete = INCOMPLETE
    _print(args, f"{what}: unknown: {why}")


def need_log(args: argparse.Namespace, what: str) -> Path:
    """The event log of the dataset. Raises Exit if there is none: ``what`` is then unknown, not empty."""
    dataset = dataset_of(args)
    if not dataset.has_log:
        complain_unknown(args, what, f"{dataset.name} has no event log")
        raise Exit(INCOMPLETE)
    return dataset.log


def need_inventory(args: argparse.Namespace, what: str) -> Dataset:
    """The dataset, which has an inventory. Raises Exit if it has none: ``what`` is then unknown."""
    dataset = dataset_of(args)
    if dataset.inventory is None:
        complain_unknown(args, what, f"{dataset.name} has no inventory")
        raise Exit(INCOMPLETE)
    return dataset


def for_programs(args: argparse.Namespace) -> bool:
    """Whether standard output is for a program: with --json and similar options, or if the command sets
    ``args.for_programs``.
    """
    return bool(getattr(args, "for_programs", False)) or any(getattr(args, name, False) for name in FOR_PROGRAMS)


def _print(args: argparse.Namespace, line: str) -> None:
    if for_programs(args):
        complain(line, "info")
    else:
        print(line, flush=True)


def _chosen(state: Path | None, name: str, waiting: bool) -> Dataset:
    from sensor.datasets.choose import NoDataset, UnknownDataset, choose
    from sensor.datasets.dataset import dataset_in

    folders = folders_of(state)
    fault: NoDataset | None = None
    for folder in folders:
        migrated(folder)
        if state is not None and not name and not (own := dataset_in(folder)).empty:
            return own
        try:
            return choose(folder, name)
        except NoDataset as error:
            fault = fault or error
        except UnknownDataset as error:
            raise unknown_dataset(error, folder) from None
    if waiting:
        return dataset_in(folders[0])
    raise Exit(NOT_OPENED, str(fault), error="dataset.missing")


def unknown_dataset(error: UnknownDataset, folder: Path) -> Exit:
    """The exit of a command for a name that no dataset in the state folder has."""
    from sensor.documents import nearest

    what = nearest(error.name, error.known) or "there are no datasets"
    return Exit(NOT_FOUND, f"no dataset {tidy(error.name)!r} in {folder}, {what}", error="dataset.unknown")


def migrated(folder: Path) -> None:
    """Migrate the files of an earlier version to a separate dataset, on first use."""
    from sensor.datasets.migrate import migrate

    if done := migrate(folder):
        complain(done, "info")


def folders_of(state: Path | None) -> list[Path]:
    """The given state folder, otherwise the default; then that of the service, for a user whose own is empty."""
    if state is not None:
        return [state]
    from sensor.eventlog.paths import folder_to_read, state_folder_is_named, system_folder

    own, system = folder_to_read(), system_folder()
    return [own] if own == system or state_folder_is_named() or not system.is_dir() else [own, system]


def _explicit(args: argparse.Namespace, waiting: bool) -> Dataset:
    """A given event log, with the inventory of the state folder if that is also given."""
    import msgspec

    from sensor.datasets.dataset import dataset_in, dataset_of_log
    from sensor.eventlog.log_lines import parts

    if args.data:
        raise Exit(USAGE, "expected --data NAME or --events FILE, and not both", error="usage.conflicting-options")
    log = STANDARD_INPUT if str(args.events) == "-" else args.events
    if args.state is not None:
        return msgspec.structs.replace(dataset_in(args.state), log=log)
    if not waiting and not log.exists() and not parts(log):
        raise Exit(NOT_OPENED, f"cannot read {log}: No such file or directory", error="file.not-read")
    return dataset_of_log(log)


def _check(dataset: Dataset, waiting: bool) -> None:
    """Raises Exit if it is empty, or its log is another kind of file."""
    from sensor.eventlog.log_lines import parts

    there = [part.path for part in parts(dataset.log)]
    if any(path.is_dir() for path in there):
        raise Exit(NOT_OPENED, f"cannot read {dataset.log}: Is a directory", error="file.not-read")
    if dataset.empty and not dataset.card.first and not waiting:
        raise Exit(
            NOT_OPENED,
            f"nothing to read: {dataset.name} contains no device and no event ({dataset.folder})",
            error="dataset.empty",
        )
    regular = [path for path in there if path.is_file() and path.stat().st_size]
    if regular and len(regular) == len(there):
        from sensor.datasets.span import span_of_log

        if span_of_log(dataset.log) is None:
            raise Exit(
                NOT_OPENED,
                (
                    f"{dataset.log} is not an event log: none of its first lines is an event; expected JSON lines "
                    "as `sensor run` writes them"
                ),
                error="log.not-an-event-log",
            )
