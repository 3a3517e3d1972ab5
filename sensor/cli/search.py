"""Search traffic records for an address, a device, a name or a file, as a timeline.

WHAT is an address, a network (203.0.113.0/24), a MAC, a device (id or name), a domain (subdomains included), a JA4, a hash, a
Community ID (1:...), or text in a user agent, account, file, share, certificate or similar field. Filters narrow the result: dst_port=443, service=tls,
src_bytes>1000000, user_agent=*curl*, dst_ip=203.0.113.0/24. Only tables with that column are searched; `sensor hunt describe` lists
all columns.

exit codes: 0 found, 1 nothing found, 2 wrong usage, 3 a file cannot be opened, 6 the dataset has no records
"""

from __future__ import annotations

import argparse
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sensor.cli._codes import USAGE
from sensor.cli._records import (
    add_output_arguments,
    add_records_arguments,
    asking,
    found,
    print_csv,
    print_json,
    put_coverage,
)
from sensor.cli._setup import complain
from sensor.cli._show import add_view_arguments, row_count, tidy
from sensor.cli._table import table
from sensor.cli._times import clock, zone_name

if TYPE_CHECKING:
    from sensor.records.asof import Labels
    from sensor.records.query import Query

EXAMPLES = """\
  sensor search 10.20.10.62
  sensor search 203.0.113.66 --since 7d
  sensor search KM1A2B3C dst_port=53
  sensor search example.com --table dns
  sensor search 10.20.10.0/24 state=REJ -n 1000 --csv
  sensor search query=*.example.com dst_ip=10.20.10.0/24
  sensor search 1:jKtiCvCJHlQ/nRfs5Y+Rpy40ly8=
  sensor search --flow 99048405476573202
  sensor search 10.20.10.61 --at 2026-11-24T08:10
"""
COLUMNS = ("time", "table", "source", "destination", "summary")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "operands", metavar="WHAT", nargs="*", help="what to search for, and filters such as dst_port=443"
    )
    parser.add_argument(
        "--flow", metavar="UID", type=int, help="all records of one connection, by its uid (shown by --json)"
    )
    parser.add_argument("--table", metavar="NAME", action="append", default=[], help="only this table; may be repeated")
    parser.add_argument(
        "-n",
        "--count",
        metavar="NUMBER",
        type=row_count,
        default=200,
        help="maximum number of rows, newest first (default: 200)",
    )
    parser.add_argument(
        "--at",
        metavar="TIME",
        default="",
        help="as of TIME: records until then, and devices with the names and addresses of that time",
    )
    add_records_arguments(parser)
    add_output_arguments(parser)
    add_view_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Search; 1 if nothing was found."""
    from sensor.records.filters import SearchError
    from sensor.records.search import search, understood

    args.until = args.at or args.until
    try:
        filters, texts = _sorted(args)
        with asking(args) as query:
            term = understood(texts[0], query) if texts else None
            rows, more = search(query, term, filters, args.table, args.count)
            _print(args, query, rows)
            if more:
                complain(
                    f"these are the newest {len(rows):,} rows: -n shows more, --since and filters narrow it", "info"
                )
            if not rows:
                complain(f"nothing found for {f'the {term.what} {term.text}' if term else 'these filters'}", "info")
            put_coverage(args, query)
            return found(rows)
    except SearchError as error:
        complain(str(error), error="records.invalid-query")
        return USAGE


def _sorted(args: argparse.Namespace) -> tuple[list[Any], list[str]]:
    """Filters and search words. Raises SearchError."""
    from sensor.documents import nearest
    from sensor.records.filters import Filter, SearchError, is_filter, parsed
    from sensor.records.schema import TABLES

    filters = [parsed(argument) for argument in args.operands if is_filter(argument)]
    texts = [argument for argument in args.operands if not is_filter(argument)]
    for name in args.table:
        if name not in TABLES:
            raise SearchError(f"found the table {name!r}, {nearest(name, list(TABLES))}")
    if args.flow is not None:
        filters.append(Filter("uid", "=", str(args.flow)))
    if len(texts) > 1 or not (texts or filters):
        raise SearchError(f"found {len(texts)} search terms, expected one, or filters such as dst_port=443")
    return filters, texts


def _print(args: argparse.Namespace, query: Query, rows: list[dict[str, Any]]) -> None:
    from sensor.records.search import labels
    from sensor.records.summary import summary

    if args.json:
        print_json(rows)
        return
    names = labels(query, rows)
    lines = [
        (
            _time(row["ts"], for_program=args.csv),
            row["table"],
            _end(row, "src", names),
            _end(row, "dst", names),
            tidy(summary(row)),
        )
        for row in rows
    ]
    if args.csv:
        more = [(row.get("uid"), " ".join(row.get("alert_ids") or ())) for row in rows]
        print_csv((*COLUMNS, "uid", "alert_ids"), [(*line, *own) for line, own in zip(lines, more, strict=True)])
    elif rows:
        print(_time_line(lines) if sys.stdout.isatty() and not args.wide else table(COLUMNS, lines, sys.stdout))


def _time_line(lines: Sequence[Sequence[str]]) -> str:
    """Lines for a terminal of any width: days as headings, source, action and target, and details below."""
    width, day, output = shutil.get_terminal_size().columns, "", list[str]()
    kinds = max(len(name) for _, name, *_ in lines)
    indent = " " * (11 + kinds)
    for time, name, source, destination, what in lines:
        if time[:10] != day:
            day = time[:10]
            output.append(f"{day} {zone_name()}")
        head = f"{time[11:19]}  {name:<{kinds}} {' → '.join(filter(None, (source, destination)))}"
        output += textwrap.wrap(head, width, subsequent_indent=indent, break_on_hyphens=False)
        output += textwrap.wrap(what, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
    return "\n".join(output)


def _time(moment: str, *, for_program: bool) -> str:
    """The time of a row, to the second: programs get UTC."""
    utc = f"{moment[:19]}Z"
    return utc if for_program else clock(utc)


def _end(row: dict[str, Any], end: str, names: Labels) -> str:
    """The device at that time and its address; with the port only for the server."""
    own = row if end == "src" else {}
    device, ip = row.get(f"{end}_device") or own.get("device"), row.get(f"{end}_ip") or own.get("ip") or ""
    port = row.get(f"{end}_port")
    place = f"{f'[{ip}]' if ':' in ip else ip}:{port}" if end == "dst" and port is not None and ip else ip
    if not device:
        return tidy(place)
    name = names.of(device, row["ts"])
    return tidy(f"{name} ({place})" if place else name)
