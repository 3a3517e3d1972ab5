"""MQTT over TCP, versions 3.1, 3.1.1 and 5.0 (OASIS): clients, their broker and their topics. TLS is not decrypted.

Reads CONNECT and its response, subscriptions and the topics of the first messages. Of message contents it recognizes
the output of a command shell; acknowledgements and pings are ignored. The presence of user names and passwords is
reported, with a seal of both. A topic is a fact about a client only if the client itself publishes to it or has its
will there; messages from the broker were published by others.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader, clean
from sensor.dissectors.rat import RatMessage
from sensor.dissectors.shared.framing import FramedStream
from sensor.dissectors.shared.seal import password_seal, seal
from sensor.dissectors.shared.sender_facts import fact

PORT = 1883
CONNECT, CONNACK, PUBLISH, SUBSCRIBE = 1, 2, 3, 8
# PUBREL, SUBSCRIBE, UNSUBSCRIBE; PUBLISH has its own flags, all others none (MQTT 5.0, 2.1.3).
FIXED_FLAGS = {6: 2, 8: 2, 10: 2}
NAMES = {b"MQTT": (4, 5), b"MQIsdp": (3,)}
BRIDGE = 0x80  # set in the version by brokers that connect to another broker
TOPICS_LIMIT = 16
NAME_LIMIT = 255
SHELL = "command shell over MQTT"
# Answers of a Unix shell to id and to cat /etc/passwd, also inside JSON, and errors of a shell.
_SHELL = lazy_pattern(
    rb"\buid=\d{1,10}\([\w.-]{1,32}\) gid=\d{1,10}\(|\broot:[^:\s]{0,106}:0:0:|"
    rb"\b(?:ba|da|a)?sh: (?:line )?\d{1,4}: [\w./-]{1,64}: (?:command )?not found"
)
SHOWN_LIMIT = 64
WILL, PASSWORD, USER = 0x04, 0x40, 0x80  # flags of CONNECT


class MqttConnect(Event):
    """A client opens a session. ``user`` and ``password``: whether it sends them; neither means anonymous. ``will``:
    topic of its last will.

    ``seal`` and ``password_seal``: of user and password, and of the password alone; ``account``: the user's name.
    """

    version: int
    client_id: str
    user: bool
    password: bool
    keep_alive_s: int
    will: str
    seal: str = ""
    password_seal: str = ""
    account: str = ""


class MqttConnack(Event):
    """The broker's response: 0 accepted; 4, 5, 134 and 135 are rejected logins."""

    code: int


class MqttSubscribe(Event):
    """A client subscribes to topics; ``#`` alone matches all."""

    topics: tuple[str, ...]


class MqttPublish(Event):
    """A message for a topic. ``size``: bytes of the whole packet. Empty topic: a topic alias (MQTT 5.0, 3.3.2.3.4)."""

    topic: str
    retain: bool
    size: int


class Mqtt(Dissector):
    """Only the first messages of each side, which identify it. A CONNECT is recognised by its protocol name on any
    port.
    """

    interest = Interest(tcp=(PORT,), magic=((4, b"MQTT"), (5, b"MQTT")), stream=True, opening=4)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return MqttStream()


