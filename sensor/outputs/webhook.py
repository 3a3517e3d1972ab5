"""Webhooks: one request per record in the format of the receiver: Slack, Teams, Jira, ServiceNow, PagerDuty, or the
record itself.

A repeat is shown twice by ``slack`` and ``teams``, is a second issue in ``jira`` and ``jira_server``, a second incident
with the same ``correlation_id`` in ``servicenow``, one alert by ``message_key`` in ``servicenow_event``, one incident
by ``dedup_key`` in ``pagerduty``; ``plain`` receivers drop it by ``Idempotency-Key`` or by the ``id`` in the body.

Tickets are opened once; PagerDuty and ServiceNow events are updated until the alert is closed. Use a filter such as
``severity: high`` to limit the number of messages.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec

from sensor.core.model import Field
from sensor.core.output import Ack, BatchRejected, Entry, Finding, Retry
from sensor.outputs import _webhook_bodies as bodies
from sensor.outputs.transport.http_client import JSON_FORMATS, Answer, Client, check_answer, packed_body
from sensor.outputs.transport.http_options import HttpOptions, Packing
from sensor.outputs.transport.http_output import HttpOutput
from sensor.outputs.transport.http_signing import idempotency_key, signature
from sensor.outputs.transport.secrets import Secret

Receiver = Literal["plain", "slack", "teams", "jira", "jira_server", "servicenow", "servicenow_event", "pagerduty"]

# Status 400 with one of these words is a configuration error, not a fault of a record.
SETUP_WORDS = {
    "jira": ('"project"', '"issuetype"'),
    "jira_server": ('"project"', '"issuetype"'),
    "pagerduty": ("routing_key",),
}


class Options(HttpOptions):
    """``receiver``: type of the receiver; ``project``, ``issue_type``: project and issue type in Jira; ``routing_key``:
    integration key of PagerDuty; ``sign``: secret for request signatures. Bodies are not compressed by default: few of
    these receivers support it.
    """

    receiver: Receiver = "plain"
    project: str = Field("", pattern=r"^[A-Z0-9_]*$", max_length=50)
    issue_type: str = Field("Task", min_length=1, max_length=60)
    routing_key: Secret | None = None
    sign: Secret | None = None
    packing: Packing = "none"
    # Each record is a request: no alert can overtake the rest of a batch.
    batch_events: int = Field(1, ge=1, le=100)
    batch_ms: int = Field(0, ge=0, le=60_000)

    def check_whole(self, context: Any) -> None:
        super().check_whole(context)
        if self.receiver in ("jira", "jira_server") and not self.project:
            raise ValueError(f"found no key 'project', which {self.receiver} needs")
        if self.receiver == "pagerduty" and self.routing_key is None:
            raise ValueError("found no key 'routing_key', which pagerduty needs")
        if self.receiver != "plain" and self.format not in ("", "native"):
            raise ValueError(f"found the format {self.format!r}; {self.receiver} has its own format")


class Webhook(HttpOutput):
    """One request at a time, over one connection."""

    Options = Options
    title = "Webhook (Slack, Teams, Jira, ServiceNow, PagerDuty, plain)"
    traffic = False
    guarantee = "at_least_once"

    def __init__(self, name: str, options: Any) -> None:
        super().__init__(name, options)
        self._body: Callable[[Entry], Any] = _plain

    def open(self) -> None:
        self._body = body_of(self.options)
        super().open()

    def send(self, entries: Sequence[Entry]) -> Ack:
        client, refused = self._opened, dict[int, str]()
        for place, entry in enumerate(entries):
            try:
                self._post(client, entry)
            except BatchRejected as error:
                refused[place] = str(error)
            except Retry:
                if not place:
                    raise
                # Earlier records are delivered; the next attempt begins with this one and gets the same error.
                return Ack(refused, tuple(range(place, len(entries))))
        return Ack(refused)

    def _post(self, client: Client, entry: Entry) -> None:
        body = self._body(entry)
        if body is None:
            return
        packed, encoding = packed_body(
            body if isinstance(body, bytes) else msgspec.json.encode(body), self.options.packing
        )
        key = idempotency_key([entry])
        headers = {
            "Content-Type": self._content_type(),
            "Accept": "application/json",
            "Idempotency-Key": key,
            **encoding,
        }
        if self.options.sign is not None:
            headers |= signature(self.options.sign.reveal(), key, int(time.time()), packed)
        self._check_answer(client.request("POST", client.place.url, packed, headers))

    def _check_answer(self, answer: Answer) -> None:
        try:
            check_answer(answer)
        except BatchRejected as error:
            content = answer.body.decode("utf-8", "replace")
            if answer.status == 400 and any(marker in content for marker in SETUP_WORDS.get(self.options.receiver, ())):
                raise Retry(str(error)) from None
            raise

    def _content_type(self) -> str:
        return "application/json" if self.options.format in ("", *JSON_FORMATS) else "text/plain; charset=utf-8"

    def _auth(self) -> Finding:
        """Ticket systems report our user; others accept only messages."""
        with Client(self.options) as client:
            url = client.base
            if self.options.receiver in ("jira", "jira_server"):
                answer = client.request("GET", f"{url.removesuffix('/issue')}/project/{self.options.project}")
            elif self.options.receiver in ("servicenow", "servicenow_event"):
                answer = client.request("GET", f"{url}?sysparm_limit=1&sysparm_fields=sys_id")
            else:
                return Finding("auth", "warning", "not verifiable without a message: `sensor outputs test` sends one")
        fine = answer.status == 200
        return Finding(
            "auth",
            "ok" if fine else "error",
            answer.summary.partition(": {")[0] if fine else f"{answer.summary}: check url, user, password and project",
        )


def body_of(options: Options) -> Callable[[Entry], Any]:
    """The function that makes a record's body for this receiver."""
    if options.receiver in ("jira", "jira_server"):
        issue = bodies.jira if options.receiver == "jira" else bodies.jira_server
        return lambda entry: issue(entry.record, options.project, options.issue_type)
    if options.routing_key is not None and options.receiver == "pagerduty":
        routing_key = options.routing_key.reveal()
        return lambda entry: bodies.pagerduty(entry.record, routing_key)
    if options.receiver == "plain":
        return _plain
    made: Callable[[Any], Any] = getattr(bodies, options.receiver)
    return lambda entry: made(entry.record)


def _plain(entry: Entry) -> bytes:
    return entry.payload
