"""Tickets of `sensor tickets send`: one for each fix, opened once, updated, and closed when traffic shows the fix.

Systems: Jira (``jira``, ``jira_server``; tickets are recognized by the labels of ticket and sensor), ServiceNow
(``servicenow``, by ``correlation_id``), GitHub (``github``, by a comment in the text), and any webhook (``webhook``, by
``key`` in each body and ``Idempotency-Key``).

This output gets no records of the event log, and `sensor forward` ignores it. ``filter`` selects tickets by
``severity``, and by ``types`` and ``vlans`` of their devices. Before a ticket is opened, the system is searched for an
open one, so that a lost response creates no second ticket; because Jira finds new tickets only after some time, a lost
response ends the run. Changes by users are kept, except changes of title, text and due date.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, Literal, NamedTuple

from sensor.core.model import Field
from sensor.core.output import Ack, BatchRejected, Entry, Finding, Retry
from sensor.outputs.transport.http_client import Client
from sensor.outputs.transport.http_options import HttpOptions, Packing, PlainUrl
from sensor.outputs.transport.http_output import HttpOutput
from sensor.outputs.transport.secrets import Secret
from sensor.outputs.transport.ticket_systems import SYSTEMS, Missing, NeedsOperator, System

Kind = Literal["create", "update", "close", "reopen"]
PLACE = "{id}"


class Options(HttpOptions):
    """``system``: type of the ticket system; ``project``, ``issue_type``: project and issue type in Jira; ``extra``:
    additional fields of new tickets, such as `assignment_group`, or with `null` fields to omit, such as `priority` if a
    project has none; ``closing``, ``reopening``: fields with which ServiceNow closes and reopens a ticket;
    ``update_url``: of a webhook, URL for changes, with `{id}` for its ticket id (default: url); ``update_method``: HTTP
    method of changes; ``answer_id``: of a webhook, path of that id in the response; ``sign``: of a webhook, secret for
    request signatures.
    """

    records: ClassVar[bool] = False
    system: Literal["jira", "jira_server", "servicenow", "github", "webhook"]
    project: str = Field("", pattern=r"^[A-Z0-9_]*$", max_length=50)
    issue_type: str = Field("Task", min_length=1, max_length=60)
    extra: dict[str, Any] = {}
    closing: dict[str, str] = Field(default_factory=partial(dict, state="6", close_code="Solution provided"))
    reopening: dict[str, str] = Field(default_factory=partial(dict, state="2"))
    update_url: PlainUrl = ""
    update_method: Literal["PUT", "PATCH", "POST"] = "PATCH"
    answer_id: str = Field("id", pattern=r"^[\w-]+(\.[\w-]+)*$", max_length=100)
    sign: Secret | None = None
    packing: Packing = "none"

    def check_whole(self, context: Any) -> None:
        super().check_whole(context)
        # Options for records would suggest that they redact tickets, which they do not.
        if self.format or self.fields or self.redact:
            raise ValueError(
                "format, fields and redact apply to events: tickets have their own texts, with names and "
                "addresses of devices"
            )
        if self.filter.kinds or self.filter.detectors or self.filter.sites:
            raise ValueError("tickets have no kinds, detectors and sites: filter them by severity, types and vlans")
        if self.system in ("jira", "jira_server") and not self.project:
            raise ValueError(f"found no key 'project', which {self.system} needs")
        if self.update_url and (self.system != "webhook" or PLACE not in self.update_url):
            raise ValueError(
                f"update_url is for the system webhook, with {PLACE} in it: https://desk.example.org/tickets/{PLACE}"
            )
        if self.sign is not None and self.system != "webhook":
            raise ValueError(f"requests to {self.system} are not signed: sign is for the system webhook")


class Change(NamedTuple):
    """A change of one ticket. ``key``: its permanent key; ``found_by``: query that finds it in the system; ``handle``:
    id in the system, empty if it has none yet; ``content``: digest of the text, to recognize repeats; ``body``,
    ``update``: text of a ticket to open or close, and of an existing one.
    """

    kind: Kind
    key: str
    found_by: str
    handle: str
    content: str
    body: dict[str, Any]
    update: dict[str, Any]


class TicketResult(NamedTuple):
    """``handle``: id of the ticket in the system; ``remark``: what the operator has to do there."""

    handle: str
    remark: str = ""


class Tickets(HttpOutput):
    """One request at a time, over one connection."""

    Options = Options
    title = "Tickets (Jira, ServiceNow, GitHub, webhook)"
    traffic = False
    guarantee = "at_least_once"

    def __init__(self, name: str, options: Any) -> None:
        super().__init__(name, options)
        self._system: System | None = None

    def send(self, entries: Sequence[Entry]) -> Ack:
        raise BatchRejected("it accepts tickets, not records of the log")

    def give(self, change: Change) -> TicketResult:
        """Apply a change. Raises Retry if the system cannot now, BatchRejected if it will not."""
        if self._system is None:
            raise Retry("not open")
        handle = change.handle
        if handle:
            try:
                return TicketResult(handle, self._changed(self._system, handle, change))
            except Missing:
                # It was deleted there. A finished ticket stays finished; another is opened again.
                if change.kind == "close":
                    return TicketResult(handle)
        try:
            return TicketResult(self._made(self._system, change))
        except Missing as error:
            raise NeedsOperator(
                f"{error}: check url and project, and the permission to read and open tickets"
            ) from None

    def close(self) -> None:
        super().close()
        self._system = None

    def _prepare(self, client: Client) -> None:
        self._system = SYSTEMS[self.options.system](client, self.options)

    def _changed(self, system: System, handle: str, change: Change) -> str:
        if change.kind == "close":
            return system.close(handle, change.key, change.content, change.body)
        remark = system.reopen(handle) if change.kind == "reopen" else ""
        system.update(handle, change.key, change.content, change.update)
        return remark

    def _made(self, system: System, change: Change) -> str:
        """The ticket: found if an earlier response was lost, otherwise opened."""
        if handle := system.find(change.found_by):
            system.update(handle, change.key, change.content, change.update)
            return handle
        return system.create(change.key, change.content, change.body)

    def _auth(self) -> Finding:
        with Client(self.options) as client:
            system = SYSTEMS[self.options.system](client, self.options)
            if not system.looked_at:
                return Finding("auth", "warning", "not verifiable without a ticket: `sensor tickets send` sends them")
            answer = client.request("GET", system.looked_at)
        if answer.status != 200:
            return Finding("auth", "error", f"{answer.summary}: check url, user, password, token and project")
        doubt = system.doubt(answer)
        return Finding("auth", "warning" if doubt else "ok", doubt or answer.summary.partition(": {")[0])
