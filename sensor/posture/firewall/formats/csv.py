"""A table with a row for each pair of ends, for manual entry (UniFi and similar) or spreadsheets. No cell
is a formula.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from sensor.core.spreadsheet import safe
from sensor.posture.firewall.comments import names_of, plain
from sensor.posture.firewall.model import Block, Request

COLUMNS = (
    "request", "rule", "do", "action", "source", "source_name", "destination", "destination_name", "protocol", "port",
    "direction", "expires", "alerts", "comment",
)  # fmt: skip
ALLOWS = True
HEAD = ",".join(COLUMNS) + "\n"


def rules(request: Request) -> str:
    return _table(request, "add")


def undo(request: Request) -> str:
    return _table(request, "remove")


def _table(request: Request, do: str) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for rule in request.rules:
        for source in rule.sources or (None,):
            for destination in rule.destinations or (None,):
                ends = (
                    *_end(request, source),
                    *(("any", " ".join(rule.names)) if rule.names else _end(request, destination)),
                )
                service = rule.match.proto_text or "any", str(rule.match.port or "any")
                columns = request.direction, request.until, " ".join(request.alerts), request.comment
                writer.writerow(
                    _cells((request.id, rule.name, do, "allow" if rule.allow else "drop", *ends, *service, *columns))
                )
    return out.getvalue()


def _end(request: Request, block: Block | None) -> tuple[str, str]:
    return (str(block), names_of(request, block)) if block is not None else ("any", "")


def _cells(values: Iterable[str]) -> list[str]:
    return [safe(plain(value)) for value in values]
