"""Actions of `sensor hunt` on scheduled hunts: their tests, and a backtest of their alerts."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from sensor.cli._codes import NOT_FOUND, USAGE
from sensor.cli._hunt import own_folders, path_of
from sensor.cli._records import catch_up, folder_of, found, installed, missing, moment_in, print_csv, print_json
from sensor.cli._setup import complain, complain_of_faults
from sensor.cli._show import tidy
from sensor.cli._table import table
from sensor.core.time_units import SECOND

if TYPE_CHECKING:
    from sensor.records.hunts_library import Hunt

COLUMNS = ("time", "severity", "detector", "message")
EVERY_S = 5.0


def test(args: argparse.Namespace) -> int:
    """Run the tests in hunts; 1 if one fails."""
    from sensor.records.hunts_library import load_hunts

    if args.operands:
        hunts = _named(args)
    else:
        hunts, faults = load_hunts(own_folders(args))
        if faults:
            complain_of_faults(faults)
            return USAGE
    if hunts is None or not installed():
        return USAGE
    results = [
        (name, one.title, *_outcome(name, hunt, place))
        for name, hunt in hunts.items()
        for place, one in enumerate(hunt.tests)
    ]
    for name, title, good, detail in results:
        print(f"{'passed' if good else 'FAILED'}  {tidy(name)}: {tidy(title)}{detail}")
    if not results:
        complain("no tests in these hunts", "info")
    return NOT_FOUND if not all(good for _, _, good, _ in results) else 0


def _outcome(name: str, hunt: Hunt, place: int) -> tuple[bool, str]:
    """Whether a test passed, and why not."""
    from sensor.records.hunt_tests import run_test
    from sensor.records.query import QueryError

    test = hunt.tests[place]
    try:
        alerts = run_test(name, hunt, test)
    except QueryError as error:
        return False, f": {tidy(error)}"
    return len(alerts) == test.alerts, "" if len(
        alerts
    ) == test.alerts else f": {len(alerts)} alerts, expected {test.alerts}"


def backtest(args: argparse.Namespace) -> int:
    """Alerts that hunts would have raised; 1 if there are none."""
    from sensor.cli._codes import Exit
    from sensor.records.query import NoRecords, QueryError
    from sensor.records.schedule import backtest as run

    hunts = _named(args)
    if hunts is None:
        return USAGE
    if not installed():
        raise Exit(USAGE)
    folder = folder_of(args)
    catch_up(folder)
    rows: list[tuple[str, ...]] = []
    try:
        since, until = (moment_in(folder, text) for text in (args.since or "7d", args.until or "0s"))
        alerts = run(folder, hunts, (since or 0) * 1000, (until or 0) * 1000 + SECOND, _Progress())
        rows += [(_clock(alert.ts), alert.severity.name, alert.detector, tidy(alert.summary)) for alert in alerts]
    except NoRecords as error:
        raise missing(args, error) from None
    except QueryError as error:
        complain(str(error), error="records.invalid-query")
        return USAGE
    except argparse.ArgumentTypeError as error:
        complain(str(error), error="usage.invalid-value")
        return USAGE
    _print(args, rows)
    return found(rows)


def _print(args: argparse.Namespace, rows: list[tuple[str, ...]]) -> None:
    if args.json:
        print_json([dict(zip(COLUMNS, row, strict=True)) for row in rows])
    elif args.csv:
        print_csv(COLUMNS, rows)
    elif rows:
        print(table(COLUMNS, rows, sys.stdout))
    if not rows:
        complain("these hunts would have raised no alerts", "info")


def _named(args: argparse.Namespace) -> dict[str, Hunt] | None:
    """Hunts by name, each with entities; None after an error."""
    from sensor.documents import DocumentErrors
    from sensor.records.hunts_library import hunt

    paths = [path_of(args, argument) for argument in args.operands]
    try:
        hunts = {path.stem: hunt(path) for path in paths}
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        return None
    for name, one in hunts.items():
        if one.entities is None:
            complain(
                f"the hunt {tidy(name)} has no entities: add the columns with the actor and the target",
                error="hunt.no-entities",
            )
            return None
    return hunts


class _Progress:
    """Reports progress of long runs every few seconds."""

    def __init__(self) -> None:
        self._due = time.monotonic() + EVERY_S

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + EVERY_S
            complain(f"{done:,} of {total:,} runs", "info")


def _clock(ns: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(ns // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
