"""AMQP 0-9-1 (RabbitMQ): one persistent message per record, with publisher confirms: a record is delivered once the
broker has stored it in every bound durable queue.

The id of the record is the ``message_id``, so that consumers can drop duplicates; the broker does not. A message
without a queue is returned (``mandatory``) and retried later, because a queue may be bound by then.

Not supported: AMQP 1.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import SplitResult, unquote, urlsplit

from sensor.core.model import Check, Field
from sensor.core.output import Ack, Entry, Finding, Output, Retry
from sensor.core.output import Options as CommonOptions
from sensor.outputs._amqp_line import KEEPALIVE_S, Line, library
from sensor.outputs._names import anywhere, known, named, part
from sensor.outputs._probe import probe
from sensor.outputs.transport.broker_url import parts_of
from sensor.outputs.transport.connect import connect
from sensor.outputs.transport.secrets import Secret
from sensor.outputs.transport.tls import Tls, context

PORTS = {"amqp": 5672, "amqps": 5671}
TEXT_FORMATS = ("cef", "cef_defender", "leef", "syslog_3164", "syslog_5424")
PERSISTENT = 2
KEY_LIMIT = 255


def _url(url: str) -> str:
    parts = parts_of(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError("expected amqp://host:5672/vhost or amqps://host:5671/vhost")
    return url


class Options(CommonOptions):
    """``url``: ``amqp://host:5672/vhost``, with TLS ``amqps://``, where the default vhost is ``/``; ``user``,
    ``password``: login at the broker; ``exchange``: empty for the default exchange, which routes to the queue named by
    the key; ``routing_key``: may have placeholders such as ``{kind}``; ``queue``: declare this durable queue, and bind
    it to the exchange for every possible key; ``mandatory``: false lets the broker drop messages without a queue.
    """

    url: Annotated[str, Check(_url)]
    user: str = "guest"
    password: Secret | None = None
    tls: Tls = Tls()
    exchange: str = Field("amq.topic", max_length=KEY_LIMIT)
    routing_key: Annotated[str, Check(known)] = Field("sensor.{kind}.{severity}", min_length=1, max_length=KEY_LIMIT)
    queue: str = Field("", max_length=KEY_LIMIT)
    mandatory: bool = True


class Amqp(Output):
    """A publisher with one channel."""

    Options = Options
    title = "AMQP (RabbitMQ)"
    guarantee = "at_least_once"

    def __init__(self, name: str, options: Any) -> None:
        super().__init__(name, options)
        self._parts: SplitResult = urlsplit(options.url)
        self._line: Line | None = None
        self._content_type = "text/plain" if options.format in TEXT_FORMATS else "application/json"

    def open(self) -> None:
        self._line = self._dial()
        if self.options.queue:
            self._make_queue(self._line)

    def check(self) -> Iterator[Finding]:
        tls = self.options.tls if self._parts.scheme == "amqps" else None
        for finding in probe(self._parts.hostname or "", self._port, tls, self.options.timeout_s):
            yield finding
            if finding.level == "error":
                return
        try:
            line = self._line = self._dial()
        except Retry as error:
            yield Finding("auth", "error", error.args[0])
            return
        yield Finding("auth", "ok", f"logged in to the vhost {self._vhost} as {self.options.user}")
        try:
            if self.options.exchange:
                line.call(
                    lambda channel, then: channel.exchange_declare(self.options.exchange, passive=True, callback=then)
                )
            if self.options.queue:
                self._make_queue(line)
        except Retry as error:
            yield Finding("permission", "error", error.args[0])
            return
        yield Finding(
            "permission",
            "ok",
            (
                f"the exchange {self.options.exchange or '(default)'} exists; the first record shows whether "
                "writing is permitted"
            ),
        )

    def send(self, entries: Sequence[Entry]) -> Ack:
        if self._line is None:
            raise Retry("not connected")
        basic = library().BasicProperties
        messages = [
            (self.options.exchange, self._key(entry.record), entry.payload, self._properties(basic, entry))
            for entry in entries
        ]
        left = self._line.publish(messages, mandatory=self.options.mandatory)
        if len(left) == len(entries):
            raise Retry(f"AMQP: {left[0]}")
        # They are sent alone next time, so that the reason is known.
        return Ack(busy=tuple(sorted(left)))

    def close(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()

    @property
    def _port(self) -> int:
        return self._parts.port or PORTS[self._parts.scheme]

    @property
    def _vhost(self) -> str:
        return unquote(self._parts.path.removeprefix("/")) or "/"

    def _dial(self) -> Line:
        self.close()
        parameters = self._parameters()
        try:
            return Line(parameters, self.options.timeout_s)
        except Retry:
            # Reports errors of a name, a port or a certificate in plain text, unlike the library.
            tls = self.options.tls if self._parts.scheme == "amqps" else None
            connect(self._parts.hostname or "", self._port, tls, self.options.timeout_s).close()
            raise

    def _parameters(self) -> Any:
        pika, tls = library(), self.options.tls
        name = self._parts.hostname or ""
        return pika.ConnectionParameters(
            host=name,
            port=self._port,
            virtual_host=self._vhost,
            credentials=pika.PlainCredentials(
                self.options.user,
                self.options.password.reveal() if self.options.password else "",
                erase_on_connect=True,
            ),
            ssl_options=pika.SSLOptions(context(tls), tls.server_name or name)
            if self._parts.scheme == "amqps"
            else None,
            heartbeat=0,
            socket_timeout=self.options.timeout_s,
            stack_timeout=self.options.timeout_s,
            client_properties={"connection_name": f"sensor {self.name}"},
            tcp_options={**KEEPALIVE_S, "TCP_USER_TIMEOUT": round(self.options.timeout_s * 1000)},
        )

    def _make_queue(self, line: Line) -> None:
        line.call(lambda channel, then: channel.queue_declare(self.options.queue, durable=True, callback=then))
        if self.options.exchange:
            key = anywhere(self.options.routing_key, "#")
            line.call(
                lambda channel, then: channel.queue_bind(self.options.queue, self.options.exchange, key, callback=then)
            )

    def _key(self, record: Mapping[str, Any]) -> str:
        return named(self.options.routing_key, record).encode()[:KEY_LIMIT].decode(errors="ignore")

    def _properties(self, basic: Any, entry: Entry) -> Any:
        record = entry.record
        return basic(
            message_id=entry.id,
            type=f"{entry.kind}.{record.get('action', '')}",
            app_id="sensor",
            content_type=self._content_type,
            content_encoding="utf-8",
            timestamp=_seconds(record),
            delivery_mode=PERSISTENT,
            headers={
                "severity": str(record.get("severity", "")),
                "sensor": str(part(record, "sensor").get("id", "")),
                "seq": entry.seq,
            },
        )


def _seconds(record: Mapping[str, Any]) -> int | None:
    """The time of a record; None if it was left out or hashed."""
    try:
        return int(datetime.fromisoformat(str(record.get("ts"))).timestamp())
    except ValueError:
        return None
