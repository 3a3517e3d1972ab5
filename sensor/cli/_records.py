"""Shared by `search`, `hunt` and `records`: selection of records and time range, and the coverage of an answer."""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensor.cli._codes import INCOMPLETE, NOT_FOUND, NOT_OPENED, USAGE, Exit
from sensor.cli._data import add_data_arguments, dataset_of
from sensor.cli._setup import complain
from sensor.cli._show import tidy
from sensor.cli._table import for_terminal
from sensor.core.spreadsheet import safe

if TYPE_CHECKING:
    from sensor.config import Config
    from sensor.records.query import Query
    from sensor.records.readable import NoRecords

Row = Sequence[Any]
NO_RECORDS = (
    "replay a capture or run the sensor with the extra `hunt` installed, and `records: {enabled: "
    "true}` in its configuration"
)


def add_records_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--since",
        metavar="TIME",
        default="",
        help="begin: a span before the newest record such as 7d, or a time such as 2026-11-24T09:00",
    )
    parser.add_argument("--until", metavar="TIME", default="", help="end, in the same format")
    parser.add_argument("--records", metavar="DIR", type=Path, help="folder of traffic records, instead of a dataset")
    add_data_arguments(parser)


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="JSON, one object per line; coverage goes to standard error")
    form.add_argument("--csv", action="store_true", help="CSV with a heading; coverage goes to standard error")


def live_folder(args: argparse.Namespace, config: Config) -> Path:
    """The folder of a live sensor's records: ``--records``, or beside its event log."""
    from sensor.datasets.live import live_log
    from sensor.eventlog.paths import state_folder
    from sensor.records.paths import records_folder

    given: Path | None = args.records
    return given or records_folder(args.events or config.events or live_log(config.state or state_folder()))


def installed() -> bool:
    """Whether the extra is installed; False after an error that explains how to install it."""
    from sensor.records.installed import MISSING
    from sensor.records.installed import installed as there

    if not there():
        complain(f"this command {MISSING}", error="records.not-installed")
    return there()


def folder_of(args: argparse.Namespace) -> Path:
    """The folder of the selected records. Raises Exit without a dataset."""
    from sensor.records.paths import records_folder

    return Path(args.records) if args.records is not None else records_folder(dataset_of(args).log)


@contextlib.contextmanager
def asking(args: argparse.Namespace) -> Iterator[Query]:
    """A query on the selected records. Raises Exit if there are none, or the query is invalid."""
    from sensor.cli._tail_filter import check_order
    from sensor.records.query import NoRecords, Query, QueryError, Range

    if not installed():
        raise Exit(NOT_OPENED)
    folder = folder_of(args)
    catch_up(folder)
    try:
        within = Range(moment_in(folder, args.since), moment_in(folder, args.until))
        check_order(args, within.since, within.until)
        query = Query(
            folder, within, computed={} if args.records is not None else {"vulnerability": lambda: _findings(args)}
        )
    except NoRecords as error:
        raise missing(args, error) from None
    except argparse.ArgumentTypeError as error:
        raise Exit(USAGE, str(error), error="usage.invalid-value") from None
    try:
        yield query
    except QueryError as error:
        raise Exit(USAGE, str(error), error="records.invalid-query") from None
    finally:
        query.close()


def _findings(args: argparse.Namespace) -> list[list[Any]]:
    """The rows of the table `vulnerability`. Raises Exit if the dataset cannot be assessed."""
    from sensor.cli._site import picture_of
    from sensor.records.schema import TABLES
    from sensor.views.vulnerability_rows import vulnerability_rows

    picture = picture_of(argparse.Namespace(**vars(args) | {"config": None}))
    if picture is None:
        raise Exit(NOT_OPENED)
    return vulnerability_rows(picture, TABLES["vulnerability"].names)


def missing(args: argparse.Namespace, why: NoRecords) -> Exit:
    """The error for a dataset without readable records: the result is unknown, not empty."""
    from sensor.records.readable import UnreadableRecords

    unreadable = isinstance(why, UnreadableRecords)
    text, error = (str(why), "records.not-read") if unreadable else (f"{why}: {NO_RECORDS}", "records.missing")
    if args.records is not None:
        return Exit(NOT_OPENED, text, error=error)
    return Exit(INCOMPLETE, f"traffic records: unknown: {text}", error=error)


def catch_up(folder: Path) -> None:
    """Write pending records of a run, if permitted."""
    from sensor.records.waiting import write_waiting

    if missed := write_waiting(folder, complain):
        complain(missed, error="records.behind")


def moment_in(folder: Path, text: str) -> int | None:
    """Microseconds since the epoch. Spans refer to the newest record: records of a replay are old."""
    if not text:
        return None
    from datetime import UTC, datetime

    from sensor.cli._tail_filter import moment
    from sensor.records.manifest import Manifest, ManifestError
    from sensor.records.paths import MANIFEST

    newest = 0
    with contextlib.suppress(ManifestError), contextlib.closing(Manifest(folder / MANIFEST)) as manifest:
        newest = max((file.last for file in manifest.files()), default=0)
    found = datetime.fromisoformat(moment(text, datetime.fromtimestamp(newest / 1e6, UTC)))
    return int(found.timestamp() * 1e6)


def put_coverage(args: argparse.Namespace, query: Query) -> None:
    """Print the coverage of the answer: below a table, otherwise on standard error."""
    from sensor.records.coverage import coverage, sentences

    out = sys.stderr if args.json or args.csv else sys.stdout
    for line in sentences(coverage(query)):
        print(for_terminal(tidy(line), out), file=out)


def print_json(rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        print(json.dumps(row, ensure_ascii=False, separators=(",", ":")))


def print_csv(columns: Sequence[str], rows: Sequence[Row]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([[_cell(value) for value in row] for row in rows])


def _cell(value: Any) -> str:
    """A CSV value; text is none that a spreadsheet evaluates."""
    return tidy(value) if isinstance(value, int | float) else safe(tidy(value))


def found(rows: Sequence[Any]) -> int:
    """The exit code of an answer."""
    return 0 if rows else NOT_FOUND
