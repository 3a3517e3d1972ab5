"""``sensor tickets export``: tickets in formats for other systems."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sensor.cli._codes import NOT_FOUND, NOT_OPENED, USAGE
from sensor.cli._setup import complain
from sensor.cli._show import put
from sensor.cli._tickets_open import OpenedTickets, chosen, filters_and_ids, opened_tickets
from sensor.core.phrases import counted
from sensor.documents import nearest
from sensor.posture.tickets.formats import Form, exported, names
from sensor.posture.tickets.ledger import SentTicket
from sensor.posture.tickets.model import Ticket
from sensor.posture.tickets.progress import content_of

DEFAULT = "markdown"
# Formats that require a project.
OF_JIRA = ("jira", "jira_server")


def export(args: argparse.Namespace) -> int:
    name = args.format or DEFAULT
    if name not in names():
        complain(f"--format: found {name!r}, {nearest(name, names())}", error="usage.invalid-value")
        return USAGE
    if name in OF_JIRA and not args.project:
        complain(f"expected --project KEY: issues of {name} belong to a project", error="usage.missing-argument")
        return USAGE
    args.for_programs = args.output is None
    filters, ids = filters_and_ids(args.operands)
    with opened_tickets(args, filters) as opened:
        if isinstance(opened, int):
            return opened
        found = chosen(args, opened, ids)
        if found is None:
            return NOT_FOUND
        tickets = [one.ticket for one in found if one.ticket is not None]
        text = exported(name, tickets, Form(opened.config.sensor.id, args.project))
        if args.output is None:
            sys.stdout.write(text)
            return 0
        return _written(opened, args.output, name, tickets, text)


def _written(opened: OpenedTickets, path: Path, name: str, tickets: list[Ticket], text: str) -> int:
    """Write to a file, and record the export, so that `list` shows later changes."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        complain(f"cannot write {path}: {error.strerror}", error="file.not-written")
        return NOT_OPENED
    for one in tickets:
        opened.ledger.tickets[one.id].given[f"{name} file"] = SentTicket(content=content_of(one))
    if not opened.trouble:
        opened.note()
    if opened.trouble:
        complain(f"{opened.trouble}; the export was not recorded", error="ticket.ledger")
    put(f"{path}: {counted(len(tickets), 'ticket')}")
    return 0
