"""Kafka, against the mock broker of its own library: delivery, order, crashes, rejections and certificates."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from sensor.core.output import Entry, Retry
from sensor.outputs.kafka import Kafka, Options, key_of
from tests.outputs.authority import Authority
from tests.outputs.batches import delivered, entries, ids
from tests.outputs.samples import RECORDS

pytest.importorskip("confluent_kafka", reason="the package confluent-kafka is not installed")
import confluent_kafka
from confluent_kafka import KafkaError, KafkaException

from tests.outputs.servers_base import free_port
from tests.outputs.servers_kafka import KafkaServer, Stored

Opened = Callable[..., Kafka]


@pytest.fixture(scope="module")
def server() -> Iterator[KafkaServer]:
    with KafkaServer() as running:
        yield running


@pytest.fixture
def opened() -> Iterator[Opened]:
    made: list[Kafka] = []

    def make(address: str, **more: Any) -> Kafka:
        made.append(Kafka("k", Options.model_validate({"brokers": [address], "timeout_s": 5} | more)))
        made[-1].open()
        return made[-1]

    yield make
    for one in made:
        one.close()


def in_order(stored: Sequence[Sequence[Stored]], batch: Sequence[Entry]) -> None:
    """Each record is in one partition, in order: duplicates count at their first position, as for a consumer that drops
    them.
    """
    found = [list(dict.fromkeys(one.headers["id"] for one in partition)) for partition in stored]
    assert sorted(each for partition in found for each in partition) == sorted(ids(batch))
    place = {each: number for number, each in enumerate(ids(batch))}
    assert all(partition == sorted(partition, key=place.__getitem__) for partition in found)


def test_what_arrives(server: KafkaServer, opened: Opened) -> None:
    """Every record arrives once, unchanged, with id, kind and severity, its device as the key, in order by device."""
    batch = entries(60)
    ack = opened(server.address, topic="arrives").send(batch)
    assert (dict(ack.refused), ack.busy) == ({}, ())
    stored = [one for partition in server.stored("arrives") for one in partition]
    by_id = {entry.id: entry for entry in batch}
    assert sorted(one.headers["id"] for one in stored) == sorted(by_id)
    for one in stored:
        entry = by_id[one.headers["id"]]
        assert (one.payload, one.headers["kind"], one.headers["severity"]) == (
            entry.payload,
            entry.kind,
            entry.record["severity"],
        )
        assert one.key == key_of(entry.record)
    for key in {one.key for one in stored}:
        assert [one.headers["id"] for one in stored if one.key == key] == [
            entry.id for entry in batch if key_of(entry.record) == key
        ]
        assert len({one.partition for one in stored if one.key == key}) == 1


def test_keys() -> None:
    """The key is the first of: the device, the source of an alert, its address, the sensor."""
    assert key_of(RECORDS["device_new"]) == "dev-7h1p2r"
    alert = RECORDS["alert_open"]
    assert key_of(alert) == alert["src"]["device"]
    assert key_of(alert | {"src": {"ip": "10.0.0.9"}}) == "10.0.0.9"
    assert key_of(RECORDS["sensor_health"]) == "hq-3f-01"


def test_topics_by_record(server: KafkaServer, opened: Opened) -> None:
    """Each kind has a topic; characters that topic names cannot contain are replaced."""
    batch = [Entry(1, entries(1)[0].record | {"kind": kind}, b"{}") for kind in ("device", "älert")]
    assert not opened(server.address, topic="by.{kind}").send(batch).refused
    assert [sum(map(len, server.stored(topic))) for topic in ("by.device", "by._lert")] == [1, 1]


def test_kill_in_mid_batch(opened: Opened) -> None:
    """After kill -9 of the front in mid-batch one producer recovers: nothing is lost, no id is duplicated, and the
    order is kept.
    """
    with KafkaServer() as server:
        output, batch = opened(server.address, timeout_s=10), entries(2000)
        for start in range(0, len(batch), 500):
            threading.Timer(0.001 * start / 500, server.kill).start()
            again = threading.Timer(0.2, server.start)
            again.start()
            assert delivered(output, batch[start : start + 500]) == 0
            again.join()
        # The mock stores retried messages twice, unlike a broker: compare ids.
        in_order(server.stored(), batch)


def test_a_stuck_broker(opened: Opened) -> None:
    """A broker that does not answer costs the time-out; a new producer sends the batch again, in order by device."""
    with KafkaServer() as server:
        output, batch = opened(server.address, timeout_s=1), entries(100)
        server.pause()
        begin = time.monotonic()
        with pytest.raises(Retry, match="Kafka: "):
            output.send(batch)
        assert time.monotonic() - begin < 30
        server.go_on()
        assert not output.send(batch).refused
        in_order(server.stored(), batch)


def test_nothing_listens_there(opened: Opened) -> None:
    """The error contains the library's reason, not only the time-out."""
    with pytest.raises(Retry, match="Connection refused"):
        opened(f"127.0.0.1:{free_port()}", timeout_s=0.5)
    with pytest.raises(Retry, match=r"(?i)resolve"):
        opened("nowhere.invalid", timeout_s=0.5)


