"""``sensor records top``: top talkers, from the records of connections."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sensor.cli._codes import USAGE
from sensor.cli._records import asking, found, print_csv, print_json, put_coverage
from sensor.cli._setup import complain
from sensor.cli._show import put, tidy
from sensor.cli._table import for_terminal, table
from sensor.core.phrases import counted

if TYPE_CHECKING:
    from sensor.records.talker import Talker
    from sensor.records.talkers import Talkers

COLUMNS = {
    "pair": ("client", "server", "services", "sent", "received", "bytes", "share", "connections"),
    "host": ("host", "type", "services", "sent", "received", "bytes", "share", "connections"),
    "service": ("service", "sent", "received", "bytes", "share", "connections"),
}


def top(args: argparse.Namespace) -> int:
    """Print the groups with most bytes or connections; 1 if no connection matches."""
    from sensor.records.filters import SearchError, is_filter
    from sensor.records.talkers import of_filter, of_host, talkers

    try:
        with asking(args) as query:
            wanted = [of_filter(query, one) if is_filter(one) else of_host(query, one) for one in args.operands]
            answer = talkers(query, args.by, args.sort, wanted, limit=args.count)
            _print(args, answer)
            put_coverage(args, query)
    except SearchError as error:
        complain(str(error), error="records.invalid-query")
        return USAGE
    return found(answer.rows)


def _print(args: argparse.Namespace, answer: Talkers) -> None:
    from msgspec import structs

    from sensor.records.summary import size
    from sensor.records.talker import Talker

    if args.json:
        print_json([structs.asdict(one) for one in answer.rows])
    elif args.csv:
        print_csv(Talker.__struct_fields__, [structs.astuple(one) for one in answer.rows])
    elif not answer.rows:
        complain("no connections in this period, or with these filters", "info")
    else:
        print(table(COLUMNS[args.by], [_row(args.by, one) for one in answer.rows], sys.stdout))
        more = "; -n shows more" if answer.more else ""
        total = f"in total: {size(answer.bytes)} in {counted(answer.connections, 'connection')}{more}"
        put(for_terminal(total, sys.stdout))


def _row(by: str, one: Talker) -> Sequence[str]:
    from sensor.records.summary import size

    figures = size(one.sent), size(one.received), size(one.bytes), f"{one.share:.1%}", f"{one.connections:,}"
    services = services_text(one)
    if by == "service":
        return one.host, *figures
    if by == "host":
        return _host(one.host, one.name), one.type, services, *figures
    return _host(one.host, one.name), _host(one.peer, one.peer_name), services, *figures


def services_text(one: Talker) -> str:
    """The services with most bytes first; the last ones are omitted."""
    from sensor.records.talkers import SERVICES

    return ", ".join((*map(tidy, one.services[:SERVICES]), *(["…"] if len(one.services) > SERVICES else [])))


def _host(host: str, name: str) -> str:
    """The name, and the id or address that finds the host with other commands."""
    return tidy(f"{name} ({host})" if name else host)
