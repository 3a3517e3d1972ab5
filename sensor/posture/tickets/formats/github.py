"""GitHub issues, as accepted by ``POST /repos/OWNER/REPO/issues`` (REST API 2022-11-28), one per line.

Importers find an issue by the comment at the beginning of its body, among those with the label ``network-sensor``, and
change it by ``PATCH …/issues/NUMBER`` with title and body; labels, people and milestones stay unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sensor.posture.tickets.formats import Form
from sensor.posture.tickets.formats._markdown import code, page
from sensor.posture.tickets.model import Ticket
from sensor.posture.tickets.text import CLOSED, headline

TITLE_LIMIT, BODY_LIMIT = 250, 65_000


def found_by(name: str, form: Form) -> str:
    """An HTML comment, invisible to readers; no key can end it."""
    return f"<!-- network-sensor: {form.key(name).replace('>', '')} -->"


def created(ticket: Ticket, form: Form) -> dict[str, Any]:
    # A label for each ticket would fill the list of labels.
    return updated(ticket, form) | {"labels": [label for label in ticket.labels if label != ticket.id]}


def updated(ticket: Ticket, form: Form) -> dict[str, Any]:
    mark = found_by(ticket.id, form)
    return {"title": headline(ticket)[:TITLE_LIMIT], "body": f"{mark}\n{page(ticket, BODY_LIMIT - len(mark) - 1)}"}


def closed(lines: Sequence[str], _: Form) -> dict[str, Any]:
    """A comment."""
    return {"body": "\n".join((CLOSED, "", *(f"- {code(line)}" for line in lines)))[:BODY_LIMIT]}


def export(tickets: Sequence[Ticket], form: Form) -> str:
    return "".join(json.dumps(created(one, form), ensure_ascii=False) + "\n" for one in tickets)
