"""The hub of many sensors: events in batches over NATS JetStream, delivered once they are in the database of the hub.

JetStream acknowledges a message before it is on disk, so its acknowledgement is not sufficient: the hub publishes the
id of each batch that its database has committed, and the output waits for this id. Several batches are in flight. If
the hub lost events (its database was restored from a backup), the log is sent again from that position; if the hub has
other events with the same numbers (the sensor was restored), the log gets a new epoch.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

import msgspec

from sensor.core.model import Check, Field
from sensor.core.output import Ack, Entry, Filter, Finding, Level, Retry
from sensor.core.output import Options as CommonOptions
from sensor.core.reader import clean
from sensor.documents import FilePath
from sensor.outputs._probe import probe
from sensor.outputs.hub_protocol import messages
from sensor.outputs.hub_protocol.batches import BatchMessage, batch_messages
from sensor.outputs.hub_protocol.connection import connect, place, renew
from sensor.outputs.hub_protocol.credentials import is_renewal_due, load_credentials
from sensor.outputs.hub_protocol.messages import Answer, Commit, Head, Part, Question, subject
from sensor.outputs.transport.nats_answers import Stored, reason_of
from sensor.outputs.transport.nats_server import NatsOutput, server_url
from sensor.outputs.transport.nats_wire import UNASKED, NoResponders, NoResponse, Wire
from sensor.outputs.transport.nats_wire import Answer as WireAnswer
from sensor.outputs.transport.tls import Tls

# Interval of requests for commits that were published while no client listened, and of checks whether credentials are
# due for renewal.
ASK_EVERY_S, CHECK_EVERY_S = 2.0, 3600.0
HEADERS_SIZE = 512
REASON_LIMIT = 200
FORK = "fork"


class Options(CommonOptions):
    """``servers``: NATS servers of the hub, ``tls://host:4222``; ``credentials``: file from `sensor join`, which the
    output renews; ``tls``: authorities and names; ``tls_first``: servers begin with TLS; ``domain``: of JetStream.

    ``timeout_s``: after this long without a commit, batches are sent again.
    """

    servers: list[Annotated[str, Check(server_url)]] = Field(min_length=1, max_length=32)
    credentials: FilePath
    tls: Tls = Tls()
    tls_first: bool = False
    batch_events: int = Field(2000, ge=1, le=50_000)
    batch_kib: int = Field(8192, ge=64, le=65_536)
    batch_ms: int = Field(1000, ge=0, le=60_000)
    timeout_s: float = Field(30, gt=0, le=600)


class Hub(NatsOutput):
    """One connection of one sensor."""

    Options = Options
    title = "Hub"
    traffic = False
    formats = ("native",)
    guarantee = "exactly_once"
    has_epoch: ClassVar[bool] = True

    def __init__(self, name: str, options: Any) -> None:
        super().__init__(name, options)
        self._servers = list(options.servers)
        self._key = ""
        self._compared = False
        self._checked_at = 0.0
        self._granted: int | None = None
        # JetStream drops a batch that was sent before; a suffix makes a quarantined one a new message.
        self._attempt = ""

    def open(self) -> None:
        self.close()
        credentials = load_credentials(Path(self.options.credentials))
        self._key, self._compared = credentials.pair.public, False
        self._wire = connect(self._servers, self._key, self.options)
        self._wire.subscribe(subject(messages.COMMITS, self._key))
        self._check_credentials(self._wire)

    def check(self) -> Iterator[Finding]:
        credentials = load_credentials(Path(self.options.credentials))
        left = (credentials.claims.exp - time.time()) / 86_400
        level: Level = "error" if left <= 0 else "warning" if credentials.due(time.time() - 86_400) else "ok"
        yield Finding("credentials", level, f"valid for {left:.1f} days; renewed while the hub can be reached")
        server = place(self._servers[0], self.options)
        yield from probe(server.host, server.port, None, self.options.timeout_s)
        if server.tls is None:
            yield Finding("tls", "warning", "not encrypted: every event can be read in transit; use a tls:// server")
        try:
            self.open()
        except Retry as error:
            yield Finding("auth", "error", str(error))
            return
        yield Finding("auth", "ok", f"logged in as {self._key[:12]}…")
        try:
            self._ask([])
        except Retry as error:
            yield Finding("permission", "error", f"no worker of the hub answers: {error}")
            return
        yield Finding("permission", "ok", "a worker of the hub answers")

    def send(self, entries: Sequence[Entry]) -> Ack:
        wire = self._opened
        if time.monotonic() - self._checked_at > CHECK_EVERY_S:
            self._check_credentials(wire)
        self._compare(entries[0].seq)
        limit = wire.info.max_payload - HEADERS_SIZE
        refused: dict[int, str] = {}
        waiting: dict[str, BatchMessage] = {}
        for batch in batch_messages(entries, self._key, self._head(entries[0]), limit):
            if len(batch.body) > limit:
                refused[batch.places[0]] = f"{len(batch.body):,} bytes, over the server's limit of {limit:,}"
            else:
                waiting[batch.id] = batch
        if waiting:
            self._await(wire, waiting, refused)
        return Ack(refused)

    def idle(self) -> None:
        """Renew credentials also while there is nothing to send: without valid ones, the sensor could not reach the hub
        when it has an alert.
        """
        if time.monotonic() - self._checked_at > CHECK_EVERY_S:
            path, self._checked_at = Path(self.options.credentials), time.monotonic()
            if is_renewal_due(path, load_credentials(path), time.time()):
                self.open()

    def _head(self, entry: Entry) -> Head:
        sensor = entry.record["sensor"]
        identity = (str(sensor.get("id", "")), str(sensor.get("site", "")), str(sensor.get("version", "")))
        return Head(*identity, self.epoch, [], time.time_ns(), filtered=self.options.filter != Filter())

    def _check_credentials(self, wire: Wire) -> None:
        """Renew them if they are due, also while connected: a connection may last longer than they do."""
        path, self._checked_at = Path(self.options.credentials), time.monotonic()
        credentials = load_credentials(path)
        if is_renewal_due(path, credentials, time.time()):
            renew(wire, path, credentials)

    # State of the hub.

    def _compare(self, first: int) -> None:
        """Check once per connection whether the hub has the events before number ``first``."""
        if self._compared:
            return
        answer = self._ask([])
        self._compared = True
        lacks = answer.high < first - 1 and self.options.filter == Filter()
        self._grant(answer.high if lacks and answer.wanted is None else answer.wanted)

    def _grant(self, wanted: int | None) -> None:
        """Go back once for each request: the hub repeats it until the first of these events arrive."""
        before, self._granted = self._granted, wanted
        if wanted not in (None, before):
            self.wanted = wanted
            raise Retry(f"the hub requests the log again, after number {wanted:,}")

    def _ask(self, waiting: Sequence[BatchMessage]) -> Answer:
        question = Question(self.epoch, [Part(batch.id, batch.runs) for batch in waiting])
        try:
            body = self._opened.request(subject(messages.ASK, self._key), msgspec.to_builtins(question))
        except NoResponders:
            raise Retry("no worker of the hub runs: `sensor hub run` starts one") from None
        try:
            return msgspec.json.decode(body, type=Answer)
        except msgspec.MsgspecError:
            raise Retry(f"the hub sent an invalid answer: {clean(body, REASON_LIMIT)}") from None

    # Batches.

    def _await(self, wire: Wire, waiting: dict[str, BatchMessage], refused: dict[int, str]) -> None:
        """Publish the messages and return once the hub has settled each."""
        numbers = wire.publish([self._message(batch) for batch in waiting.values()])
        sent = dict(zip(numbers, waiting.values(), strict=True))
        requested = moved = time.monotonic()
        while waiting:
            try:
                answer = wire.answer(ASK_EVERY_S)
            except NoResponse:
                pass
            else:
                if answer.number != UNASKED:
                    if (batch := sent.get(answer.number)) is not None and _note_stored(batch, answer):
                        requested = 0.0
                elif self._settle(_commit(answer.body), waiting, refused):
                    moved = time.monotonic()
            now = time.monotonic()
            if waiting and now - requested > ASK_EVERY_S:
                requested = now
                moved = now if self._settle_requested(waiting, refused) else moved
            if waiting and now - moved > self.options.timeout_s:
                raise Retry(_overdue(list(waiting.values()), self.options.timeout_s))

    def _message(self, batch: BatchMessage) -> tuple[bytes, bytes, bytes]:
        headers = (
            f"Nats-Msg-Id: {batch.id}.{self._attempt}\r\nNats-Expected-Stream: {messages.STREAM}\r\n"
            f"{messages.VERSION_HEADER}: {messages.VERSION}\r\n"
        )
        return subject(messages.EVENTS, self._key).encode(), headers.encode(), batch.body

    def _settle_requested(self, waiting: dict[str, BatchMessage], refused: dict[int, str]) -> bool:
        """Settle messages whose commit message was missed. Returns whether any was settled."""
        answer = self._ask(list(waiting.values()))
        settled = [one for one in answer.states if one.state != "unknown"]
        return [self._settle(Commit(one.id, one.reason, answer.wanted), waiting, refused) for one in settled] != []

    def _settle(self, commit: Commit, waiting: dict[str, BatchMessage], refused: dict[int, str]) -> bool:
        """Process a commit message. Returns whether a waiting message matches it."""
        if commit.reason == FORK and commit.id in waiting:
            self.epoch, self.wanted = "", 0
            raise Retry("the hub stores other events with these numbers: the log is sent again in a new epoch")
        self._grant(commit.wanted)
        if commit.reason in messages.WAITS and commit.id in waiting:
            self._attempt = secrets.token_hex(4)
            raise Retry(f"the hub does not accept events of this sensor now: {commit.reason}; see its quarantine")
        batch = waiting.pop(commit.id, None)
        if batch is not None and commit.reason:
            reason = f"quarantined by the hub: {clean(commit.reason, REASON_LIMIT)}"
            refused.update(dict.fromkeys(batch.places, reason))
        return batch is not None


def _note_stored(batch: BatchMessage, answer: WireAnswer) -> bool:
    """Process JetStream's acknowledgement. Returns whether it was a duplicate. Raises Retry if JetStream rejects it."""
    if answer.status:
        raise Retry(f"no stream {messages.STREAM} accepts events: does a worker of the hub run (`sensor hub run`)?")
    try:
        stored = msgspec.json.decode(answer.body, type=Stored)
    except msgspec.MsgspecError:
        raise Retry(f"unexpected answer, not from a stream: {clean(answer.body, REASON_LIMIT)}") from None
    if stored.error is not None:
        raise Retry(f"NATS: {reason_of(stored.error)}")
    batch.stored = True
    return stored.duplicate


def _commit(body: bytes) -> Commit:
    try:
        return msgspec.json.decode(body, type=Commit)
    except msgspec.MsgspecError:
        return Commit("")


def _overdue(waiting: Sequence[BatchMessage], timeout_s: float) -> str:
    stored = sum(batch.stored for batch in waiting)
    return (
        f"the hub committed none of {len(waiting)} batches within {timeout_s:g} s; "
        f"its NATS server has stored {stored} of them"
    )
