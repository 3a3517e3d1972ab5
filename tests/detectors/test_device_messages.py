"""Discovery by MQTT and CoAP: the attacks, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.coap import CoapRequest, CoapResponse
from sensor.dissectors.mqtt import MqttSubscribe
from tests.detectors.stories import SECOND, START, detector, inspected, one

MESSAGES = "discovery.device_messages"
CLIENT, BROKER = "10.0.0.66", "10.0.0.20"


def packet(at: float, src: str, dst: str) -> Packet:
    return Packet(ts=START + int(at * SECOND), src=parse(src), dst=parse(dst), sport=50000, dport=1883, proto=6)


def subscribed(at: float, *topics: str, broker: str = BROKER) -> Event:
    return MqttSubscribe(packet(at, CLIENT, broker), topics)


def requested(at: float, host: str, path: str = "/.well-known/core") -> Event:
    return CoapRequest(packet(at, CLIENT, host), "GET", path, "")


def answered(at: float, host: str) -> Event:
    return CoapResponse(packet(at, host, CLIENT), 205, 40, 50)


HOSTS = [f"10.0.1.{n}" for n in range(1, 31)]


@pytest.mark.parametrize(
    "story",
    [[subscribed(0, "#", "$SYS/#")], [subscribed(0, "#"), subscribed(1, "$SYS/broker/clients/#")]],
    ids=["at once", "one after the other"],
)
def test_all_topics_of_a_broker(story: list[Event]) -> None:
    """A client that subscribes to all topics, and to those of the broker, raises an alert."""
    alert = one(inspected(detector(MESSAGES), story))
    assert (alert.actor.address, alert.target and alert.target.address) == (parse(CLIENT), parse(BROKER))
    assert (alert.severity, [each.technique for each in alert.techniques]) == (Severity.medium, ["T1046", "T1119"])


def test_all_topics_of_several_brokers() -> None:
    """The third broker raises an alert."""
    found = inspected(detector(MESSAGES), [subscribed(n, "#", broker=host) for n, host in enumerate(HOSTS[:4])])
    assert [(each.target and each.target.address, each.numbers["brokers"]) for each in found] == [
        (parse(HOSTS[2]), 3),
        (parse(HOSTS[3]), 4),
    ]


def test_resources_of_many_hosts() -> None:
    """A client that asks many hosts, of which few answer, raises an alert."""
    story = [
        each
        for n, host in enumerate(HOSTS)
        for each in ([requested(n, host), answered(n + 0.1, host)][: 2 - (n % 5 > 0)])
    ]
    alert = one(inspected(detector(MESSAGES), story))
    assert (alert.numbers["hosts"], [each.technique for each in alert.techniques]) == (8, ["T1046"])


def test_benign_twins_are_quiet() -> None:
    """A recorder, monitoring, a controller with its own topics, a gateway whose devices answer, a request to a group,
    and other resources raise no alert.
    """
    recorder = [subscribed(n, "#") for n in range(20)]
    monitoring = [subscribed(0, "$SYS/#"), subscribed(1, "home/#", "$SYS/broker/uptime")]
    gateway = [each for n, host in enumerate(HOSTS) for each in (requested(n, host), answered(n + 0.1, host))]
    group = [requested(n, "224.0.1.187") for n in range(30)]
    other = [requested(n, host, "/sensors/temperature") for n, host in enumerate(HOSTS)]
    for story in (recorder, monitoring, gateway, group, other):
        assert inspected(detector(MESSAGES), story) == []


def test_managers_are_of_low_severity() -> None:
    unit = detector(MESSAGES, managers=(CLIENT,))
    assert one(inspected(unit, [subscribed(0, "#", "$SYS/#")])).severity == Severity.low


def test_repetition_is_reported_once_an_hour() -> None:
    assert len(inspected(detector(MESSAGES), [subscribed(n, "#", "$SYS/#") for n in range(60)])) == 1
    assert len(inspected(detector(MESSAGES), [requested(n, host) for n, host in enumerate(HOSTS)])) == 1
