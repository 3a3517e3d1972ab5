"""`sensor rules try FILE --backtest 30d`: alerts that rules would have raised on the traffic in the records."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sensor.cli._codes import NOT_FOUND, USAGE
from sensor.cli._records import asking
from sensor.cli._setup import complain, complain_of_faults
from sensor.cli._show import put, tidy
from sensor.cli._table import table
from sensor.core.phrases import counted

if TYPE_CHECKING:
    from sensor.core.addresses import Networks
    from sensor.core.alert import Alert
    from sensor.records.query import Query
    from sensor.records.rule_matches import Matches
    from sensor.rules.load import Loaded

COLUMNS = ("first", "last", "times", "severity", "rule", "source", "target", "summary")
SHOWN = 200


class _Finding(NamedTuple):
    """Repeats of a finding; columns as ``COLUMNS``."""

    first: str
    last: str
    times: int
    severity: str
    rule: str
    source: str
    target: str
    summary: str


def backtest(args: argparse.Namespace) -> int:
    """Print the alerts of each rule; 1 if a rule cannot be evaluated on records. Raises Exit without records."""
    from sensor.records.coverage import coverage, sentences
    from sensor.records.rule_matches import LIMITS, unknown_in_records
    from sensor.rules.load import load_rules
    from sensor.rules.uses import uses

    rules, faults = load_rules(map(Path, args.operands))
    networks = _networks(args)
    if faults or networks is None:
        complain_of_faults(faults)
        return USAGE
    args.since, args.until, args.records, args.events = args.backtest, "", None, None
    unknown = {one.rule.id: unknown_in_records(uses(one.rule, one.sets)) for one in rules}
    with asking(args) as query:
        for one in rules:
            if not unknown[one.rule.id]:
                _print(args, one, _matches(query, one, networks))
        notes = [*sentences(coverage(query)), *(f"unknown: {line}" for line in LIMITS)]
    for name, reasons in unknown.items():
        for line in reasons:
            complain(f"custom.{name}: unknown: {line}; try it on captures", error="rule.not-in-records")
    for note in notes:
        complain(note, "info") if args.json else put(tidy(note))
    return NOT_FOUND if any(unknown.values()) else 0


def _networks(args: argparse.Namespace) -> Networks | None:
    """The internal networks of the configuration; None after an error."""
    from sensor.cli._configuration import configuration
    from sensor.core.addresses import Networks
    from sensor.documents import DocumentErrors

    try:
        return Networks(configuration(args).networks)
    except DocumentErrors as errors:
        complain_of_faults(errors.faults)
        return None


def _matches(query: Query, one: Loaded, networks: Networks) -> Matches:
    from sensor.records.rule_matches import rule_matches
    from sensor.rules.uses import uses

    return rule_matches(query, uses(one.rule, one.sets), one.detector, networks)


def _print(args: argparse.Namespace, one: Loaded, found: Matches) -> None:
    findings = list(_findings(one.rule.id, found.alerts))
    if args.json:
        for finding in findings:
            print(json.dumps(finding._asdict(), ensure_ascii=sys.stdout.isatty(), separators=(",", ":")))
    elif findings:
        put(table(COLUMNS, [tuple(map(str, row)) for row in findings[-SHOWN:]], sys.stdout))
        if len(findings) > SHOWN:
            put(f"and {len(findings) - SHOWN:,} older ones; --json prints all")
    line = _total(one.rule.id, found, len(findings))
    complain(line, "info") if args.json else put(line)


def _total(rule: str, found: Matches, findings: int) -> str:
    """The numbers of a rule, with the limits that were exceeded."""
    examined = found.examined
    since = f", only since {_clock(examined.since * 1000)}: older ones exceed the limit" if examined.more else ""
    newest = f" (the newest {len(found.alerts):,})" if found.raised > len(found.alerts) else ""
    alerts = f"{counted(found.raised, 'alert')}{newest} about {counted(findings, 'finding')}"
    return f"custom.{rule}: {alerts} in {examined.rows:,} records that may match{since}"


def _findings(rule: str, alerts: Sequence[Alert]) -> Iterator[_Finding]:
    """One row per key of alerts, in order of the last time."""
    by_key: dict[str, list[Alert]] = {}
    for alert in alerts:
        by_key.setdefault(alert.key, []).append(alert)
    for some in sorted(by_key.values(), key=lambda some: some[-1].ts):
        last = some[-1]
        target = _end(last.target.address, last.target.mac) if last.target is not None else ""
        yield _Finding(
            _clock(some[0].first), _clock(last.ts), len(some), last.severity.name, f"custom.{rule}",
            _end(last.actor.address, last.actor.mac), target, tidy(last.summary),
        )  # fmt: skip


def _end(address: int, mac: int) -> str:
    from sensor.core import addresses

    return addresses.text(address) if address else addresses.mac_text(mac) if mac else ""


def _clock(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
