"""Output of ``sensor outputs``: tables or JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

import msgspec

from sensor.cli._colors import STATE_STYLES, coloured, paint
from sensor.cli._show import tidy
from sensor.cli._table import table
from sensor.cli._times import age
from sensor.core.output import Finding, Options
from sensor.delivery.catalogue import formats_of, output_class
from sensor.delivery.hosts import PLACES
from sensor.delivery.section import type_of
from sensor.delivery.status import Status

LIST_COLUMNS = ("output", "type", "destination", "format", "guarantee", "enabled")
STATUS_COLUMNS = ("output", "state", "delivered", "pending", "refused", "missing", "last delivered", "fault")
GUARANTEES = {"exactly_once": "exactly once", "at_least_once": "at least once", "best_effort": "best effort"}
STYLES = {"ok": "cyan", "warning": "yellow", "error": "red"}


def destination(options: Options) -> str:
    """The destination in short. Secrets are printed as references."""
    for name in PLACES:
        value: Any = getattr(options, name, None)
        if value:
            place = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            port = getattr(options, "port", None) if name == "host" else None
            return tidy(_without_password(place) + (f":{port}" if port else ""), 120)
    return ""


def _without_password(place: str) -> str:
    """User information and query of a URL may contain a secret."""
    return re.sub(r"\?.*", "?…", re.sub(r"//[^/@]*@", "//…@", place))


def list_table(outputs: Mapping[str, Options], out: TextIO) -> str:
    return table(LIST_COLUMNS, [tuple(row.values()) for row in _rows(outputs)], out)


def list_json(outputs: Mapping[str, Options]) -> Iterator[str]:
    for row in _rows(outputs):
        yield msgspec.json.encode(row).decode()


def _rows(outputs: Mapping[str, Options]) -> Iterator[dict[str, str]]:
    for name, options in outputs.items():
        unit = output_class(type_of(options))
        cells = (
            name,
            type_of(options),
            destination(options),
            options.format or (formats_of(unit)[0] if options.records else ""),
            GUARANTEES[unit.guarantee],
            "yes" if options.enabled else "no",
        )
        yield dict(zip(LIST_COLUMNS, cells, strict=True))


def finding_line(name: str, finding: Finding, out: TextIO) -> str:
    level = paint(f"{finding.level:7}", STYLES[finding.level], coloured(out))
    return f"{name}  {level}  {finding.what}: {tidy(finding.message)}"


def finding_json(name: str, finding: Finding) -> str:
    return msgspec.json.encode({"output": name, **msgspec.to_builtins(finding)}).decode()


def status_table(statuses: Sequence[Status], out: TextIO, now: float) -> str:
    rows = [
        (
            one.name,
            one.state
            + (f" for {age(now - one.stalled_since)}" if one.stalled_since and one.state == "stalled" else ""),
            *(f"{number:,}" for number in (one.delivered, one.pending, one.refused, one.missing)),
            f"{age(now - one.last_delivered)} ago" if one.last_delivered else "never",
            _error(one, now),
        )
        for one in statuses
    ]
    shown = table(STATUS_COLUMNS, rows, out, lambda row: STATE_STYLES.get(row[1].split()[0], ""))
    return "\n".join((shown.rstrip("\n"), *_traffic(statuses, now))) + ("\n" if shown.endswith("\n") else "")


def _traffic(statuses: Sequence[Status], now: float) -> Iterator[str]:
    """One line per output that accepts traffic records."""
    for one in statuses:
        if one.records_delivered or one.records_pending or one.records_dropped or one.records_refused:
            yield (
                f"{one.name}: traffic records: {one.records_delivered:,} delivered, {one.records_pending:,} pending, "
                f"{one.records_refused:,} refused, {one.records_dropped:,} dropped"
                + (f", failing for {age(now - one.records_stalled_since)}" if one.records_stalled_since else "")
                + (f": {tidy(one.records_error)}" if one.records_error else "")
            )


def _error(one: Status, now: float) -> str:
    """The last error with its age, and the time of the next retry."""
    if not one.error:
        return ""
    again = f", next try in {age(one.next_try - now)}" if one.next_try > now else ""
    return f"{tidy(one.error)} ({age(now - one.error_at)} ago{again})"


def status_json(one: Status) -> str:
    return msgspec.json.encode(one).decode()
