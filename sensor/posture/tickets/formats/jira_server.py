"""Issues of Jira Data Center, as ``POST /rest/api/2/issue/bulk`` takes them: those of Jira Cloud, with texts that have
markup. Within ``noformat`` is none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sensor.posture.tickets.formats import Form, jira
from sensor.posture.tickets.model import Ticket
from sensor.posture.tickets.text import page

TEXT_LIMIT = 32_000
# The sign after which Jira would read the end of a text without markup, in letters of any size.
_NOFORMAT = re.compile(r"\{(?=noformat)", re.IGNORECASE)


def created(ticket: Ticket, form: Form) -> dict[str, Any]:
    made = jira.created(ticket, form)
    made["fields"] |= _description(ticket)
    return made


def updated(ticket: Ticket, form: Form) -> dict[str, Any]:
    return {"fields": jira.updated(ticket, form)["fields"] | _description(ticket)}


def closed(lines: Sequence[str], _: Form) -> dict[str, Any]:
    """A comment."""
    return {
        "body": _unformatted(
            "Fixed, as traffic shows:\n" + "\n".join(f"- {line}" for line in lines)[:TEXT_LIMIT] + "\n"
        )
    }


found_by = jira.found_by


def export(tickets: Sequence[Ticket], form: Form) -> str:
    return jira.bulk([created(one, form) for one in tickets])


def _description(ticket: Ticket) -> dict[str, str]:
    return {"description": _unformatted(page(ticket, TEXT_LIMIT))}


def _unformatted(text: str) -> str:
    """Text that ends with a line end."""
    return f"{{noformat}}\n{_NOFORMAT.sub('{ ', text)}{{noformat}}"
