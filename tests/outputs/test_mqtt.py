"""MQTT 5, against mosquitto: delivery, crashed, stuck and rejecting brokers, and devices in Home Assistant."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from sensor.core.output import BatchRejected, Entry, Retry
from sensor.outputs._home_assistant import presence
from sensor.outputs.mqtt import HomeAssistant, Mqtt, Options
from tests.outputs.authority import Authority
from tests.outputs.batches import delivered, entries, entry, ids
from tests.outputs.samples import RECORDS

pytest.importorskip("paho.mqtt.client", reason="the package paho-mqtt is not installed")
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from tests.outputs.servers_base import free_port
from tests.outputs.servers_mosquitto import MISSING, PASSWORD, USER, MosquittoServer, Received
from tests.waiting import until

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)

Opened = Callable[..., Mqtt]
HOME_CONFIG = "homeassistant/binary_sensor/dev-5k2m8q/config"


@pytest.fixture(scope="module")
def server() -> Iterator[MosquittoServer]:
    with MosquittoServer() as running:
        yield running


@pytest.fixture
def opened() -> Iterator[Opened]:
    made: list[Mqtt] = []

    def make(url: str, **more: Any) -> Mqtt:
        made.append(Mqtt("m", Options.model_validate({"url": url, "timeout_s": 5} | more)))
        made[-1].open()
        return made[-1]

    yield make
    for one in made:
        one.close()


def received_ids(received: Sequence[Received]) -> list[str]:
    """Ids in order of their first arrival: what a subscriber has that drops repeats."""
    return list(dict.fromkeys(one.properties["id"] for one in received))


def test_what_arrives(server: MosquittoServer, opened: Opened) -> None:
    """Every record arrives once, in order, unchanged, under its kind and device, with its id, kind and severity."""
    batch = entries(3000)
    with server.listening("arrives/#") as received:
        ack = opened(server.url, topic="arrives/{kind}/{device}").send(batch)
        assert (dict(ack.refused), ack.busy) == ({}, ())
        until(lambda: len(received) >= len(batch))
    assert [(one.payload, one.properties) for one in received] == [
        (one.payload, {"id": one.id, "kind": one.kind, "severity": one.record["severity"]}) for one in batch
    ]
    assert {one.topic for one in received} >= {
        "arrives/device/dev-7h1p2r",
        "arrives/device/dev-5k2m8q",
        "arrives/sensor/none",
    }
    assert not any(one.retain for one in received)


def test_topics_stay_topics(server: MosquittoServer, opened: Opened) -> None:
    """Wildcards, levels and spaces in the name of a site do not change the structure of topics."""
    with server.listening("odd/#") as received:
        batch = [
            Entry(one.seq, one.record | {"sensor": {"site": site}}, b"{}")
            for one, site in zip(entries(3), ("a/b", "+", "# $SYS\0"), strict=True)
        ]
        opened(server.url, topic="odd/{site}").send(batch)
        until(lambda: len(received) == 3)
    assert [one.topic for one in received] == ["odd/a_b", "odd/_", "odd/___SYS"]


def test_retained(server: MosquittoServer, opened: Opened) -> None:
    """A later subscriber receives the last record of each topic."""
    batch = entries(4, cases=("device_new", "device_identified"))
    opened(server.url, topic="kept/{device}", retain=True).send(batch)
    with server.listening("kept/#") as received:
        until(lambda: len(received) == 2)
    assert sorted(received_ids(received)) == sorted(ids(batch[2:]))


def test_a_broker_that_asks_for_less(opened: Opened) -> None:
    """A broker with a low receive maximum gets no more messages in flight than that, and gets all of them."""
    with MosquittoServer("max_inflight_messages 7") as server, server.listening() as received:
        output, batch = opened(server.url), entries(300)
        assert output._client.max_inflight_messages == 7
        assert not output.send(batch).refused
        until(lambda: len(received) >= len(batch))
        assert received_ids(received) == ids(batch)


def test_kill_in_mid_batch(opened: Opened) -> None:
    """After five kills of the broker in mid-batch a subscriber has every record, in order, without duplicate ids."""
    with MosquittoServer() as server, server.listening() as received:
        output, batch, deaths = opened(server.url), entries(2000), 0
        for start in range(0, len(batch), 400):
            some, listens = batch[start : start + 400], received.subscriptions
            death = threading.Timer(0.01 * start / 400, server.kill)
            death.start()
            try:
                output.send(some)
            except Retry:
                deaths += 1
            death.join()
            output.close()
            server.start()
            # Messages without a subscriber may be dropped.
            until(lambda before=listens: received.subscriptions > before)
            assert delivered(output, some) == 1
            # Unread messages at the subscriber would be lost with its connection.
            until(lambda have=batch[: start + 400]: set(received_ids(received)) == set(ids(have)))
        assert deaths >= 1
        assert received_ids(received) == ids(batch)


def test_what_the_broker_has_survives_it(opened: Opened) -> None:
    """A subscriber with a persistent session gets all messages it missed, also after a restart of the broker."""
    with MosquittoServer() as server:
        with server.listening("sensor/#", forget=False):
            pass
        batch = entries(200)
        opened(server.url).send(batch)
        server.stop()
        server.start()
        with server.listening("sensor/#", forget=False) as received:
            until(lambda: len(received) >= len(batch))
        assert received_ids(received) == ids(batch)


def test_a_stuck_broker(opened: Opened) -> None:
    """A broker that does not answer costs the time-out, and delays neither the next try nor closing."""
    with MosquittoServer() as server:
        output, batch = opened(server.url, timeout_s=0.5), entries(9000)
        server.pause()
        # The system may drop a connection without acknowledgements a moment before the output does.
        with pytest.raises(Retry, match=r" 0\.5 s|\blost\b"):
            output.send(batch)
        with pytest.raises(Retry, match=r" 0\.5 s"):
            output.open()
        begin = time.monotonic()
        output.close()
        assert time.monotonic() - begin < 30
        server.go_on()
        with server.listening() as received:
            assert delivered(output, batch[:10]) >= 1
            until(lambda: received_ids(received)[-10:] == ids(batch[:10]))


def test_nothing_is_left_running(server: MosquittoServer, opened: Opened) -> None:
    """The library's thread ends when the output is closed, also when it is closed twice."""
    before = threading.active_count()
    output = opened(server.url)
    assert threading.active_count() > before
    output.close()
    output.close()
    assert threading.active_count() == before
    with pytest.raises(Retry, match="not connected"):
        output.send(entries(1))


