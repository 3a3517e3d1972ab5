"""Mails (RFC 5322), one per ticket, to its owner if that is an address; several form an mbox (RFC 4155), which mail
programs open.

Mails of the same ticket have the same ``References``, so that mail programs group them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from email.policy import default

from sensor.core.lazy_pattern import lazy_pattern
from sensor.posture.tickets.formats import Form
from sensor.posture.tickets.model import Ticket
from sensor.posture.tickets.text import headline, page

SUBJECT_LIMIT = 180
EPOCH = "Thu Jan  1 00:00:00 1970"
# Valid addresses of owners; quoted ones are not supported.
_ADDRESS = lazy_pattern(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
_FROM = lazy_pattern(r"^(>*From )", re.MULTILINE)
_NO_ID = lazy_pattern(r"[^A-Za-z0-9.-]+")


def letter(ticket: Ticket, form: Form) -> EmailMessage:
    made = EmailMessage(policy=default.clone(max_line_length=78))
    made["Subject"] = f"[{ticket.id}] {headline(ticket)}"[:SUBJECT_LIMIT]
    if _ADDRESS.fullmatch(ticket.owner):
        made["To"] = ticket.owner
    made["References"] = f"<{ticket.id}@{_NO_ID.sub('-', form.source).strip('-.') or 'sensor'}.invalid>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(page(ticket), cte="quoted-printable")
    return made


def export(tickets: Sequence[Ticket], form: Form) -> str:
    letters = [letter(one, form).as_string() for one in tickets]
    if len(letters) < 2:
        return "".join(letters)
    stamps = [_date(one.first) for one in tickets]
    quoted = [_FROM.sub(r">\1", text) for text in letters]
    return "".join(f"From sensor {stamp}\n{text}\n" for stamp, text in zip(stamps, quoted, strict=True))


def _date(ts: str) -> str:
    """The time in the separator line before a mail: ``Tue Nov 24 09:14:07 2026``."""
    try:
        return datetime.fromisoformat(ts[:19]).ctime()
    except ValueError:
        return EPOCH
