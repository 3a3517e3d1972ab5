"""ServiceNow rows, as accepted one by one by ``POST /api/now/table/incident``, and together by ``POST
/api/now/import/STAGING/insertMultiple``.

Each has a ``correlation_id``: a transform map that coalesces on it updates existing rows. With the table API, importers
query first (``?sysparm_query=correlation_id=hq/ticket-5k2m8q``), then change the row by ``PATCH …/SYS_ID``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from sensor.core.lazy_pattern import lazy_pattern
from sensor.posture.tickets.formats import Form
from sensor.posture.tickets.model import Ticket
from sensor.posture.tickets.text import CLOSED, headline, page

# Default lengths of the columns.
SHORT_LIMIT, DESCRIPTION_LIMIT, CORRELATION_LIMIT = 160, 4000, 100
# Markup that would switch a field to HTML.
_CODE = lazy_pattern(r"\[(?=/?code\])", re.IGNORECASE)
URGENCY = {"P1": ("1", "1"), "P2": ("2", "1"), "P3": ("2", "2"), "P4": ("3", "2")}


def shown(text: str) -> str:
    """Text without ``[code]``, which begins HTML in some fields."""
    return _CODE.sub("[ ", text)


def created(ticket: Ticket, form: Form) -> dict[str, str]:
    impact, urgency = URGENCY[ticket.priority]
    return updated(ticket, form) | {
        "impact": impact,
        "urgency": urgency,
        "category": "security",
        "correlation_id": correlation(ticket.id, form),
        "correlation_display": "Passive network sensor",
    }


def updated(ticket: Ticket, _: Form) -> dict[str, str]:
    due = {"due_date": f"{ticket.due} 23:59:59"} if ticket.due else {}
    return {
        "short_description": headline(ticket)[:SHORT_LIMIT],
        "description": shown(page(ticket, DESCRIPTION_LIMIT)),
        **due,
    }


def closed(lines: Sequence[str], _: Form) -> dict[str, str]:
    """The resolution."""
    return {"close_notes": shown("\n".join((CLOSED, *(f"- {line}" for line in lines))))[:DESCRIPTION_LIMIT]}


def correlation(name: str, form: Form) -> str:
    """The end of a key identifies the ticket. A caret would end a condition of a query."""
    return form.key(name).replace("^", "")[-CORRELATION_LIMIT:]


def found_by(name: str, form: Form) -> str:
    """A condition of a query."""
    return f"correlation_id={correlation(name, form)}"


def export(tickets: Sequence[Ticket], form: Form) -> str:
    return json.dumps({"records": [created(one, form) for one in tickets]}, ensure_ascii=False) + "\n"
