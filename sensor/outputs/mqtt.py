"""MQTT 5 with QoS 1: one message per record, with id, kind and severity as user properties, and optionally the presence
of devices for MQTT discovery of Home Assistant (https://www.home-assistant.io/integrations/mqtt/).

A batch is delivered once the broker has acknowledged every message. It may arrive twice, completely or partly:
subscribers can drop duplicates by the property ``id``. A subscriber without a session, or with QoS 0, misses messages
while it is disconnected.

Not supported: MQTT 3, WebSockets, QoS 2.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, NamedTuple, get_args
from urllib.parse import urlsplit

from sensor.core.model import Check, Field, Model
from sensor.core.output import Ack, BatchRejected, Entry, Finding, Output, Retry, TrafficKind
from sensor.core.output import Options as CommonOptions
from sensor.core.reader import clean
from sensor.outputs._home_assistant import OFFLINE, ONLINE, presence
from sensor.outputs._names import known, named
from sensor.outputs._probe import probe
from sensor.outputs.transport.broker_url import parts_of
from sensor.outputs.transport.connect import connect
from sensor.outputs.transport.secrets import Secret
from sensor.outputs.transport.tls import Tls

PORTS = {"mqtt": 1883, "mqtts": 8883}
ANSWER_LIMIT = 200
TOPIC_LIMIT = 60_000
KEEPALIVE_S = 30
STEP_S = 0.5
# Messages in flight, unless the broker requires fewer; and messages handed to the library at once, which has 65,535
# packet identifiers.
WINDOW, GIVEN = 2000, 10_000
# Overhead of a packet with topic and payload: header, identifier, properties.
PACKET_SIZE = 256

# Reason codes of acknowledgements and of disconnects.
FAILED = 0x80
PACKET_TOO_LARGE, PAYLOAD_FORMAT_INVALID, NOT_AUTHORISED = 0x95, 0x99, 0x87
REFUSALS = (PACKET_TOO_LARGE, PAYLOAD_FORMAT_INVALID)
WITH_WILL = "Disconnect with will message"


def _url(url: str) -> str:
    parts = parts_of(url)
    if parts.scheme not in PORTS or not parts.hostname or parts.path.strip("/"):
        raise ValueError("expected mqtt://host:1883 or mqtts://host:8883")
    return url


def _topic(topic: str) -> str:
    if any(c in "+#" or not c.isprintable() for c in topic) or topic.startswith("$"):
        raise ValueError(f"found {topic!r}, expected a topic without + and #, not beginning with $")
    return known(topic)


Topic = Annotated[str, Check(_topic)]


class HomeAssistant(Model):
    """``prefix``: prefix of the discovery topics of Home Assistant; ``state``: topic of a device's presence (``on``,
    ``off``); ``status``: topic of the sensor's presence (``online``, ``offline``).
    """

    prefix: Topic = Field("homeassistant", min_length=1, max_length=256)
    state: Topic = Field("sensor/presence/{device}", min_length=1, max_length=256)
    status: Topic = Field("sensor/status", min_length=1, max_length=256)

    def check_whole(self, context: Any) -> None:
        if "{device}" not in self.state:
            raise ValueError("found no {device} in `state`, expected it: each device has its own state")
        if "{" in self.status + self.prefix:
            raise ValueError(
                "found a placeholder in `status` or `prefix`, expected none: they do not depend on a record"
            )


class Options(CommonOptions):
    """``url``: ``mqtt://host:1883`` or, with TLS, ``mqtts://host:8883``; ``user``, ``password``: for brokers that
    require a login; ``client_id``: empty lets the broker assign one, as traffic records require; ``topic``: may have
    placeholders such as ``{kind}``, ``{device}`` or ``{sensor}``; ``retain``: the broker keeps the last record of each
    topic; ``home_assistant``: ``{}``, or settings that differ from the defaults.
    """

    url: Annotated[str, Check(_url)]
    user: str = ""
    password: Secret | None = None
    tls: Tls = Tls()
    client_id: str = Field("", max_length=128)
    topic: Topic = Field("sensor/{kind}/{device}", min_length=1, max_length=1024)
    retain: bool = False
    home_assistant: HomeAssistant | None = None

    def check_whole(self, context: Any) -> None:
        if self.password is not None and not self.user:
            raise ValueError("found `password` without `user`")
        # Traffic records use a separate connection, and a broker closes the older of two with the same client id (MQTT
        # 5.0, 3.1.4-3).
        traffic = [kind for kind in self.filter.kinds if kind in get_args(TrafficKind)]
        if self.client_id and traffic:
            raise ValueError(
                f"found `client_id` with the kind {traffic[0]!r}, whose rows use a second connection: both "
                "would have the same id;"
                " expected no `client_id`, or kinds of events only"
            )


class Message(NamedTuple):
    """One message; ``place``: index of its record in the batch."""

    place: int
    topic: str
    payload: bytes
    retain: bool
    properties: Any = None


class Mqtt(Output):
    """A client whose thread also serves the broker between batches."""

    Options = Options
    title = "MQTT 5"
    guarantee = "at_least_once"

    def __init__(self, name: str, options: Any) -> None:
        super().__init__(name, options)
        parts = urlsplit(options.url)
        self._host, self._port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        self._tls: Tls | None = options.tls if parts.scheme == "mqtts" else None
        self._client: Any = None
        self._link = Link()
        self._window = WINDOW

    def open(self) -> None:
        self._connect()
        window = min(self._window, self._link.granted.get("ReceiveMaximum", WINDOW))
        if window < self._window:
            # The library accepts a window only before it connects; the next connection uses it.
            self._window = window
            self._connect()
        if self.options.home_assistant is not None:
            for _, explanation in self._deliver(
                [Message(0, self.options.home_assistant.status, ONLINE, retain=True)]
            ).values():
                self.close()
                raise Retry(explanation)

    def check(self) -> Iterator[Finding]:
        for finding in probe(self._host, self._port, self._tls, self.options.timeout_s):
            yield finding
            if finding.level == "error":
                return
        try:
            self.open()
        except Retry as error:
            yield Finding("auth", "error", str(error))
            return
        yield Finding(
            "auth",
            "ok",
            f"logged in as {self.options.user}"
            if self.options.user
            else "the broker accepts clients without a password",
        )
        largest = self._link.granted.get("MaximumPacketSize")
        explanation = f"records up to {largest - PACKET_SIZE} bytes" if largest else "records of any size"
        yield Finding(
            "limits",
            "ok",
            (f"it accepts QoS 1 and {explanation}; the first record shows whether publishing is permitted"),
        )

    def send(self, entries: Sequence[Entry]) -> Ack:
        if self._client is None:
            raise Retry("not connected")
        if self._link.lost:
            self.open()
        if self.options.home_assistant is not None:
            self._publish_presence(entries)
        refused, messages, largest = {}, [], self._link.granted.get("MaximumPacketSize", 0)
        for place, entry in enumerate(entries):
            topic = named(self.options.topic, entry.record)[:TOPIC_LIMIT]
            if largest and len(topic.encode()) + len(entry.payload) + PACKET_SIZE > largest:
                refused[place] = f"MQTT: over the broker's limit of {largest} bytes"
            else:
                messages.append(Message(place, topic, entry.payload, self.options.retain, self._properties(entry)))
        failed = self._deliver(messages)
        refused |= {place: explanation for place, (code, explanation) in failed.items() if code in REFUSALS}
        busy = tuple(sorted(failed.keys() - refused.keys()))
        if busy and len(busy) + len(refused) == len(entries):
            raise Retry(failed[busy[0]][1])
        return Ack(refused, busy)

    def close(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        client.disconnect(self._disconnect_properties() if self.options.home_assistant is not None else None)
        if not self._link.lost:
            self._link.ended.wait(STEP_S)
        # A broker that stops reading would block the thread forever.
        connection = client.socket()
        if connection is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        client.loop_stop()

    def _connect(self) -> None:
        self.close()
        self._link = Link()
        self._client = self._made(self._link)
        try:
            self._client.connect(self._host, self._port, keepalive=KEEPALIVE_S, clean_start=True)
            self._client.loop_start()
            self._link.wait_connected(self.options.timeout_s)
            self._check_answer(self._link.granted)
        except (OSError, ValueError) as error:
            self.close()
            raise Retry(f"MQTT: {clean(str(error), ANSWER_LIMIT)}") from None
        except Retry:
            self.close()
            raise

    def _made(self, link: Link) -> Any:
        try:
            import paho.mqtt.client as paho
        except ImportError:
            raise Retry("MQTT needs the package paho-mqtt: pip install 'passive-network-sensor[mqtt]'") from None
        from paho.mqtt.enums import CallbackAPIVersion

        host, port, tls, timeout_s = self._host, self._port, self._tls, self.options.timeout_s

        class Client(paho.Client):
            """The library's client over a connection of ours, which reports connection errors in plain text."""

            def _create_socket(self) -> socket.socket:
                made = connect(host, port, tls, timeout_s)
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return made

        made = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.options.client_id,
            protocol=paho.MQTTv5,
            reconnect_on_failure=False,
        )
        made.max_inflight_messages_set(self._window)
        made.on_connect, made.on_disconnect, made.on_publish = link.connected, link.disconnected, link.acknowledged
        if self.options.user:
            made.username_pw_set(self.options.user, self.options.password.reveal() if self.options.password else None)
        if self.options.home_assistant is not None:
            made.will_set(self.options.home_assistant.status, OFFLINE, qos=1, retain=True)
        return made

    def _check_answer(self, granted: dict[str, int]) -> None:
        """Check the broker's features. Raises Retry if one is missing."""
        if granted.get("MaximumQoS", 1) < 1:
            raise Retry("MQTT: the broker supports QoS 0 only, and may lose messages")
        if not granted.get("RetainAvailable", 1) and (self.options.retain or self.options.home_assistant is not None):
            raise Retry("MQTT: the broker does not support retained messages, which `retain` and `home_assistant` need")

    def _publish_presence(self, entries: Sequence[Entry]) -> None:
        """Publish presence before the records: repeated presence messages have no effect."""
        messages = [
            Message(place, topic, payload, retain=True)
            for place, entry in enumerate(entries)
            if entry.kind == "device"
            for topic, payload in presence(entry.record, self.options.home_assistant)
        ]
        for code, explanation in self._deliver(messages).values():
            if code not in REFUSALS:
                raise Retry(explanation)

    def _deliver(self, messages: Sequence[Message]) -> dict[int, tuple[int, str]]:
        """Publish and wait for all acknowledgements. Returns reason code and text of rejected messages, by index."""
        failed: dict[int, tuple[int, str]] = {}
        for start in range(0, len(messages), GIVEN):
            some = messages[start : start + GIVEN]
            self._link.expect(len(some))
            numbers = [self._client.publish(one.topic, one.payload, 1, one.retain, one.properties).mid for one in some]
            self._link.wait_answered(self.options.timeout_s)
            for number, one in zip(numbers, some, strict=True):
                code, explanation = self._link.answers.get(number, (FAILED, "no answer"))
                if code >= FAILED:
                    hint = ": grant permission to publish" if code == NOT_AUTHORISED else ""
                    failed[one.place] = code, f"MQTT: {explanation} (topic {clean(one.topic, ANSWER_LIMIT)}){hint}"
        return failed

    def _properties(self, entry: Entry) -> Any:
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        made: Any = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        made.UserProperty = [("id", entry.id), ("kind", entry.kind), ("severity", str(entry.record["severity"]))]
        return made

    def _disconnect_properties(self) -> Any:
        """The will message, by which the broker publishes that the sensor is offline."""
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.reasoncodes import ReasonCode

        return ReasonCode(PacketTypes.DISCONNECT, WITH_WILL)


