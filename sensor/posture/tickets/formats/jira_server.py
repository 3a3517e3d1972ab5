"""Jira Data Center issues, as accepted by ``POST /rest/api/2/issue/bulk``: those of Jira Cloud, with texts in markup,
which ``noformat`` disables.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sensor.core.lazy_pattern import lazy_pattern
from sensor.posture.tickets.formats import Form, jira
from sensor.posture.tickets.model import Ticket
from sensor.posture.tickets.text import CLOSED, page

TEXT_LIMIT = 32_000
# Jira ends text without markup at this brace and word, in any case.
_NOFORMAT = lazy_pattern(r"\{(?=noformat)", re.IGNORECASE)


def created(ticket: Ticket, form: Form) -> dict[str, Any]:
    made = jira.created(ticket, form)
    made["fields"] |= _description(ticket)
    return made


def updated(ticket: Ticket, form: Form) -> dict[str, Any]:
    return {"fields": jira.updated(ticket, form)["fields"] | _description(ticket)}


def closed(lines: Sequence[str], _: Form) -> dict[str, Any]:
    """A comment."""
    return {"body": _unformatted(f"{CLOSED}\n" + "\n".join(f"- {line}" for line in lines)[:TEXT_LIMIT] + "\n")}


found_by = jira.found_by


def export(tickets: Sequence[Ticket], form: Form) -> str:
    return jira.bulk([created(one, form) for one in tickets])


def _description(ticket: Ticket) -> dict[str, str]:
    return {"description": _unformatted(page(ticket, TEXT_LIMIT))}


def _unformatted(text: str) -> str:
    """Text without markup, with a final line end."""
    return f"{{noformat}}\n{_NOFORMAT.sub('{ ', text)}{{noformat}}"