def test_nothing_is_left_running(server: KafkaServer, opened: Opened) -> None:
    """The library's threads end when the output is closed."""
    before = len(list(Path("/proc/self/task").iterdir()))
    output = opened(server.address, topic="arrives")
    assert len(list(Path("/proc/self/task").iterdir())) > before
    output.close()
    output.close()
    assert len(list(Path("/proc/self/task").iterdir())) <= before


def test_too_large_for_us(server: KafkaServer, opened: Opened) -> None:
    """A record that the library rejects as too large is refused by its index; the others arrive."""
    batch = entries(3)
    batch[1] = Entry(1, batch[1].record, b"x" * 1_100_000)
    ack = opened(server.address, topic="large").send(batch)
    assert list(ack.refused) == [1]
    assert "too large" in ack.refused[1]
    assert sum(map(len, server.stored("large"))) == 2


def test_check(server: KafkaServer, opened: Opened) -> None:
    """The check reports an existing topic, a missing topic and a closed port."""
    opened(server.address, topic="checked").send(entries(1))
    assert [(one.what, one.level) for one in opened(server.address, topic="checked").check()] == [
        ("dns", "ok"),
        ("tcp", "ok"),
        ("auth", "ok"),
        ("permission", "ok"),
    ]
    found = list(opened(server.address, topic="unmade").check())[-1]
    assert (found.what, found.level) == ("permission", "warning")
    away = Kafka("k", Options.model_validate({"brokers": [f"127.0.0.1:{free_port()}"], "timeout_s": 1}))
    assert [(one.what, one.level) for one in away.check()] == [("dns", "ok"), ("tcp", "error")]


def test_tls(opened: Opened, tmp_path: Path) -> None:
    """TLS with the right CA delivers; a certificate of another CA is rejected and reported."""
    authority, untrusted = Authority(tmp_path), Authority(tmp_path, "Stranger")
    pair = authority.issue("broker")
    with KafkaServer(certificate=pair.certificate, key=pair.key) as server:
        output = opened(server.address, tls={"ca": str(authority.ca)})
        assert not output.send(entries(50)).refused
        assert [one.what for one in output.check()] == ["dns", "tcp", "tls", "auth", "permission"]
        with pytest.raises(Retry, match=r"(?i)certificate verify failed"):
            opened(server.address, timeout_s=1, tls={"ca": str(untrusted.ca)})
        assert not opened(server.address, tls={"ca": str(untrusted.ca), "verify": False}).send(entries(1)).refused
        other = authority.issue("other", ("other.example",))
    with (
        KafkaServer(certificate=other.certificate, key=other.key) as server,
        pytest.raises(Retry, match=r"(?i)certificate verify failed"),
    ):
        opened(server.address, timeout_s=1, tls={"ca": str(authority.ca)})