def test_the_connection_is_kept(server: MosquittoServer, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep-alives of the library keep the connection open between batches."""
    monkeypatch.setattr("sensor.outputs.mqtt.KEEPALIVE_S", 1)
    output = opened(server.url)
    time.sleep(2.5)
    assert not output.send(entries(1)).refused


def test_too_large(opened: Opened) -> None:
    """Records above the broker's maximum packet size are refused by their index; the others arrive."""
    with MosquittoServer("max_packet_size 3000") as server, server.listening() as received:
        batch = entries(3, cases=("device_new",))
        batch[1] = Entry(1, batch[1].record, b"x" * 4000)
        ack = opened(server.url).send(batch)
        assert (list(ack.refused), ack.busy) == ([1], ())
        until(lambda: received_ids(received) == [batch[0].id, batch[2].id])


def test_who_is_let_in(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """The right password connects; a wrong or missing one reports the broker's reason, without the secret."""
    with MosquittoServer(password=True) as server:
        monkeypatch.setenv("SECRET", PASSWORD)
        output = opened(server.url, user=USER, password="env:SECRET")
        assert not output.send(entries(2)).refused
        assert [one.what for one in output.check()] == ["dns", "tcp", "auth", "limits"]
        monkeypatch.setenv("SECRET", "battery staple")
        with pytest.raises(Retry, match="login rejected: ") as caught:
            output.open()
        assert "staple" not in str(caught.value)
        assert [(one.what, one.level) for one in output.check()][-1] == ("auth", "error")
        with pytest.raises(Retry, match="login rejected: "):
            opened(server.url)


def test_without_the_right_to_publish(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the topic and the batch is kept. A forbidden presence topic is detected before a record is sent
    twice.
    """
    monkeypatch.setenv("SECRET", PASSWORD)
    login = {"user": USER, "password": "env:SECRET"}
    with MosquittoServer(password=True, rights="topic readwrite sensor/#") as server:
        with pytest.raises(Retry, match=r"Not authorized \(topic other/device\): grant permission"):
            opened(server.url, topic="other/{kind}", **login).send(entries(2, cases=("device_new",)))
        with server.listening("sensor/device/#") as received:
            with pytest.raises(Retry, match=r"Not authorized \(topic homeassistant/binary_sensor/dev-7h1p2r/config"):
                opened(server.url, home_assistant={}, **login).send(entries(2, cases=("device_new",)))
            assert not opened(server.url, **login).send(entries(1, cases=("device_new",))).busy
            until(lambda: len(received) == 1)


def test_tls(opened: Opened, tmp_path: Path) -> None:
    """TLS with the right CA delivers; an untrusted CA and a broker without TLS are rejected with the reason."""
    authority, untrusted = Authority(tmp_path), Authority(tmp_path, "Stranger")
    pair = authority.issue("broker")
    with MosquittoServer(certificate=pair.certificate, key=pair.key) as server:
        url = server.url.replace("mqtt:", "mqtts:")
        output = opened(url, tls={"ca": str(authority.ca)})
        assert not output.send(entries(500)).refused
        assert [one.what for one in output.check()] == ["dns", "tcp", "tls", "auth", "limits"]
        with pytest.raises(Retry, match="not a trusted CA"):
            opened(url, tls={"ca": str(untrusted.ca)})
    with MosquittoServer() as server, pytest.raises(Retry, match="TLS"):
        opened(server.url.replace("mqtt:", "mqtts:"), timeout_s=1)


def test_nothing_listens_there(opened: Opened) -> None:
    """A refused connection is reported in plain words."""
    with pytest.raises(Retry, match="refused"):
        opened(f"mqtt://127.0.0.1:{free_port()}")
    with pytest.raises(Retry, match=r" nowhere\.invalid "):
        opened("mqtt://nowhere.invalid")


@pytest.mark.parametrize(
    ("code", "busy"),
    [(0x97, True), (0x80, True), (0x83, True), (0x87, True), (0x90, True), (0x95, False), (0x99, False), (0x10, None)],
)  # fmt: skip
def test_what_answers_mean(code: int, busy: bool | None) -> None:
    """Per message: temporary reason codes are retried, permanent ones refuse it, and no subscriber is no failure."""

    class Broker:
        def __init__(self, output: Mqtt) -> None:
            self.output, self.count = output, 0

        def publish(self, *more: Any) -> Any:
            self.count += 1
            number, value = self.count, code if self.count == 2 else 0
            self.output._link.acknowledged(
                None, None, number, type("Reason", (), {"value": value, "__str__": lambda _: "its \x1b words"})(), None
            )
            return type("Info", (), {"mid": number})()

    output = Mqtt("m", Options.model_validate({"url": "mqtt://h"}))
    output._client = Broker(output)
    ack = output.send(entries(2))
    output._client = None
    assert ack.busy == ((1,) if busy else ())
    assert list(ack.refused) == ([1] if busy is False else [])
    assert all(expected.isprintable() and "its" in expected for expected in ack.refused.values())


def test_a_broker_that_hangs_up_on_a_record(server: MosquittoServer, opened: Opened) -> None:
    """A broker that disconnects for packet size refuses the batch, which is halved and sent over a new connection;
    other disconnects are retried.
    """
    output = opened(server.url)
    from_broker = SimpleNamespace(is_disconnect_packet_from_server=True)
    for code, wanted in ((0x95, BatchRejected), (0x99, BatchRejected), (0x8B, Retry)):
        link, client = output._link, output._client
        reason = ReasonCode(PacketTypes.DISCONNECT, identifier=code)
        output._client = SimpleNamespace(
            publish=lambda *_, link=link, reason=reason: (
                link.disconnected(None, None, from_broker, reason, None) or SimpleNamespace(mid=1)
            )
        )
        with pytest.raises(wanted, match=f": {reason}"):
            output.send(entries(1))
        output._client = client
        assert not output.send(entries(1)).refused
        assert output._link is not link


def test_home_assistant(server: MosquittoServer, opened: Opened) -> None:
    """Presence is on for new devices, off for removed ones; a later subscriber gets both, and the sensor's status."""
    printer = RECORDS["device_identified"]
    story = [RECORDS["device_new"], printer, printer | {"action": "gone"}, RECORDS["alert_open"]]
    output = opened(server.url, home_assistant={}, topic="told/{kind}")
    assert not output.send([entry(record) for record in story]).refused
    with server.listening("#", name="home") as received:
        topics = {"sensor/status", HOME_CONFIG, "sensor/presence/dev-7h1p2r", "sensor/presence/dev-5k2m8q"}
        until(lambda: topics <= {one.topic for one in received})
        reported = {one.topic: one.payload for one in received}
        assert reported["sensor/presence/dev-7h1p2r"] == b"on"
        assert reported["sensor/presence/dev-5k2m8q"] == b"off"
        assert reported["sensor/status"] == b"online"
        assert json.loads(reported[HOME_CONFIG])["device"]["name"] == "PRN-3F-EAST"
        output._client.socket().shutdown(socket.SHUT_RDWR)
        until(lambda: (received[-1].topic, received[-1].payload) == ("sensor/status", b"offline"))
        output.open()
        until(lambda: received[-1].payload == b"online")
        output.close()
        until(lambda: received[-1].payload == b"offline")


def test_what_home_assistant_is_reported() -> None:
    """Messages have Home Assistant's keys once, a name from the device's attributes, and valid ids."""
    topics = HomeAssistant()
    (topic, payload), (state, on) = presence(RECORDS["device_identified"], topics)
    assert (topic, state, on) == ("homeassistant/binary_sensor/dev-5k2m8q/config", "sensor/presence/dev-5k2m8q", b"on")
    assert json.loads(payload) == {
        "name": None,
        "unique_id": "sensor_dev-5k2m8q",
        "device_class": "connectivity",
        "state_topic": "sensor/presence/dev-5k2m8q",
        "payload_on": "on",
        "payload_off": "off",
        "availability_topic": "sensor/status",
        "origin": {"name": "Passive network sensor", "sw_version": "0.1.0"},
        "device": {
            "identifiers": ["sensor_dev-5k2m8q"],
            "name": "PRN-3F-EAST",
            "manufacturer": "Kyocera",
            "model": "ECOSYS M3655idn",
            "sw_version": "2S7_2000.C03.010",
            "serial_number": "VXY1234567",
            "connections": [["mac", "00:17:c8:1a:2b:3c"]],
        },
    }
    bare = RECORDS["device_new"] | {
        "device": {"id": "sha256:a/b+c#", "randomised_mac": True, "macs": ["02:00:00:00:00:01"]}
    }
    (topic, payload), (state, _) = presence(bare, topics)
    assert re.fullmatch(r"homeassistant/binary_sensor/[a-zA-Z0-9_-]+/config", topic)
    assert not set(state) & set("+#:")
    assert json.loads(payload)["device"] == {"identifiers": ["sensor_sha256_a_b_c_"], "name": "sha256:a/b+c#"}
    assert list(presence({"kind": "device", "action": "new"}, topics)) == []


def test_two_devices_become_one() -> None:
    """The merged device is removed from Home Assistant: empty retained messages delete its entries."""
    found = list(presence(RECORDS["device_merged"], HomeAssistant()))
    assert found[1:] == [("homeassistant/binary_sensor/dev-1a2b3c/config", b""), ("sensor/presence/dev-1a2b3c", b"")]


@pytest.mark.parametrize(
    "more",
    [
        {"url": "http://h"}, {"url": "mqtt://u:p@h"}, {"url": "mqtt://"}, {"url": "mqtt://h:x"},
        {"url": "mqtt://h/path"}, {"password": "env:P"}, {"topic": ""},
        {"topic": "a/+"}, {"topic": "a/#"}, {"topic": "$SYS/a"}, {"topic": "a/{kinds}"}, {"topic": "a\n"},
        {"home_assistant": {"state": "a"}},
        {"home_assistant": {"status": "a/{kind}"}}, {"home_assistant": {"prefix": ""}},
    ],
)  # fmt: skip
def test_invalid_options(more: dict[str, Any]) -> None:
    """Invalid options are reported when the configuration is read."""
    with pytest.raises(ValidationError):
        Options.model_validate({"url": "mqtt://h"} | more)