class MqttStream(FramedStream):
    """One client and its broker. Two bytes of framing are too weak to find message boundaries after a gap."""

    resumes = False

    def __init__(self) -> None:
        super().__init__()
        self._version = 4
        self._topics: set[str] = set()

    def size(self, data: bytes, at: int) -> int:
        kind, flags = data[at] >> 4, data[at] & 15
        if not kind or (kind != PUBLISH and flags != FIXED_FLAGS.get(kind, 0)):
            raise Malformed("no MQTT header")
        length = 0
        for place in range(4):
            if at + 1 + place >= len(data):
                return 0
            byte = data[at + 1 + place]
            length |= (byte & 127) << 7 * place
            if byte < 128:
                return 2 + place + length
        raise Malformed("length of more than four bytes")

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        reader = Reader(data, 1)
        while reader.u8() >= 128:
            pass
        kind = data[0] >> 4
        if kind == CONNECT and from_client:
            yield from self._connect(packet, reader)
        elif kind == CONNACK and not from_client:
            reader.skip(1)
            code = reader.u8()
            yield MqttConnack(packet, code)
            if not code:
                yield fact(packet, "mqtt.role", "MQTT broker")
        elif kind == SUBSCRIBE and from_client:
            yield MqttSubscribe(packet, self._subscribed(reader))
        elif kind == PUBLISH:
            yield from self._publish(packet, data, reader, from_client)

    def _connect(self, packet: Packet, reader: Reader) -> Iterator[Parsed]:
        """Protocol name and version, flags, then the fields that the flags announce (MQTT 5.0, 3.1)."""
        levels = NAMES.get(_string(reader))
        version = reader.u8() & ~BRIDGE
        if levels is None or version not in levels:
            raise Malformed("no MQTT version")
        self._version = version
        flags, keep_alive = reader.u8(), reader.u16()
        self._properties(reader)
        client_id = _text(_string(reader))
        will = ""
        if flags & WILL:
            self._properties(reader)
            will = _text(_string(reader))
        yield MqttConnect(
            packet,
            version,
            client_id,
            bool(flags & USER),
            bool(flags & PASSWORD),
            keep_alive,
            will,
            *_login(reader, flags),
        )
        if client_id:
            yield fact(packet, "mqtt.client_id", client_id)
        yield from self._topic(packet, will)

    def _subscribed(self, reader: Reader) -> tuple[str, ...]:
        reader.skip(2)
        self._properties(reader)
        topics: list[str] = []
        while reader.left > 2 and len(topics) < TOPICS_LIMIT:
            topics.append(_text(_string(reader)))
            reader.skip(1)
        return tuple(topics)

    def _publish(self, packet: Packet, data: bytes, reader: Reader, from_client: bool) -> Iterator[Parsed]:
        topic = _text(_string(reader))
        if "#" in topic or "+" in topic or data[0] & 6 == 6:
            raise Malformed("topic with wildcards, or QoS 3")
        yield MqttPublish(packet, topic, bool(data[0] & 1), self.size(data, 0))
        if from_client:
            yield from self._topic(packet, topic)
            if found := _SHELL.search(reader.rest()):
                yield RatMessage(packet, SHELL, clean(found[0], SHOWN_LIMIT), True)

    def _topic(self, packet: Packet, topic: str) -> Iterator[Parsed]:
        """A topic of the client, without duplicates."""
        if topic and topic not in self._topics and len(self._topics) < TOPICS_LIMIT:
            self._topics.add(topic)
            yield fact(packet, "mqtt.topic", topic)

    def _properties(self, reader: Reader) -> None:
        """Version 5 has properties before most payloads: a variable length and that many bytes."""
        if self._version < 5:
            return
        length = shift = 0
        while True:
            byte = reader.u8()
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
            if shift > 21:
                raise Malformed("length of more than four bytes")
        reader.skip(length)


def _login(reader: Reader, flags: int) -> tuple[str, str, str]:
    """The login after the will's topic (MQTT 5.0, 3.1.3): its seal, the seal of its password, and the user."""
    try:
        if flags & WILL:
            _string(reader)
        user = clean(_string(reader), NAME_LIMIT) if flags & USER else ""
        password = _string(reader) if flags & PASSWORD else None
    except Malformed:  # data after a long will is truncated
        return "", "", ""
    return ("", "", user) if password is None else (seal(user, password), password_seal(password), user)


def _string(reader: Reader) -> bytes:
    return reader.take(reader.u16())


def _text(raw: bytes) -> str:
    """Text is UTF-8 without NUL (MQTT 5.0, 1.5.4); anything else is another protocol."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise Malformed("text that is not UTF-8") from None
    if "\0" in text:
        raise Malformed("text with a NUL")
    return clean(text)