def test_login_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The library accepts all login settings, and receives the secret only when the output is opened."""
    monkeypatch.setenv("SECRET", "correct")
    pair = Authority(tmp_path).issue("client", client=True)
    tls = {"certificate": str(pair.certificate), "key": str(pair.key), "ca": str(tmp_path / "test-authority.pem")}
    for mechanism in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"):
        reported = {
            "brokers": ["h"],
            "tls": tls,
            "sasl": {"mechanism": mechanism, "user": "u", "password": "env:SECRET"},
        }
        settings = Kafka("k", Options.model_validate(reported))._settings()
        assert (settings["security.protocol"], settings["sasl.password"]) == ("SASL_SSL", "correct")
        confluent_kafka.Producer(settings).close()
    monkeypatch.delenv("SECRET")
    with pytest.raises(Retry, match="env:SECRET"):
        Kafka("k", Options.model_validate(reported)).open()


class Scripted:
    """A producer with scripted brokers: a function of the messages that are in flight together."""

    def __init__(self, sends: Callable[[list[bytes]], list[str | None]]) -> None:
        self.says, self.sent, self.waiting, self.closed = sends, [], [], False

    def __len__(self) -> int:
        return len(self.waiting)

    def produce(self, topic: str, value: bytes, *, on_delivery: Callable[[Any, Any], None], **more: Any) -> None:
        self.waiting.append((value, on_delivery))

    def flush(self, timeout: float) -> int:
        reported, self.waiting = self.waiting, []
        self.sent.append([value for value, _ in reported])
        for (_, on_delivery), name in zip(reported, self.says(self.sent[-1]), strict=True):
            on_delivery(KafkaError(getattr(KafkaError, name)) if name else None, None)
        return 0

    def purge(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


def scripted(sends: Callable[[list[bytes]], list[str | None]]) -> tuple[Kafka, Scripted]:
    output, producer = Kafka("k", Options.model_validate({"brokers": ["h"]})), Scripted(sends)
    output._producer = producer
    return output, producer


def test_one_too_large_for_the_brokers() -> None:
    """Brokers reject all messages that were sent together; each is retried alone, and only the oversized one is
    refused.
    """
    output, producer = scripted(lambda sent: ["MSG_SIZE_TOO_LARGE" if b"L" in sent else None] * len(sent))
    batch = [Entry(1, entries(1)[0].record, value) for value in (b"a", b"L", b"b")]
    ack = output.send(batch)
    assert (list(ack.refused), ack.busy) == ([1], ())
    assert producer.sent == [[b"a", b"L", b"b"], [b"a"], [b"L"], [b"b"]]
    assert not producer.closed


def test_one_of_two_partitions_is_away() -> None:
    """Delivered records are not sent again; a new producer sends the rest."""
    output, producer = scripted(lambda sent: [None if value == b"a" else "REQUEST_TIMED_OUT" for value in sent])
    ack = output.send([Entry(1, entries(1)[0].record, value) for value in (b"a", b"b", b"a", b"b")])
    assert (dict(ack.refused), ack.busy, producer.closed) == ({}, (1, 3), True)


@pytest.mark.parametrize(
    "name",
    [
        "TOPIC_AUTHORIZATION_FAILED",
        "CLUSTER_AUTHORIZATION_FAILED",
        "NOT_ENOUGH_REPLICAS",
        "_FATAL",
        "_FENCED",
        "UNKNOWN_TOPIC_OR_PART",
    ],
)
def test_troubles_that_pass(name: str) -> None:
    """After missing permissions or replicas or a fatal producer error the batch is retried with a new producer."""
    output, producer = scripted(lambda sent: [name] * len(sent))
    with pytest.raises(Retry, match="Kafka: "):
        output.send(entries(3))
    assert producer.closed


def test_no_room_in_the_library(opened: Opened) -> None:
    """A full queue of the library does not refuse records."""

    class Full(Scripted):
        def produce(self, topic: str, value: bytes, **more: Any) -> None:
            raise BufferError if value == b"b" else KafkaException(KafkaError(KafkaError._FATAL))

    output, _ = scripted(lambda _: [])
    output._producer = Full(lambda _: [])
    with pytest.raises(Retry):
        output.send([Entry(1, entries(1)[0].record, value) for value in (b"a", b"b")])


@pytest.mark.parametrize(
    "more",
    [
        {"brokers": []}, {"brokers": ["kafka://h"]}, {"brokers": ["u:p@h"]}, {"brokers": ["h:x"]}, {"topic": "a b"},
        {"topic": "a/{kind}"}, {"topic": ""},
        {"topic": "{kinds}"}, {"tls": {"minimum": "1.3"}}, {"tls": {"server_name": "h"}},
        {"sasl": {"mechanism": "PLAIN", "user": "u", "password": "env:P"}},
        {"sasl": {"user": "u", "password": "open"}}, {"compression": "rar"},
    ],
)  # fmt: skip
def test_invalid_options(more: dict[str, Any]) -> None:
    """Invalid options are reported when the configuration is read."""
    with pytest.raises(ValidationError):
        Options.model_validate({"brokers": ["h"]} | more)
