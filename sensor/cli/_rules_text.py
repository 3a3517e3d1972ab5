"""Output of rules, their tests and results; and the dry run on captures."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from sensor.cli._codes import NOT_OPENED, USAGE
from sensor.cli._setup import complain, complain_of_faults, settings
from sensor.cli._show import put, table_of_alerts
from sensor.cli._table import table
from sensor.core.phrases import counted

if TYPE_CHECKING:
    from sensor.core.record import Record
    from sensor.rules.load import Loaded
    from sensor.rules.trial import RuleTestResult

TRY_COLUMNS = ("rule", "matched", "alerts")


def as_json(one: Loaded) -> str:
    """A rule as JSON, with its position."""
    return json.dumps(
        {"path": str(one.path), **one.rule.model_dump(mode="json", exclude_defaults=True)},
        ensure_ascii=False,
        separators=(",", ":"),
    )


def verdict(one: Loaded, place: int, outcome: RuleTestResult) -> str:
    """The failure of a test, at its position."""
    from sensor.rules.values import RuleError

    summaries = "".join(f"\n  {alert.summary}" for alert in outcome.alerts[:5])
    message = (
        f"the test {outcome.title!r} of {one.rule.id} expected {counted(outcome.wanted, 'alert')}, "
        f"found {len(outcome.alerts)}{':' if summaries else ''}{summaries}"
    )
    return str(one.fault(RuleError(message, "tests", place)))


def kinds_table(out: TextIO) -> str:
    """All kinds of events that rules match, with their description."""
    from sensor.rules.fields import DEVICE_KINDS, FLOW_KINDS, event_classes

    rows = [(kind, "a flow: fields of both ends, bytes and packets") for kind in FLOW_KINDS]
    rows += [(kind, "a device: its fields begin with src") for kind in DEVICE_KINDS]
    rows += [(kind, " ".join((event.__doc__ or "").split())[:120]) for kind, event in event_classes().items()]
    return table(("kind", "description"), rows, out)


def fields_table(kind: str, out: TextIO) -> str:
    """The fields of a kind, and the operators of each."""
    from sensor.rules.fields import fields_of
    from sensor.rules.load import EmptyContext
    from sensor.rules.values import OPERATORS

    fields = fields_of([kind], EmptyContext())
    return table(
        (kind, "type", "operators"),
        [(name, field.kind.value, ", ".join(OPERATORS[field.kind])) for name, field in sorted(fields.items())],
        out,
    )


def try_on(args: argparse.Namespace, rules: Path, captures: list[str]) -> int:
    """Read captures with rules, and print the alerts they would raise; no log, no inventory, no evidence is written."""
    from sensor.capture.files import open_captures
    from sensor.cli._replay_records import collector
    from sensor.cli.replay import stopping
    from sensor.documents import DocumentErrors
    from sensor.eventlog.fold import Fold
    from sensor.eventlog.writer import EventLog
    from sensor.runtime.daemon import Run

    args.log_format = "console"
    config = settings(args)
    if config is None:
        return USAGE
    fold, source = Fold(), open_captures(captures)
    fold_alert = collector(fold, whole=args.json)

    def collect(record: Record) -> None:
        alert = record.alert if isinstance(record.alert, dict) else {}
        if record.kind == "alert" and str(alert.get("detector")).startswith("custom."):
            fold_alert(record)

    try:
        run = Run(config, source, EventLog(Path(os.devnull)), listener=collect, rules=[rules])
        with stopping(source):
            run.run()
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        return USAGE
    finally:
        source.close()
    for unreadable in source.unreadable:
        complain(str(unreadable), error="capture.not-read")
    if not source.all_unreadable:
        _print_result(args, run, fold)
    return NOT_OPENED if source.unreadable else 0


def _print_result(args: argparse.Namespace, run: Any, fold: Any) -> None:
    alerts = list(fold.alerts.values())
    if args.json:
        for alert in alerts:
            print(json.dumps(alert, ensure_ascii=False, separators=(",", ":")))
        return
    made = run.engine.rules.made
    counts = {unit.id: sum(alert["alert"]["detector"] == unit.id for alert in alerts) for unit in made}
    put(table(TRY_COLUMNS, [(unit.id, f"{unit.matched:,}", str(counts[unit.id])) for unit in made], sys.stdout))
    put(table_of_alerts(alerts, sys.stdout))
