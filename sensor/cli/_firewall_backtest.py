"""`sensor firewall suggest … --backtest 30d`: recorded connections that the requests would have blocked."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sensor.cli._records import asking
from sensor.cli._setup import complain
from sensor.cli._show import put, tidy
from sensor.cli._table import table
from sensor.core.phrases import counted

if TYPE_CHECKING:
    from sensor.posture.firewall.model import Request
    from sensor.records.blocked import Blocked

COLUMNS = ("client", "server", "service", "connections", "answered", "first", "last", "name")
SHOWN = 100


def backtest(args: argparse.Namespace, requests: Sequence[Request]) -> int:
    """Print what each request would have blocked. Raises Exit without records."""
    from sensor.records.blocked import LIMITS, Connections
    from sensor.records.coverage import coverage, sentences

    args.since, args.until, args.records = args.backtest, "", None
    with asking(args) as query:
        connections = Connections(query)
        for request in requests:
            spared = frozenset(text for party in request.allowed for text in (party.key, *party.texts))
            found = connections.blocked(request.rules, spared)
            _put_json(request, found) if args.json else _put(request, found, connections.compared)
        notes = [*sentences(coverage(query)), *(f"unknown: {line}" for line in LIMITS)]
    if connections.more:
        notes.append(f"unknown: only the {connections.compared:,} most frequent pairs and services were compared")
    for note in notes:
        complain(note, "info") if args.json else put(tidy(note))
    return 0


def _put_json(request: Request, found: Sequence[Blocked]) -> None:
    for one in found:
        row = {"request": request.id, **one._asdict()}
        print(json.dumps(row, ensure_ascii=sys.stdout.isatty(), separators=(",", ":")))


def _put(request: Request, found: Sequence[Blocked], compared: int) -> None:
    put(f"{request.id}: {tidy(request.title)}")
    if found:
        put(table(COLUMNS, [_row(one) for one in found[:SHOWN]], sys.stdout))
    if len(found) > SHOWN:
        put(f"and {len(found) - SHOWN:,} more; --json prints all")
    answered, unsure = sum(one.answered for one in found), sum(one.unsure for one in found)
    total = sum(one.connections for one in found)
    what = f"{counted(total, 'connection')}, {answered:,} of them answered"
    put(f"it would have blocked {what}, in {len(found):,} of {compared:,} pairs and services")
    if unsure:
        put(f"unknown: {unsure:,} of these may be exempt, since a rule allows a host name")


def _row(one: Blocked) -> tuple[str, ...]:
    service = f"{one.proto}/{one.port}" + (" ?" if one.unsure else "")
    return (
        _end(one.client, one.client_device), _end(one.server, one.server_device), service, f"{one.connections:,}",
        f"{one.answered:,}", one.first[:16], one.last[:16], tidy(one.sni),
    )  # fmt: skip


def _end(address: str, device: str) -> str:
    return tidy(f"{address} ({device})" if device else address)
