"""NATS JetStream (server 2.2 or later): one message per record, with its id as ``Nats-Msg-Id``, and kind and severity
as headers.

A batch is delivered once the stream has acknowledged every message. The stream drops duplicates within its duplicate
window, which should be longer than the longest outage: a batch whose result is unknown for longer may be stored twice.
An acknowledged message is as durable as the stream: a single server writes to disk every two minutes
(``sync_interval``), three replicas do not depend on it.

Not supported: WebSockets. Servers announced by other servers are not used; list all servers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import msgspec

from sensor.core.model import Check, Field
from sensor.core.output import Ack, Entry, Finding, Retry
from sensor.core.output import Options as CommonOptions
from sensor.core.reader import clean
from sensor.outputs._names import known, named
from sensor.outputs._probe import probe, probe_tls
from sensor.outputs.transport.nats_answers import ANSWER_LIMIT, Error, Rights, Stored, Stream, UserAnswer, reason_of
from sensor.outputs.transport.nats_login import Login
from sensor.outputs.transport.nats_server import NatsOutput, place_of, server_url
from sensor.outputs.transport.nats_wire import Answer, NatsServer, Wire, first_of, introduced, reached
from sensor.outputs.transport.secrets import Secret
from sensor.outputs.transport.tls import Tls

# Messages in flight: a stream rejects more than 10,000.
WINDOW = 2000
# A server pings after two minutes, and pings are not answered between two batches.
IDLE_S = 60
NANOSECONDS = 1_000_000_000
SHORT_WINDOW_S = 3600
HEADERS_SIZE = 256
# Values for a check's subject, since no record is sent.
LIKELY = {"kind": "alert", "action": "open", "severity": "high"}

# Error codes (err_code) in responses.
TOO_LARGE = (10054, 10097)
NO_STREAM = 10059
TOO_MANY = 429


def _subject(subject: str) -> str:
    if (
        any(c in subject for c in " \t*>")
        or subject.startswith((".", "$"))
        or "{" in subject.partition(".")[0]
        or subject.endswith(".")
        or ".." in subject
    ):
        raise ValueError(
            "found no subject, expected tokens between dots, the first without a placeholder: sensor.{kind}"
        )
    return known(subject)


class Options(CommonOptions):
    """``servers``: all servers of the cluster, ``nats://host:4222`` or with TLS ``tls://host:4222``; one login:
    ``user`` and ``password``, ``token``, ``nkey`` (the seed) or ``credentials`` (a whole .creds file); ``tls_first``:
    servers begin with TLS; ``stream``: stream that must accept the messages; ``subject``: may have placeholders such as
    ``{kind}`` or ``{sensor}``; ``domain``: JetStream domain; ``inbox``: first token of reply subjects.

    ``create_stream``: create the stream if it is absent, with ``duplicates_s``: its duplicate window, ``replicas``,
    ``max_age_days``, ``max_mib`` (0: up to the limits of the server).
    """

    servers: list[Annotated[str, Check(server_url)]] = Field(min_length=1, max_length=32)
    user: str = ""
    password: Secret | None = None
    token: Secret | None = None
    nkey: Secret | None = None
    credentials: Secret | None = None
    tls: Tls = Tls()
    tls_first: bool = False
    stream: str = Field("SENSOR", pattern=r"^[A-Za-z0-9_-]+$", max_length=64)
    subject: Annotated[str, Check(_subject)] = Field("sensor.{kind}.{severity}", min_length=1, max_length=512)
    domain: str = Field("", pattern=r"^[A-Za-z0-9_-]*$", max_length=64)
    inbox: str = Field("_INBOX", pattern=r"^[A-Za-z0-9_.-]+$", max_length=64)
    create_stream: bool = False
    duplicates_s: float = Field(4 * 3600, ge=1, le=7 * 86_400)
    replicas: int = Field(1, ge=1, le=5)
    max_age_days: float = Field(0, ge=0)
    max_mib: int = Field(0, ge=0)

    def check_whole(self, context: Any) -> None:
        found = [name for name in ("user", "token", "nkey", "credentials") if getattr(self, name)]
        if len(found) > 1:
            raise ValueError(f"found the logins {' and '.join(found)}, expected one of them")
        if self.password is not None and not self.user:
            raise ValueError("found `password` without `user`")
        if self.max_age_days and self.duplicates_s > self.max_age_days * 86_400:
            raise ValueError("found `duplicates_s` longer than `max_age_days`, which streams do not allow")


class Nats(NatsOutput):
    """One connection to the first server that responds."""

    Options = Options
    title = "NATS JetStream"
    guarantee = "exactly_once"

    def __init__(self, name: str, options: Any) -> None:
        super().__init__(name, options)
        self._places = [place_of(url, options.tls, tls_first=options.tls_first) for url in options.servers]
        self._login = Login(options.user, options.password, options.token, options.nkey, options.credentials)
        self._api = f"$JS.{options.domain}.API" if options.domain else "$JS.API"
        self._used = 0.0

    def open(self) -> None:
        self.close()
        self._wire = self._connected()
        self._used = time.monotonic()
        if self.options.create_stream:
            self._make_stream(self._wire)

    def check(self) -> Iterator[Finding]:
        reached = False
        for place in self._places:
            finding = None
            for finding in self._reach(place):
                yield finding
            reached = reached or (finding is not None and finding.level != "error")
        if not reached:
            return
        try:
            self.close()
            self._wire = self._connected()
        except Retry as error:
            yield Finding("auth", "error", str(error))
            return
        yield Finding("auth", "ok", f"logged in, NATS {clean(self._opened.info.version, ANSWER_LIMIT)}")
        if not self._rights(self._opened).allows(subject := self._subject_of(LIKELY)):
            yield Finding(
                "permission",
                "error",
                f"no permission to publish to {subject}: allow this login to publish to {self._subjects()}",
            )
            return
        try:
            yield from self._stream_findings(self._requested(self._opened, "STREAM.INFO"))
        except Retry as error:
            yield Finding("permission", "warning", f"the stream {self.options.stream} cannot be read: {error}")

    def send(self, entries: Sequence[Entry]) -> Ack:
        if self._wire is not None and time.monotonic() - self._used > IDLE_S:
            self.open()
        wire, limit = self._opened, self._opened.info.max_payload - HEADERS_SIZE
        refused = {
            place: f"over the server's limit of {limit} bytes"
            for place, entry in enumerate(entries)
            if len(entry.payload) > limit
        }
        places = [place for place in range(len(entries)) if place not in refused]
        busy: list[int] = []
        for start in range(0, len(places), WINDOW):
            self._publish(wire, entries, places[start : start + WINDOW], refused, busy)
        self._used = time.monotonic()
        return Ack(refused, tuple(busy))

    def _connected(self) -> Wire:
        options = self.options
        return first_of(self._places, lambda place: Wire(place, self._login, options.inbox, options.timeout_s))

    def _publish(
        self, wire: Wire, entries: Sequence[Entry], places: Sequence[int], refused: dict[int, str], busy: list[int]
    ) -> None:
        """Send some entries of a batch and wait for all responses."""
        numbers = wire.publish([self._message(entries[place]) for place in places])
        at = dict(zip(numbers, places, strict=True))
        while at:
            answer = wire.answer()
            place = at.pop(answer.number, None)
            if place is None:
                continue
            error = self._stored(answer)
            if error is None:
                continue
            if error.err_code in TOO_LARGE:
                refused[place] = reason_of(error)
            elif error.code == TOO_MANY:
                busy.append(place)
            else:
                raise Retry(f"NATS: {reason_of(error)}")

    def _subject_of(self, record: Mapping[str, Any]) -> str:
        subject = named(self.options.subject, record)
        return (
            ".".join(part or "_" for part in subject.split(".")) if ".." in subject or subject[-1] == "." else subject
        )

    def _message(self, entry: Entry) -> tuple[bytes, bytes, bytes]:
        record = entry.record
        headers = (
            f"Nats-Msg-Id: {record['id']}\r\nNats-Expected-Stream: {self.options.stream}\r\nKind: "
            f"{record['kind']}\r\nSeverity: {record['severity']}\r\n"
        )
        return self._subject_of(record).encode(), headers.encode(), entry.payload

    def _stored(self, answer: Answer) -> Error | None:
        """None if the stream stored a message. Raises Retry if no stream responded."""
        if answer.status:
            raise Retry(
                f"no stream has the subject {self.options.subject}: create the stream {self.options.stream} "
                f"with the subject {self._subjects()} there "
                f"(`nats stream add`), or set create_stream: true"
            )
        try:
            stored = msgspec.json.decode(answer.body, type=Stored)
        except msgspec.MsgspecError:
            raise Retry(f"unexpected answer, not from a stream: {clean(answer.body, ANSWER_LIMIT)}") from None
        if stored.error is None and stored.stream != self.options.stream:
            raise Retry(f"stored in the stream {clean(stored.stream, ANSWER_LIMIT)!r}, expected {self.options.stream}")
        return stored.error

    def _subjects(self) -> str:
        """Pattern of all subjects that records can produce; values may contain dots."""
        before, place, _ = self.options.subject.partition("{")
        return f"{before.rpartition('.')[0]}.>" if place else before

    def _requested(self, wire: Wire, what: str, body: dict[str, Any] | None = None) -> Stream:
        answer = wire.request(f"{self._api}.{what}.{self.options.stream}", body)
        try:
            return msgspec.json.decode(answer, type=Stream)
        except msgspec.MsgspecError:
            raise Retry(f"JetStream sent an invalid answer: {clean(answer, ANSWER_LIMIT)}") from None

    def _rights(self, wire: Wire) -> Rights:
        """Permissions to publish, if the server reports them: servers before 2.10 do not, and not every
        login may ask.
        """
        try:
            return msgspec.json.decode(wire.request("$SYS.REQ.USER.INFO"), type=UserAnswer).data.permissions.publish
        except (Retry, msgspec.MsgspecError):
            return Rights()

    def _make_stream(self, wire: Wire) -> None:
        """Create the stream if it is absent; an existing one stays unchanged."""
        found = self._requested(wire, "STREAM.INFO")
        if found.error is not None and found.error.err_code == NO_STREAM:
            found = self._requested(wire, "STREAM.CREATE", self._config())
        if found.error is not None:
            raise Retry(f"the stream {self.options.stream} cannot be created: {reason_of(found.error)}")

    def _config(self) -> dict[str, Any]:
        options = self.options
        return {
            "name": options.stream,
            "description": "Events of passive network sensors",
            "subjects": [self._subjects()],
            "retention": "limits",
            "discard": "old",
            "storage": "file",
            "num_replicas": options.replicas,
            "duplicate_window": int(options.duplicates_s * NANOSECONDS),
            "max_age": int(options.max_age_days * 86_400 * NANOSECONDS),
            "max_bytes": options.max_mib * 1024 * 1024 or -1,
        }

    def _reach(self, place: NatsServer) -> Iterator[Finding]:
        """Findings on name, port and TLS of one server, up to its first error."""
        timeout_s = self.options.timeout_s
        for finding in probe(place.host, place.port, None, timeout_s):
            yield finding
            if finding.level == "error":
                return
        if place.tls is not None:
            plain = (
                (lambda: reached(place, timeout_s)) if place.tls_first else (lambda: introduced(place, timeout_s)[0])
            )
            yield probe_tls(plain, place.host, place.tls, timeout_s)

    def _stream_findings(self, stream: Stream) -> Iterator[Finding]:
        """Findings on the stream's settings."""
        options, config = self.options, stream.config
        if stream.error is not None and stream.error.err_code == NO_STREAM and options.create_stream:
            yield Finding(
                "permission",
                "ok",
                f"the stream {options.stream} does not exist yet: the first record creates it",
            )
            return
        if stream.error is not None:
            words = f"the stream {options.stream}: {reason_of(stream.error)}"
            yield Finding(
                "permission",
                "error",
                (
                    f"{words}; create it with the subject {self._subjects()} (`nats stream add`), or set "
                    "create_stream: true"
                ),
            )
            return
        yield Finding("permission", "ok", f"the stream {options.stream} exists")
        window_s = float(config.get("duplicate_window") or 0) / NANOSECONDS
        if window_s < SHORT_WINDOW_S:
            words = (
                f"the stream detects duplicates for {window_s:g} s only: a batch that a longer outage "
                "interrupted may be stored twice"
            )
            yield Finding(
                "duplicates", "warning", f"{words}; raise it with `nats stream edit {options.stream} --dupe-window=4h`"
            )
        if config.get("storage") == "memory":
            yield Finding(
                "durability", "warning", "the stream uses memory storage: it is empty after a restart of its server"
            )
