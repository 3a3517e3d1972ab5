"""`sensor firewall suggest … --rehearse 30d`: recorded connections that the requests would have blocked."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sensor.cli._places import counted
from sensor.cli._records import asking
from sensor.cli._setup import complain
from sensor.cli._show import put, tidy
from sensor.cli._table import table

if TYPE_CHECKING:
    from sensor.posture.firewall.model import Request
    from sensor.records.blocked import Blocked, Rehearsal

COLUMNS = ("client", "server", "service", "connections", "answered", "first", "last", "name")
SHOWN = 100


def rehearse(args: argparse.Namespace, requests: Sequence[Request]) -> int:
    """Print what each request would have blocked. Raises Stop without records."""
    from sensor.records.blocked import LIMITS, blocked
    from sensor.records.coverage import coverage, sentences

    args.since, args.until, args.records = args.rehearse, "", None
    with asking(args) as query:
        for request in requests:
            spared = frozenset(text for party in request.allowed for text in (party.key, *party.texts))
            found = blocked(query, request.rules, spared)
            _put_json(request, found) if args.json else _put(request, found)
        notes = [*sentences(coverage(query)), *(f"unknown: {line}" for line in LIMITS)]
    for note in notes:
        complain(note, "info") if args.json else put(tidy(note))
    return 0


def _put_json(request: Request, found: Rehearsal) -> None:
    for one in found.blocked:
        row = {"request": request.id, **one._asdict()}
        print(json.dumps(row, ensure_ascii=sys.stdout.isatty(), separators=(",", ":")))


def _put(request: Request, found: Rehearsal) -> None:
    put(f"{request.id}: {tidy(request.title)}")
    if found.blocked:
        put(table(COLUMNS, [_row(one) for one in found.blocked[:SHOWN]], sys.stdout))
    if len(found.blocked) > SHOWN:
        put(f"and {len(found.blocked) - SHOWN:,} more; --json prints all")
    answered, unsure = sum(one.answered for one in found.blocked), sum(one.unsure for one in found.blocked)
    total = sum(one.connections for one in found.blocked)
    what = f"{counted(total, 'connection')}, {answered:,} of them answered"
    put(f"it would have blocked {what}, in {len(found.blocked):,} of {found.compared:,} pairs and services")
    if unsure:
        put(f"unknown: {unsure:,} of these may be exempt, since a rule allows a host name")
    if found.more:
        put(f"only the {found.compared:,} most frequent pairs and services were compared")


def _row(one: Blocked) -> tuple[str, ...]:
    service = f"{one.proto}/{one.port}" + (" ?" if one.unsure else "")
    return (
        _end(one.client, one.client_device), _end(one.server, one.server_device), service, f"{one.connections:,}",
        f"{one.answered:,}", one.first[:16], one.last[:16], tidy(one.sni),
    )  # fmt: skip


def _end(address: str, device: str) -> str:
    return tidy(f"{address} ({device})" if device else address)