class Link:
    """Events that the client's thread received on one connection. ``granted``: the broker's properties; ``lost``: why
    the connection is unusable, and ``refused``: that our messages were the cause.
    """

    def __init__(self) -> None:
        self.granted: dict[str, int] = {}
        self.answers: dict[int, tuple[int, str]] = {}
        self.lost, self.refused = "", False
        self.ended = threading.Event()
        self._news = threading.Event()
        self._wanted = 0

    def expect(self, count: int) -> None:
        self.answers, self._wanted = {}, count
        self._news.clear()

    def wait_connected(self, timeout_s: float) -> None:
        if not self._news.wait(timeout_s):
            raise Retry(f"MQTT: accepted the connection, but did not answer within {timeout_s:g} s")
        if self.lost:
            raise Retry(f"MQTT: {self.lost}")

    def wait_answered(self, timeout_s: float) -> None:
        """Wait for all expected responses. Raises Retry on a timeout, Retry or BatchRejected on a lost connection."""
        end, had = time.monotonic() + timeout_s, 0
        while len(self.answers) < self._wanted:
            if self.lost:
                if self.refused:
                    raise BatchRejected(f"MQTT: {self.lost}")
                # Some brokers disconnect right after a rejection.
                raise Retry(
                    f"MQTT: {next((explanation for _, explanation in self.answers.values() if explanation), self.lost)}"
                )
            self._news.wait(min(STEP_S, timeout_s))
            if len(self.answers) > had:
                end, had = time.monotonic() + timeout_s, len(self.answers)
            elif time.monotonic() > end:
                raise Retry(f"MQTT: no answer within {timeout_s:g} s")

    def connected(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self.lost = f"login rejected: {_reason_of(reason, properties)}"
        else:
            fields = vars(properties) if properties is not None else {}
            self.granted = {name: value for name, value in fields.items() if isinstance(value, int)}
        self._news.set()

    def disconnected(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        self.lost = self.lost or f"connection lost: {_reason_of(reason, properties)}"
        self.refused = flags.is_disconnect_packet_from_server and reason.value in REFUSALS
        self.ended.set()
        self._news.set()

    def acknowledged(self, client: Any, data: Any, number: int, reason: Any, properties: Any) -> None:
        self.answers[number] = (
            (reason.value, _reason_of(reason, properties)) if reason.value >= FAILED else (reason.value, "")
        )
        if len(self.answers) >= self._wanted:
            self._news.set()


def _reason_of(reason: Any, properties: Any) -> str:
    explanation = getattr(properties, "ReasonString", "")
    return clean(f"{reason}, {explanation}" if explanation else str(reason), ANSWER_LIMIT)
