"""Tickets as complete objects, one per line: for programs, and for receivers without a format here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sensor.posture.tickets.formats import Form
from sensor.posture.tickets.model import Ticket

Body = dict[str, Any]


def ticket_body(ticket: Ticket) -> Body:
    """The ticket itself."""
    devices = [one._asdict() | {"names": list(one.names), "proof": one.proof._asdict()} for one in ticket.devices]
    steps = [one._asdict() | {"vendor": one.maker} for one in ticket.steps]
    more = {
        "severity": ticket.severity.name,
        "priority": ticket.priority,
        "labels": list(ticket.labels),
        "devices": devices,
        "steps": steps,
    }
    return ticket._asdict() | {"names": list(ticket.names), "why": list(ticket.why)} | more


def created(ticket: Ticket, form: Form) -> Body:
    return {"action": "create", "key": form.key(ticket.id), "ticket": ticket_body(ticket)}


def updated(ticket: Ticket, form: Form) -> Body:
    return created(ticket, form) | {"action": "update"}


def closed(lines: Sequence[str], _: Form) -> Body:
    return {"action": "close", "why": list(lines)}


def found_by(name: str, form: Form) -> str:
    """The key, which all requests contain."""
    return form.key(name)


def export(tickets: Sequence[Ticket], _: Form) -> str:
    return "".join(json.dumps(ticket_body(one), ensure_ascii=False, separators=(",", ":")) + "\n" for one in tickets)
