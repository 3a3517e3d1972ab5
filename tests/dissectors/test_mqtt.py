"""MQTT: logins, the topics of each client, and no secrets."""

from __future__ import annotations

import struct

import pytest

from pcaps.dissectors.mqtt import packet as message
from pcaps.dissectors.mqtt import text
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.mqtt import Mqtt
from sensor.dissectors.shared.seal import password_seal, seal
from tests.dissectors.samples import events, facts, packets, values

CONNECT = message(0x10, text("MQTT") + b"\x04\x02" + struct.pack("!H", 60) + text("one"))


def read(port: int) -> list[object]:
    """The events and observations of the connection with this client port in the sample."""
    stream = Mqtt().stream(Packet())
    return [
        parsed
        for packet in packets("mqtt")
        if port in (packet.sport, packet.dport)
        for parsed in stream.feed(packet, packet.payload, packet.dport == 1883)
    ]


def feed(*parts: bytes, from_client: bool = True) -> list[object]:
    stream = Mqtt().stream(Packet())
    return [parsed for part in parts for parsed in stream.feed(Packet(proto=6), part, from_client)]


def login(user: str) -> tuple[str, str, str]:
    """The last fields of a connect event with a password of the sample."""
    return seal(user, b"not to be kept"), password_seal(b"not to be kept"), user


def test_plug_logs_in_and_publishes() -> None:
    """Client id and topics describe the client, each topic once; of a long message the beginning is parsed."""
    parsed = read(50201)
    assert events(parsed) == [
        ("MqttConnect", 4, "DVES_5E5302", True, True, 30, "tele/tasmota_5E5302/LWT", *login("plug")),
        ("MqttConnack", 0),
        ("MqttPublish", "tele/tasmota_5E5302/LWT", True, 33),
        ("MqttSubscribe", ("cmnd/tasmota_5E5302/#", "cmnd/tasmotas/#")),
        ("MqttPublish", "tele/tasmota_5E5302/STATE", False, 6032),
    ]
    plug, broker = ("02:00:5e:00:53:02", "10.20.30.12"), ("02:00:5e:00:53:05", "10.20.30.5")
    assert facts(parsed) == [
        (*plug, "mqtt.client_id", "DVES_5E5302"),
        (*plug, "mqtt.topic", "tele/tasmota_5E5302/LWT"),
        (*broker, "mqtt.role", "MQTT broker"),
        (*plug, "mqtt.topic", "tele/tasmota_5E5302/STATE"),
    ]
    assert "kept" not in repr(events(parsed) + values(parsed))


def test_what_a_broker_forwards_describes_no_device() -> None:
    """Topics that a broker forwards to a subscriber describe neither the subscriber nor the broker."""
    parsed = read(50202)
    assert events(parsed)[2:] == [
        ("MqttSubscribe", ("#",)),
        ("MqttPublish", "shellies/shelly1-5E5306/relay/0", False, 38),
    ]
    assert values(parsed) == [("mqtt.client_id", "hub-1"), ("mqtt.role", "MQTT broker")]


def test_refused_login() -> None:
    """A broker that rejects a login (version 3.1) gets no role."""
    parsed = read(50203)
    assert events(parsed) == [
        ("MqttConnect", 3, "camera", True, True, 60, "", *login("admin")),
        ("MqttConnack", 5),
    ]
    assert values(parsed) == [("mqtt.client_id", "camera")]


def test_bridge_between_brokers() -> None:
    """The protocol version of a bridge has its highest bit set."""
    assert events(feed(CONNECT.replace(b"\x04\x02", b"\x84\x02"))) == [
        ("MqttConnect", 4, "one", False, False, 60, "", "", "", "")
    ]


@pytest.mark.parametrize(
    "payload",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"\x30\xff\xff\xff\xff\x01",
        CONNECT.replace(b"MQTT", b"MQXX"),
        CONNECT.replace(b"\x04\x02", b"\x09\x02"),
        message(0x10, b"\0\4MQTT\4\2"),
        message(0x30, text("a/#")),
        message(0x30, b"\0\2\xff\xfe"),
        message(0x30, text("a\0b")),
        message(0x36, text("both")),
    ],
)
def test_malformed(payload: bytes) -> None:
    """Other protocols, unknown versions, truncated messages and invalid topics are malformed."""
    with pytest.raises(Malformed):
        feed(payload)


def test_topics_are_bounded() -> None:
    """At most 16 topics of a client are observations."""
    parsed = feed(*(message(0x30, text(f"t/{n}")) for n in range(40)))
    assert len(events(parsed)) == 40
    assert len(values(parsed)) == 16


def test_nothing_after_a_gap() -> None:
    """A gap inside a long message is skipped; any other gap ends parsing, as the framing is too short to resume."""
    stream, packet = Mqtt().stream(Packet()), Packet(proto=6)
    long = message(0x30, text("t") + b"x" * 9000)
    assert len(list(stream.feed(packet, long[:5000], True))) == 2
    list(stream.gap(packet, 1000, True))
    assert len(list(stream.feed(packet, long[6000:] + message(0x30, text("u")), True))) == 2
    list(stream.gap(packet, 1, True))
    assert list(stream.feed(packet, message(0x30, text("v")), True)) == []
