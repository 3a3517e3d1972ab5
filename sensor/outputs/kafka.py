"""Kafka (brokers 0.11 or later): one message per record, with the device as key, and id, kind and severity as headers.

librdkafka is used as an idempotent producer that waits for all in-sync replicas: messages that one connection sends
twice are stored once, and messages of a device keep their order. A batch whose result is unknown is sent again by a new
producer, which brokers cannot recognize: consumers drop duplicates by the header ``id``. Messages have no timeout
inside the producer, to keep their order: a batch that takes too long is cancelled as a whole.

Not supported: transactions, Kerberos, OAuth, schema registries.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from sensor.core.model import Check, Field, Model
from sensor.core.output import Ack, Entry, Finding, Output, Retry
from sensor.core.output import Options as CommonOptions
from sensor.core.reader import clean
from sensor.outputs._names import anywhere, device_of, known, named
from sensor.outputs._probe import probe
from sensor.outputs.transport.secrets import Secret
from sensor.outputs.transport.tls import Tls

PORT = 9092
ANSWER_LIMIT = 200
TOPIC_LIMIT = 249
STEP_S = 0.5
# Capacity for the largest batch.
QUEUE_MESSAGES, QUEUE_KIB = 100_000, 256 * 1024
# Permanent errors of a message. A broker returns them for all messages that went to a partition together.
REFUSALS = frozenset(
    (
        "MSG_SIZE_TOO_LARGE",
        "INVALID_MSG",
        "INVALID_MSG_SIZE",
        "INVALID_RECORD",
        "INVALID_TIMESTAMP",
        "_BAD_MSG",
        "_INVALID_ARG",
    )
)
# Errors of withdrawn messages, which do not name the cause.
TAKEN_BACK = frozenset(("_PURGE_QUEUE", "_PURGE_INFLIGHT"))


def _broker(text: str) -> str:
    try:
        parts = urlsplit(f"//{text}")
        if parts.hostname and parts.netloc == text and "@" not in text and (parts.port or PORT):
            return text
    except ValueError:
        pass
    raise ValueError(f"found {text!r}, expected host:{PORT}")


def _topic(text: str) -> str:
    literal = anywhere(text, "")
    if literal and (not literal.isascii() or not literal.replace(".", "").replace("-", "").replace("_", "").isalnum()):
        raise ValueError(f"found the topic {text!r}, expected letters, digits, dots, hyphens and underscores")
    return known(text)


class Sasl(Model):
    """Login by user and password. ``mechanism``: ``PLAIN`` sends the password to the broker, over TLS only; ``user``,
    ``password``: as configured in the brokers.
    """

    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    user: str = Field(min_length=1)
    password: Secret


class Options(CommonOptions):
    """``brokers``: bootstrap brokers of the cluster, ``host:9092``; ``topic``: may have placeholders such as
    ``{kind}``, ``{severity}`` or ``{sensor}``; ``tls``: without it, no TLS is used; ``sasl``: without it, no login;
    ``compression``: compression of message batches.
    """

    brokers: list[Annotated[str, Check(_broker)]] = Field(min_length=1, max_length=64)
    topic: Annotated[str, Check(_topic)] = Field("sensor-events", min_length=1, max_length=TOPIC_LIMIT)
    tls: Tls | None = None
    sasl: Sasl | None = None
    compression: Literal["none", "gzip", "snappy", "lz4", "zstd"] = "lz4"

    def check_whole(self, context: Any) -> None:
        if self.sasl is not None and self.sasl.mechanism == "PLAIN" and self.tls is None:
            raise ValueError(
                "found the mechanism PLAIN without `tls`, expected `tls`, or a mechanism SCRAM: the password "
                "would be sent in cleartext"
            )
        # The library has no such settings; ignoring them silently would be worse than rejecting them.
        if self.tls is not None and self.tls.server_name:
            raise ValueError("found tls.server_name, which Kafka does not support: brokers advertise their own names")
        if self.tls is not None and self.tls.minimum != "1.2":
            raise ValueError(
                "found tls.minimum 1.3, which the Kafka client cannot enforce: set "
                "ssl.enabled.protocols=TLSv1.3 on the brokers"
            )


class Kafka(Output):
    """An idempotent producer, which is discarded after any error."""

    Options = Options
    title = "Kafka"
    guarantee = "at_least_once"

    def __init__(self, name: str, options: Any) -> None:
        super().__init__(name, options)
        self._producer: Any = None
        self._trouble = ""

    def open(self) -> None:
        try:
            import confluent_kafka
        except ImportError:
            raise Retry(
                "Kafka needs the package confluent-kafka: pip install 'passive-network-sensor[kafka]'"
            ) from None
        self.close()
        self._trouble = ""
        try:
            self._producer = confluent_kafka.Producer(self._settings())
            self._producer.list_topics(timeout=self.options.timeout_s)
        except confluent_kafka.KafkaException as error:
            if self._producer is not None:
                self._producer.poll(0)
            failed = self._failed([error.args[0]])
            self.close()
            raise failed from None

    def check(self) -> Iterator[Finding]:
        reached = False
        for broker in self.options.brokers:
            parts, finding = urlsplit(f"//{broker}"), None
            for finding in probe(parts.hostname or "", parts.port or PORT, self.options.tls, self.options.timeout_s):
                yield finding
            reached = reached or (finding is not None and finding.level != "error")
        if not reached:
            return
        try:
            self.open()
        except Retry as error:
            yield Finding("auth", "error", str(error))
            return
        yield Finding(
            "auth",
            "ok",
            f"logged in as {self.options.sasl.user}" if self.options.sasl else "the brokers need no login",
        )
        yield self._topic_finding()

    def send(self, entries: Sequence[Entry]) -> Ack:
        if self._producer is None:
            self.open()
        failed = self._failures(entries, range(len(entries)))
        refused = self._refused(entries, [place for place, error in failed.items() if error.name() in REFUSALS], failed)
        busy = tuple(sorted(failed.keys() - refused.keys()))
        if busy:
            trouble = self._failed(failed[place] for place in busy)
            self.close()
            if len(busy) + len(refused) == len(entries):
                raise trouble
        return Ack(refused, busy)

    def close(self) -> None:
        """Withdraws messages in flight: they belong to a batch that will be repeated."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge()
            producer.flush(0)
            producer.close()

    def _settings(self) -> dict[str, Any]:
        options = self.options
        milliseconds = max(1000, int(options.timeout_s * 1000))
        return {
            "bootstrap.servers": ",".join(options.brokers),
            "client.id": "sensor",
            "enable.idempotence": True,
            "acks": "all",
            "message.timeout.ms": 0,
            "socket.timeout.ms": milliseconds,
            "topic.metadata.propagation.max.ms": milliseconds // 2,
            "reconnect.backoff.max.ms": 1000,
            "linger.ms": 5,
            "queue.buffering.max.messages": QUEUE_MESSAGES,
            "queue.buffering.max.kbytes": QUEUE_KIB,
            "compression.type": options.compression,
            # The partitioner of the Java clients, so that streams can be joined.
            "partitioner": "murmur2_random",
            "log_level": 0,
            "error_cb": self._noted_trouble,
            "security.protocol": ("SASL_" if options.sasl else "") + ("SSL" if options.tls else "PLAINTEXT"),
            **(_sasl_settings(options.sasl) if options.sasl else {}),
            **(_tls_settings(options.tls) if options.tls else {}),
        }

    def _failures(self, entries: Sequence[Entry], places: Sequence[int]) -> dict[int, Any]:
        """Send some entries of a batch. Returns the failed ones with their errors."""
        import confluent_kafka

        fates: dict[int, Any] = {}
        for place in places:
            entry = entries[place]
            headers = [("id", entry.id), ("kind", entry.kind), ("severity", str(entry.record["severity"]))]
            try:
                self._producer.produce(
                    self._topic_of(entry.record),
                    entry.payload,
                    key=key_of(entry.record),
                    headers=headers,
                    on_delivery=_noting(fates, place),
                )
            except confluent_kafka.KafkaException as error:
                fates[place] = error.args[0]
            except BufferError:
                fates[place] = confluent_kafka.KafkaError(confluent_kafka.KafkaError._QUEUE_FULL)  # noqa: SLF001
        self._wait(fates)
        return {place: error for place, error in fates.items() if error is not None}

    def _wait(self, fates: Mapping[int, Any]) -> None:
        """Wait until each has a result. If there is none for too long, withdraw the rest."""
        end, known_fates = time.monotonic() + self.options.timeout_s, len(fates)
        while len(self._producer):
            self._producer.flush(min(STEP_S, self.options.timeout_s))
            if len(fates) > known_fates:
                end, known_fates = time.monotonic() + self.options.timeout_s, len(fates)
            elif time.monotonic() > end:
                self._producer.purge()
                self._producer.flush(STEP_S)
                return

    def _refused(self, entries: Sequence[Entry], places: Sequence[int], failed: dict[int, Any]) -> dict[int, str]:
        """Send each rejected message alone: others were rejected only for being in the same request."""
        refused = {}
        for place in places:
            again = self._failures(entries, [place]) if len(places) > 1 else {place: failed[place]}
            if place not in again:
                del failed[place]
            elif again[place].name() in REFUSALS:
                refused[place] = f"Kafka: {reason_of(again[place])}"
            else:
                failed[place] = again[place]
        return refused

    def _topic_of(self, record: Mapping[str, Any]) -> str:
        topic = named(self.options.topic, record)
        return (topic if topic.isascii() else topic.encode("ascii", "replace").decode().replace("?", "_"))[:TOPIC_LIMIT]

    def _topic_finding(self) -> Finding:
        """Whether the topic exists; write permission is only known with the first record."""
        import confluent_kafka

        try:
            found = self._producer.list_topics(timeout=self.options.timeout_s).topics
        except confluent_kafka.KafkaException as error:
            return Finding("permission", "warning", f"topics cannot be listed: {reason_of(error.args[0])}")
        pattern = anywhere(self.options.topic, "*")
        topics = [topic for name, topic in found.items() if fnmatchcase(name, pattern)]
        if not topics:
            message = f"no topic {pattern} exists or is visible: the first record creates it if the brokers allow that"
            return Finding("permission", "warning", f"{message}; create it, and grant write permission")
        broken = [topic for topic in topics if topic.error is not None]
        if broken:
            return Finding(
                "permission", "error", f"the topic {clean(broken[0].topic, TOPIC_LIMIT)}: {reason_of(broken[0].error)}"
            )
        return Finding(
            "permission",
            "ok",
            f"the topic {clean(topics[0].topic, TOPIC_LIMIT)} exists, with {len(topics[0].partitions)} partitions",
        )

    def _noted_trouble(self, error: Any) -> None:
        """Record the library's connection errors. It reports that all brokers are down after the cause."""
        if error.name() != "_ALL_BROKERS_DOWN":
            self._trouble = reason_of(error)

    def _failed(self, errors: Iterable[Any]) -> Retry:
        reason = next(
            (reason_of(error) for error in errors if error.name() not in TAKEN_BACK and not error.fatal()), ""
        )
        vague = not reason or "transport failure" in reason or "imed out" in reason
        message = self._trouble if vague and self._trouble else reason
        return Retry(f"Kafka: {message or f'no answer within {self.options.timeout_s:g} s'}")


