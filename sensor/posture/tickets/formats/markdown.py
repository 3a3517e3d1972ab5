"""A page of all tickets, for wikis and chats."""

from __future__ import annotations

from collections.abc import Sequence

from sensor.posture.tickets.formats import Form
from sensor.posture.tickets.formats._markdown import page, plain
from sensor.posture.tickets.model import Ticket
from sensor.posture.tickets.text import headline


def export(tickets: Sequence[Ticket], form: Form) -> str:
    sections = [f"## {plain(headline(one))}\n\n`{one.id}`\n\n{page(one)}" for one in tickets]
    return f"# Tickets of {plain(form.source)}\n\n" + "\n".join(sections or ["No tickets.\n"])
