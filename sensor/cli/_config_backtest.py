"""`sensor config check FILE --backtest 30d`: past alerts that changed thresholds would have silenced."""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensor.cli._codes import USAGE
from sensor.cli._setup import complain, complain_of_faults
from sensor.cli._show import part, put, table_of_alerts, tidy
from sensor.cli._table import table
from sensor.core.phrases import counted

if TYPE_CHECKING:
    from sensor.alerts.threshold_backtest import Backtested, Settings
    from sensor.config import Config

OPTION, COUNTS = ("option", "in use", "changed"), ("silenced", "kept", "unknown")
Record = dict[str, Any]
NOTE = "The value of an alert is that of its last report; later values may be higher."


def backtest(args: argparse.Namespace, in_use: Path | None, changed: Path) -> int:
    """Print the effect of each changed option. ``in_use``: the current configuration, None for the usual one. 2 if one
    of the two is invalid; raises Exit without alerts.
    """
    from sensor.alerts.threshold_backtest import backtested, least_backtested
    from sensor.config import load_config, usual
    from sensor.documents import DocumentErrors

    try:
        old, new = load_config(usual(in_use)), load_config(changed)
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        return USAGE
    records = _alerts(args)
    least = least_backtested(old.least, new.least, records)
    found = [*([least] if least is not None else []), *backtested(_settings(old, new), records)]
    for line in _json(found) if args.json else _lines(found, len(records)):
        put(line)
    if args.json:
        complain(NOTE, "info")
    return 0


def _settings(old: Config, new: Config) -> Mapping[str, Settings]:
    from sensor.alerts.threshold_backtest import Settings
    from sensor.config import detector_units

    return {name: Settings(unit, old.options(name), new.options(name)) for name, unit in detector_units().items()}


def _alerts(args: argparse.Namespace) -> list[Record]:
    """The last record of each alert of the dataset, of the time of --backtest before the newest."""
    from sensor.cli._views import stop_of, views_of
    from sensor.tables.lines import time_or
    from sensor.views.latest import stories_of

    args.events = None
    try:
        records = list(stories_of(views_of(args, "alerts")).alerts.values())
    except sqlite3.DatabaseError as error:
        raise stop_of(error) from None
    last = {id(record): time_or(tidy(part(record, "alert").get("last")), 0) for record in records}
    since = max(last.values(), default=0) - args.backtest
    return [record for record in records if last[id(record)] >= since]


def _lines(found: Sequence[Backtested], total: int) -> Iterator[str]:
    from sensor.alerts.threshold_backtest import Effect

    if not found:
        yield "no option of a built-in detector differs from the configuration in use"
        return
    known, unknown = ([one for one in found if bool(one.change.unknown) == is_] for is_ in (False, True))
    if known:
        counts = [
            [f"{len(one.alerts[effect]):,}" for effect in (Effect.SILENCED, Effect.KEPT, Effect.UNKNOWN)]
            for one in known
        ]
        yield table(
            (*OPTION, *COUNTS), [(*_option(one), *cells) for one, cells in zip(known, counts, strict=True)], sys.stdout
        )
    if unknown:
        yield table((*OPTION, "effect unknown"), [(*_option(one), one.change.unknown) for one in unknown], sys.stdout)
    silenced = {id(record): record for one in known for record in one.alerts[Effect.SILENCED]}
    if silenced:
        yield table_of_alerts(silenced.values(), sys.stdout)
    yield f"{len(silenced):,} of {counted(total, 'alert')} would be silenced. {NOTE}"
    if unknown:
        yield f"The effect of {counted(len(unknown), 'option')} is unknown: replay a capture with both configurations."


def _option(one: Backtested) -> tuple[str, str, str]:
    change = one.change
    return f"{change.detector}.{change.option}", _text(change.old), _text(change.new)


def _text(value: Any) -> str:
    return tidy(json.dumps(value, default=str, ensure_ascii=False)).strip('"')


def _json(found: Sequence[Backtested]) -> Iterator[str]:
    for one in found:
        change = one.change
        row: dict[str, Any] = {
            "detector": change.detector,
            "option": change.option,
            "old": change.old,
            "new": change.new,
        }
        if change.unknown:
            row |= {"unknown_reason": change.unknown}
        else:
            row |= {effect: [record["alert"].get("id") for record in some] for effect, some in one.alerts.items()}
        yield json.dumps(row, ensure_ascii=sys.stdout.isatty(), separators=(",", ":"), default=str)