def key_of(record: Mapping[str, Any]) -> str:
    """The device of a record, otherwise its source address, otherwise its sensor: records with the same key keep their
    order.
    """
    return device_of(record) or str((record.get("src") or {}).get("ip") or (record.get("sensor") or {}).get("id") or "")


def reason_of(error: Any) -> str:
    return clean(str(error.str()), ANSWER_LIMIT)


def _noting(fates: dict[int, Any], place: int) -> Callable[[Any, Any], None]:
    def note(error: Any, _: Any) -> None:
        fates[place] = error

    return note


def _sasl_settings(sasl: Sasl) -> dict[str, Any]:
    return {"sasl.mechanism": sasl.mechanism, "sasl.username": sasl.user, "sasl.password": sasl.password.reveal()}


def _tls_settings(tls: Tls) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "enable.ssl.certificate.verification": tls.verify,
        "ssl.endpoint.identification.algorithm": "https" if tls.verify else "none",
        # Cipher suites that exist only since TLS 1.2, which excludes older versions.
        "ssl.cipher.suites": "TLSv1.2:!aNULL:!eNULL",
    }
    if tls.ca is not None:
        settings["ssl.ca.location"] = str(tls.ca)
    if tls.certificate is not None:
        settings |= {
            "ssl.certificate.location": str(tls.certificate),
            "ssl.key.location": str(tls.key or tls.certificate),
        }
    if tls.key_password is not None:
        settings["ssl.key.password"] = tls.key_password.reveal()
    return settings
