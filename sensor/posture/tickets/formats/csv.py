"""A table with a row for each device of each ticket, for spreadsheets. No cell is a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from sensor.core.spreadsheet import safe
from sensor.posture.tickets.formats import Form
from sensor.posture.tickets.model import Affected, Ticket
from sensor.posture.tickets.text import step_text

COLUMNS = (
    "ticket", "priority", "severity", "points", "kind", "title", "owner", "first_seen", "due", "device", "name",
    "address", "type", "vendor", "model", "firmware", "segment", "device_owner", "findings", "certain", "proof",
    "steps", "test",
)  # fmt: skip


def export(tickets: Sequence[Ticket], _: Form) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([safe(cell) for cell in row] for one in tickets for row in _rows(one))
    return out.getvalue()


def _rows(ticket: Ticket) -> Iterator[tuple[str, ...]]:
    rating = (ticket.id, ticket.priority, ticket.severity.name, f"{ticket.points:g}", ticket.kind, ticket.title)
    head = (*rating, ticket.owner, ticket.first[:10], ticket.due)
    steps = " ".join(map(step_text, ticket.steps))
    yield from ((*head, *_device(one), steps, ticket.test) for one in ticket.devices)


def _device(one: Affected) -> tuple[str, ...]:
    words = (one.id, one.name, one.address, one.type, one.vendor, one.model, one.firmware, one.segment, one.owner)
    return *words, " ".join(one.names), "yes" if one.sure else "unknown", one.evidence
