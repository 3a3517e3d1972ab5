"""``sensor alerts``: filters, and the list of alerts."""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sensor.cli._codes import NOT_FOUND
from sensor.cli._data import now_of
from sensor.cli._show import part, put, row_count, table_of_alerts, tidy, vlan_number
from sensor.cli._tail_filter import check_order, moment, time_or_span
from sensor.cli._views import stop_of, views_of
from sensor.core.phrases import counted
from sensor.core.severities import SEVERITIES

if TYPE_CHECKING:
    from sensor.views.alert_filter import AlertFilter
    from sensor.views.alerts import AlertNote, AlertRow
    from sensor.views.dataset import Data

SHOWN, PAGE = 100, 1000
# For filters that can be repeated.
MANY: dict[str, Any] = {"action": "append", "default": []}


def add_filter_arguments(parser: argparse.ArgumentParser) -> None:
    """Values of a repeated filter are alternatives; different filters must all match."""
    parser.add_argument(
        "--text",
        metavar="WORDS",
        default="",
        help="only alerts with all these words, an address or an id; WORD* is the beginning of a word",
    )
    parser.add_argument("--severity", choices=SEVERITIES, default="", help="only this severity or higher")
    parser.add_argument(
        "--status", dest="states", choices=("open", "acknowledged", "closed"), **MANY, help="only alerts in this state"
    )
    parser.add_argument("--open", action="store_true", help="only alerts that are not closed")
    parser.add_argument(
        "--verdict",
        metavar="VERDICT",
        **MANY,
        help="only alerts with this verdict: true_positive, benign, false_positive or none",
    )
    parser.add_argument(
        "--assignee", metavar="NAME", **MANY, help="only alerts assigned to NAME; `nobody`: alerts without an assignee"
    )
    parser.add_argument("--detector", metavar="GLOB", **MANY, help="only alerts of detectors whose name matches")
    _add_scope_arguments(parser)
    parser.add_argument(
        "--sort",
        metavar="ORDER",
        default="severity",
        help="severity (default), last, opened or risk; highest or newest first",
    )
    parser.add_argument(
        "-n",
        "--count",
        metavar="NUMBER",
        type=row_count,
        help=f"maximum number of alerts (default: {SHOWN} in the table, all with --json)",
    )


def _add_scope_arguments(parser: argparse.ArgumentParser) -> None:
    """Filters by time, devices involved, and location."""
    parser.add_argument(
        "--since",
        metavar="TIME",
        type=time_or_span,
        help="only alerts seen since then: a span such as 90s, 15m, 1h or 2d, or a time such as 2026-11-24T09:00 (UTC)",
    )
    parser.add_argument("--until", metavar="TIME", type=time_or_span, help="only alerts last seen before then")
    parser.add_argument(
        "--src", metavar="HOST", default="", help="only alerts from this address, network, MAC, device name or id"
    )
    parser.add_argument("--dst", metavar="HOST", default="", help="only alerts to it; any target matches")
    parser.add_argument("--device", metavar="HOST", default="", help="only alerts with this device as actor or target")
    parser.add_argument("--vlan", metavar="NUMBER", type=vlan_number, help="only alerts in this VLAN")
    parser.add_argument("--site", metavar="NAME", **MANY, help="only alerts of this site")


def filter_of(args: argparse.Namespace) -> AlertFilter:
    """The filter in the arguments."""
    from sensor.views.alert_filter import AlertFilter

    states = ["open", "acknowledged"] if args.open and not args.states else args.states
    since, until = _ns(args, args.since), _ns(args, args.until)
    check_order(args, since, until)
    return AlertFilter(
        text=args.text, state=tuple(states), severity=args.severity, detector=tuple(args.detector),
        assignee=tuple(args.assignee),
        verdict=tuple(verdict.replace("-", "_") for verdict in args.verdict), site=tuple(args.site), vlan=args.vlan,
        source=args.src, target=args.dst,
        device=args.device, since=since, until=until,
    )  # fmt: skip


def _ns(args: argparse.Namespace, text: str | None) -> int | None:
    """A time in the arguments, ns."""
    from sensor.tables.lines import time_ns

    return time_ns(moment(text, now_of(args))) if text else None


def list_alerts(args: argparse.Namespace) -> int:
    """The table, or a record for each alert."""
    from sensor.views.alerts import alerts
    from sensor.views.errors import ViewError
    from sensor.views.mutes import suppressed

    data = views_of(args, "alerts")
    try:
        page = alerts(data, filter_of(args), args.sort, limit=1)
        if not page.total and not are_known(args):
            return NOT_FOUND
        if args.json:
            for record in _records(data, args, args.count or sys.maxsize):
                put(json.dumps(record, ensure_ascii=sys.stdout.isatty(), separators=(",", ":")))
            return 0
        shown, left_out = list(_records(data, args, args.count or SHOWN)), suppressed(data)
    except (ViewError, sqlite3.DatabaseError) as error:
        raise stop_of(error) from None
    empty = "no alerts match" if is_narrowed(args) else "no alerts"
    print(table_of_alerts(shown, sys.stdout, ordered=args.sort == "severity", empty=empty))
    if len(shown) < page.total:
        print(f"shown: {len(shown):,} of {'' if page.exact else 'at least '}{page.total:,}; -n shows more")
    if left_out:
        print(f"suppressed by mutes: {counted(left_out, 'alert')}; `sensor alerts muted` lists them")
    return 0


def are_known(args: argparse.Namespace) -> bool:
    """Whether every host in the filters is an address, a MAC, or a device; False after an error: without a device of
    that name, an empty list is no statement about it.
    """
    from sensor.cli._known import known, the_device
    from sensor.views.indicators import ADDRESS, MAC, kind_of

    hosts = [host for host in (args.src, args.dst, args.device) if host and "/" not in host]
    names = [host for host in hosts if kind_of(host)[0] not in (ADDRESS, MAC)]
    return not names or all(the_device(known(args).fold, name) is not None for name in names)


def record_of(row: AlertRow, closer: AlertNote | None = None) -> dict[str, Any]:
    """The record of an alert with its operator notes. ``closer``: the note that closed it."""
    from sensor.views.alerts import with_state

    record = with_state(row.record, row.state, (closer.author, closer.text) if closer is not None else None)
    more = {name: value for name, value in (("verdict", row.verdict), ("assignee", row.assignee)) if value}
    return record | {"alert": part(record, "alert") | {"id": row.id, "state": row.state} | more}


def _records(data: Data, args: argparse.Namespace, most: int) -> Iterator[dict[str, Any]]:
    """Page after page, so that memory does not grow with the number of alerts."""
    from sensor.views.alerts import alerts, closers

    wanted, cursor = filter_of(args), ""
    while most > 0:
        page = alerts(data, wanted, args.sort, limit=min(PAGE, most), cursor=cursor)
        closed = closers(data, page.rows)
        yield from (record_of(row, closed.get(row.id)) for row in page.rows)
        most -= len(page.rows)
        cursor = page.cursor
        if not cursor:
            return


def is_narrowed(args: argparse.Namespace) -> bool:
    """Whether any filter was given: an action on all alerts must be explicit."""
    from sensor.views.alert_filter import EVERY_ALERT

    return filter_of(args) != EVERY_ALERT


def names_of(rows: list[AlertRow]) -> str:
    """Ids as text: some of them, and their number."""
    first = ", ".join(tidy(row.id) for row in rows[:10])
    return f"{first} and {len(rows) - 10:,} more" if len(rows) > 10 else first
