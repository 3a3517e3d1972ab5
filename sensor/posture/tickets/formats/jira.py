"""Jira Cloud issues, as accepted by ``POST /rest/api/3/issue/bulk``: one request per line, of 50 issues at most. Texts
are documents (ADF), without markup.

Importers find an issue by its labels (``labels = "ticket-5k2m8q" AND labels = "sensor-hq"``; the property
``network-sensor`` has the same value) and change it by ``PUT /rest/api/3/issue/KEY`` with summary, description and due
date; status, people and priority belong to the assignee.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sensor.posture.tickets.formats import Form
from sensor.posture.tickets.model import Ticket
from sensor.posture.tickets.text import CLOSED, cut, device_line, facts, headline, step_text

SUMMARY_LIMIT, BULK_LIMIT = 250, 50
# Jira accepts texts of 32,767 characters; a document is longer than its text.
DOCUMENT_LIMIT, ITEM_COST = 30_000, 110
PRIORITIES = {"P1": "Highest", "P2": "High", "P3": "Medium", "P4": "Low"}

Body = dict[str, Any]


def created(ticket: Ticket, form: Form) -> Body:
    fields = {
        "project": {"key": form.project},
        "issuetype": {"name": form.issue_type},
        "labels": [*ticket.labels, form.label],
        "priority": {"name": PRIORITIES[ticket.priority]},
    }
    property_ = {"key": "network-sensor", "value": {"ticket": ticket.id, "sensor": form.source}}
    return {"fields": fields | updated(ticket, form)["fields"], "properties": [property_]}


def updated(ticket: Ticket, _: Form) -> Body:
    due = {"duedate": ticket.due} if ticket.due else {}
    return {"fields": {"summary": headline(ticket)[:SUMMARY_LIMIT], "description": document(ticket), **due}}


def closed(lines: Sequence[str], _: Form) -> Body:
    """A comment."""
    content = [_paragraph(_text(CLOSED)), _list(_item(_text(line)) for line in lines)]
    return {"body": {"type": "doc", "version": 1, "content": content}}


def found_by(name: str, form: Form) -> str:
    """A search (JQL); neither label has a character that ends a text."""
    return f'project = "{form.project}" AND labels = "{name}" AND labels = "{form.label}"'


def export(tickets: Sequence[Ticket], form: Form) -> str:
    return bulk([created(one, form) for one in tickets])


def bulk(issues: Sequence[Body]) -> str:
    """Requests with as many issues as one may have."""
    several = [issues[at : at + BULK_LIMIT] for at in range(0, len(issues), BULK_LIMIT)]
    return "".join(json.dumps({"issueUpdates": one}, ensure_ascii=False) + "\n" for one in several)


def document(ticket: Ticket) -> Body:
    """The description (Atlassian Document Format, version 1): its texts are never empty and never markup."""
    content = [_list(_item(_text(f"{name}: ", strong=True), _text(value)) for name, value in facts(ticket))]
    for title, lines in (
        ("Why", ticket.why),
        ("Steps", tuple(map(step_text, ticket.steps))),
        ("Verification", (ticket.test,)),
    ):
        if filled := [line for line in lines if line]:
            content += [_heading(title), _list(_item(_text(line)) for line in filled)]
    room = DOCUMENT_LIMIT - len(json.dumps(content))
    devices = cut((f"- {device_line(one)}" for one in ticket.devices), len(ticket.devices), room, ITEM_COST)
    content += [_heading("Devices"), _list(_item(_text(line.removeprefix("- "))) for line in devices)]
    return {"type": "doc", "version": 1, "content": content}


def _text(text: str, *, strong: bool = False) -> Body:
    return {"type": "text", "text": text, **({"marks": [{"type": "strong"}]} if strong else {})}


def _paragraph(*texts: Body) -> Body:
    return {"type": "paragraph", "content": list(texts)}


def _item(*texts: Body) -> Body:
    return {"type": "listItem", "content": [_paragraph(*texts)]}


def _list(items: Iterable[Body]) -> Body:
    return {"type": "bulletList", "content": list(items)}


def _heading(text: str) -> Body:
    return {"type": "heading", "attrs": {"level": 3}, "content": [_text(text)]}
