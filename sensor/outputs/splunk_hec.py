"""Splunk's HTTP Event Collector, event endpoint; each record carries its id as the indexed field ``record_id``.

With ``acknowledge`` (indexer acknowledgement, which the token must have enabled) a batch is delivered once the indexers
confirm that they have written it: status 200 confirms only that the events were well-formed. Splunk keeps duplicates;
``| dedup record_id`` removes them in searches. Splunk Cloud does not support acknowledgement for custom collectors: set
``acknowledge: false``; records that Splunk has not written before a failure are then lost.

If a batch contains an invalid event, Splunk accepts the events before it and ignores those after it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from sensor.core.model import Field
from sensor.core.output import Ack, BatchRejected, Entry, Finding, Retry
from sensor.core.reader import clean
from sensor.outputs.formats._view import milliseconds
from sensor.outputs.transport.http_client import Answer, Client, check_answer, decoded
from sensor.outputs.transport.http_options import HttpOptions
from sensor.outputs.transport.http_output import HttpOutput
from sensor.outputs.transport.http_wire import REASON_LIMIT

EVENT, ACK = "services/collector/event", "services/collector/ack"
JSON = {"Content-Type": "application/json"}
POLL_S, POLL_MAX_S = 0.05, 1.0

NO_DATA, NO_CHANNEL, BAD_CHANNEL, ACK_OFF = 5, 10, 11, 14
# Error codes about a single event: invalid format, no event, empty event, invalid indexed fields.
EVENT_FAULTS = (6, 12, 13, 15)
# Status 400 with one of these concerns the permissions of the token.
HINTS = {
    7: "the token has no permission for this index: check index, and the indexes of the token",
    NO_CHANNEL: "the token requires acknowledgement: set acknowledge to true, or disable it for the token",
    ACK_OFF: (
        "the token has no indexer acknowledgement: enable it (useACK), or set acknowledge to false and accept losses"
    ),
}


class _Body(msgspec.Struct, rename={"ack": "ackId", "event": "invalid-event-number"}):
    """A response of the collector."""

    text: str = ""
    code: int = -1
    ack: int | None = None
    event: int | None = None
    acks: dict[str, bool] = {}


class _Reply(NamedTuple):
    answer: Answer
    body: _Body

    @property
    def reason(self) -> str:
        hint = HINTS.get(self.body.code)
        reason = f"{clean(self.body.text, REASON_LIMIT)} (code {self.body.code})" if self.body.code >= 0 else ""
        return f"{self.answer.where}: {reason}{f'; {hint}' if hint else ''}" if reason else self.answer.summary


class Options(HttpOptions):
    """``url``: URL of the collector, such as ``https://splunk.example.org:8088``; ``token``: token of the HEC input;
    ``index``: index (default: the index of the token); ``source``, ``sourcetype``: may contain ``{kind}`` of the
    record; ``acknowledge``: wait for indexer acknowledgement; ``ack_timeout_s``: time to wait for an acknowledgement
    before the batch is sent again.
    """

    index: str = Field("", pattern=r"^[a-z0-9_-]*$", max_length=80)
    source: str = Field("sensor", min_length=1, max_length=200)
    sourcetype: str = Field("sensor:{kind}", min_length=1, max_length=200)
    packing: Literal["none", "gzip"] = "gzip"
    acknowledge: bool = True
    ack_timeout_s: float = Field(60, gt=0, le=600)
    # Indexers take seconds to acknowledge, and nothing is sent meanwhile: a backlog needs large batches.
    batch_events: int = Field(10_000, ge=1, le=50_000)
    batch_kib: int = Field(8192, ge=64, le=65_536)

    def check_whole(self, context: Any) -> None:
        super().check_whole(context)
        if self.token is None:
            raise ValueError("found no key 'token', expected the secret of the collector's token")

    def greeting(self) -> dict[str, str]:
        made = super().greeting()
        made["Authorization"] = f"Splunk {made['Authorization'].removeprefix('Bearer ')}"
        return made


class SplunkHec(HttpOutput):
    """One request per batch, and as many as needed to confirm that it is written."""

    Options = Options
    title = "Splunk HTTP Event Collector"
    guarantee = "at_least_once"

    def __init__(self, name: str, options: Any) -> None:
        super().__init__(name, options)
        # Acknowledgement ids are per channel; a reopened channel continues its numbering.
        self._channel = {"X-Splunk-Request-Channel": str(uuid.uuid4())} if options.acknowledge else {}

    def send(self, entries: Sequence[Entry]) -> Ack:
        client = self._opened
        reply = self._posted(client, EVENT, b"\n".join(self._event(entry) for entry in entries))
        if (
            reply.answer.status == 400
            and reply.body.code in EVENT_FAULTS
            and reply.body.event is not None
            and 0 <= reply.body.event < len(entries)
        ):
            return self._partly(reply, len(entries))
        _check_answer(reply)
        if reply.body.code < 0:
            raise Retry(f"{reply.reason}: is it Splunk's event collector?")
        if self.options.acknowledge:
            self._wait(client, reply)
        return Ack()

    def _prepare(self, client: Client) -> None:
        """Without acknowledgement, every batch would be stored and repeated forever."""
        if self.options.acknowledge:
            self._acknowledges(client)

    def _event(self, entry: Entry) -> bytes:
        record = entry.record
        # Text formats are strings for Splunk.
        event: Any = (
            msgspec.Raw(entry.payload) if entry.payload[:1] == b"{" else entry.payload.decode("utf-8", "replace")
        )
        envelope: dict[str, Any] = {
            "source": self.options.source,
            "sourcetype": self.options.sourcetype.replace("{kind}", entry.kind),
            "event": event,
        }
        if (moment := _seconds(record.get("ts"))) is not None:
            envelope["time"] = moment
        if isinstance(sensor := record.get("sensor"), Mapping) and "id" in sensor:
            envelope["host"] = str(sensor["id"])
        if self.options.index:
            envelope["index"] = self.options.index
        return msgspec.json.encode(envelope | {"fields": {"record_id": entry.id}})

    def _partly(self, reply: _Reply, count: int) -> Ack:
        """One event is invalid. Events before it are accepted but not acknowledged: if acknowledgement is on, they are
        repeated.
        """
        refused = reply.body.event or 0
        again = [place for place in range(count) if place > refused or (place < refused and self.options.acknowledge)]
        return Ack({refused: reply.reason}, tuple(again))

    def _acknowledges(self, client: Client) -> None:
        """Check that acknowledgement is enabled; an unknown channel is not an error. Raises Retry if it is disabled."""
        self._ask(client, ACK, b'{"acks":[0]}', allowed=(BAD_CHANNEL,))

    def _wait(self, client: Client, reply: _Reply) -> None:
        """Wait until the indexers have written the batch."""
        number = reply.body.ack
        if number is None:
            raise Retry(f"{reply.answer.where}: {HINTS[ACK_OFF]}")
        end, pause = time.monotonic() + self.options.ack_timeout_s, POLL_S
        requested = msgspec.json.encode({"acks": [number]})
        # Behind a load balancer, only the server that took the events knows of them: its cookie leads there.
        cookies = {"Cookie": reply.answer.cookies} if reply.answer.cookies else {}
        while not self._ask(client, ACK, requested, headers=cookies).body.acks.get(str(number)):
            if time.monotonic() + pause > end:
                raise Retry(
                    f"{reply.answer.where}: not written within {self.options.ack_timeout_s:g} s (acknowledgement "
                    f"{number}): its indexers are slow or unavailable"
                )
            time.sleep(pause)
            pause = min(pause * 2, POLL_MAX_S)

    def _ask(
        self,
        client: Client,
        path: str,
        body: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        allowed: tuple[int, ...] = (),
    ) -> _Reply:
        """A request without records: any error is a matter of configuration."""
        reply = self._posted(client, path, body, headers)
        if reply.body.code in allowed:
            return reply
        try:
            _check_answer(reply)
        except BatchRejected as error:
            raise Retry(str(error)) from None
        return reply

    def _posted(self, client: Client, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> _Reply:
        url = f"{client.base}/{path}"
        sent_headers = {**JSON, **self._channel, **(headers or {})}
        answer = (
            client.post(url, body, sent_headers) if path == EVENT else client.request("POST", url, body, sent_headers)
        )
        return _Reply(answer, decoded(answer, _Body) or _Body())

    def _auth(self) -> Finding:
        """Without acknowledgement, send an empty body: the token is checked first, and nothing is stored."""
        with Client(self.options) as client:
            if self.options.acknowledge:
                self._acknowledges(client)
                return Finding("auth", "ok", "the token is valid, and has indexer acknowledgement")
            reply = self._ask(client, EVENT, b"", allowed=(NO_DATA,))
        if reply.body.code != NO_DATA:
            return Finding("auth", "warning", f"{reply.reason}: is it Splunk's event collector?")
        return Finding(
            "auth",
            "warning",
            ("the token is valid; without acknowledgement a batch is treated as delivered before it is written"),
        )


def _check_answer(reply: _Reply) -> None:
    """Raises BatchRejected for errors about events or their size, Retry for all else."""
    try:
        check_answer(reply.answer)
    except BatchRejected:
        if reply.answer.status == 413 or reply.body.code in EVENT_FAULTS:
            raise BatchRejected(reply.reason) from None
        raise Retry(reply.reason) from None
    except Retry as error:
        raise Retry(reply.reason, error.after_s) from None
    if reply.body.code > 0:
        raise Retry(reply.reason)


def _seconds(ts: Any) -> float | None:
    """The time of a record in seconds, as Splunk expects."""
    try:
        return milliseconds(ts) / 1000 if isinstance(ts, str) else None
    except ValueError:
        return None
