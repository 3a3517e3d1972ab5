"""AMQP against a real RabbitMQ: confirmed and on disk, through broker crashes; returned and oversized messages, and
errors.

Cost of send(), Python 3.11 (two cores, shared, broker on the same machine, durable queue): about 12,000 events/s in
batches of 500, 5,000 on busy cores. The broker needs three seconds to start, which is why this module is slow.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pika  # type: ignore[import-untyped]
import pytest
from pydantic import ValidationError

from sensor.core.output import Ack, BatchRejected, Entry, Retry
from sensor.outputs.amqp import Amqp, Options
from tests import sampling
from tests.golden import Golden
from tests.outputs.authority import Authority
from tests.outputs.batches import delivered, entries, ids
from tests.outputs.invalid import faults_of
from tests.outputs.listener import listener
from tests.outputs.servers_rabbitmq import MISSING, RabbitmqServer
from tests.waiting import until

pytestmark = [pytest.mark.skipif(bool(MISSING), reason=MISSING), pytest.mark.slow]
LARGEST = 100_000


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(authority: Authority) -> Iterator[RabbitmqServer]:
    pair = authority.issue("rabbit", ("mq.example",))
    reported = {
        "certificate": pair.certificate.read_bytes(),
        "key": pair.key.read_bytes(),
        "ca": authority.ca.read_bytes(),
    }
    with RabbitmqServer(f"max_message_size = {LARGEST}", **reported) as made:
        yield made


@pytest.fixture
def queue(request: pytest.FixtureRequest) -> str:
    """A queue for each test, since queues are durable."""
    return str(request.node.name)


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MQ_SECRET", "guest")


def output(server: RabbitmqServer, **more: Any) -> Amqp:
    return Amqp(
        "amqp",
        Options.model_validate(
            {"url": f"amqp://127.0.0.1:{server.port}", "password": "env:MQ_SECRET", "timeout_s": 10} | more
        ),
    )


def opened(server: RabbitmqServer, **more: Any) -> Amqp:
    out = output(server, **more)
    out.open()
    return out


def requested(server: RabbitmqServer) -> Any:
    return pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", server.port))


def taken(server: RabbitmqServer, queue: str) -> list[tuple[Any, Any, bytes]]:
    """All messages of a queue: delivery, properties, body."""
    with requested(server) as connection:
        channel, found = connection.channel(), []
        while (one := channel.basic_get(queue, auto_ack=True))[0] is not None:
            found.append(one)
        return found


def test_a_record_is_a_message(server: RabbitmqServer, queue: str) -> None:
    """A record is a persistent message with its id and the routing key of its site; the queue is declared and bound."""
    out, batch = opened(server, queue=queue, routing_key="sensor.{kind}.{severity}"), entries(3)
    assert out.send(batch) == Ack()
    out.close()
    found = taken(server, queue)
    assert [body for _, _, body in found] == [one.payload for one in batch]
    assert [how.routing_key for how, _, _ in found] == [
        "sensor.alert.high",
        "sensor.device.info",
        "sensor.incident.high",
    ]
    properties = found[0][1]
    assert (properties.message_id, properties.delivery_mode, properties.type, properties.app_id) == (
        batch[0].id,
        2,
        "alert.open",
        "sensor",
    )
    assert (properties.content_type, properties.timestamp, properties.headers) == (
        "application/json",
        1_795_511_647,
        {"severity": "high", "sensor": "hq-3f-01", "seq": 1},
    )


def test_what_was_left_out_or_hashed(server: RabbitmqServer, queue: str) -> None:
    """Records with omitted or hashed fields are delivered as messages."""
    out, (one,) = opened(server, queue=queue, routing_key="sensor.{sensor}.{device}.{type}"), entries(1)
    hashed = {**one.record, "ts": "sha256:01", "sensor": "sha256:23", "src": "sha256:45"}
    assert out.send([Entry(1, {"id": "x", "kind": "alert"}, b"{}"), Entry(2, hashed, b"{}")]) == Ack()
    out.close()
    assert [how.routing_key for how, _, _ in taken(server, queue)] == ["sensor.none.none.none"] * 2


def test_the_default_exchange(server: RabbitmqServer, queue: str) -> None:
    """Without an exchange messages go to the queue of the routing key; text formats have a text content type."""
    out, batch = opened(server, queue=queue, exchange="", routing_key=queue, format="cef"), entries(2, format="cef")
    out.send(batch)
    out.close()
    found = taken(server, queue)
    assert [(properties.content_type, body) for _, properties, body in found] == [
        ("text/plain", one.payload) for one in batch
    ]


@pytest.mark.endurance
def test_nothing_is_lost_when_it_is_killed(server: RabbitmqServer, queue: str) -> None:
    """After kill -9 of the broker during delivery every record is there, in order except for redelivered ones."""
    out, batch, over = opened(server, queue=queue), entries(6000), threading.Event()
    rng = random.Random(3)
    done: list[int] = []

    def deliver() -> None:
        done.extend(delivered(out, batch[start : start + 200]) for start in range(0, len(batch), 200))
        over.set()

    thread = threading.Thread(target=deliver)
    thread.start()
    kills = sampling.repeated(10, 1)
    for _ in range(kills):
        begun = len(done)
        until(lambda begun=begun: len(done) >= begun + 4 or not thread.is_alive())
        time.sleep(rng.uniform(0, 0.05))
        server.kill()
        server.start()
    thread.join()
    out.close()
    assert over.is_set()
    assert sum(done) >= kills
    assert list(dict.fromkeys(properties.message_id for _, properties, _ in taken(server, queue))) == ids(batch)


def test_what_no_queue_wants(server: RabbitmqServer, queue: str) -> None:
    """Unroutable messages are reported with advice and retried; the others are delivered."""
    out, batch = opened(server, routing_key=f"{queue}.{{kind}}"), entries(10)
    with pytest.raises(Retry, match=rf"amq\.topic for {queue}\.alert \(NO_ROUTE\)"):
        out.send(batch)
    with requested(server) as connection:
        channel = connection.channel()
        channel.queue_declare(queue, durable=True)
        channel.queue_bind(queue, "amq.topic", f"{queue}.device")
        ack = out.send(batch)
        assert [batch[place].kind for place in ack.busy] == [one.kind for one in batch if one.kind != "device"]
        channel.queue_bind(queue, "amq.topic", f"{queue}.#")
    assert out.send([batch[place] for place in ack.busy]) == Ack()
    out.close()
    assert sorted(properties.message_id for _, properties, _ in taken(server, queue)) == sorted(ids(batch))
    out = opened(server, routing_key="nobody", mandatory=False)
    assert out.send(batch) == Ack()
    out.close()


def test_a_full_queue(server: RabbitmqServer, queue: str) -> None:
    """Records beyond the capacity of a queue are retried; a queue that accepts nothing is reported."""
    with requested(server) as connection:
        connection.channel().queue_declare(
            queue, durable=True, arguments={"x-max-length": 5, "x-overflow": "reject-publish"}
        )
        out, batch = opened(server, exchange="", routing_key=queue), entries(30)
        busy = out.send(batch).busy
        assert 0 < len(busy) <= 25
        with pytest.raises(Retry, match="a queue is full"):
            out.send([batch[place] for place in busy])
        first = taken(server, queue)
        assert out.send([batch[place] for place in busy[:3]]) == Ack()
        out.close()
    found = [properties.message_id for _, properties, _ in first + taken(server, queue)]
    assert sorted(found) == sorted(one.id for place, one in enumerate(batch) if place not in busy[3:])


def test_a_message_that_is_too_large(server: RabbitmqServer, queue: str) -> None:
    """A message that is too large is refused, so that the batch is halved; the closed connection is opened again."""
    out, batch = opened(server, queue=queue), entries(3)
    with pytest.raises(BatchRejected, match="size"):
        out.send([*batch, Entry(9, batch[0].record, b"x" * (LARGEST + 1))])
    out.close()
    out.open()
    assert out.send(batch) == Ack()
    out.close()


def test_a_broker_that_stands_still(server: RabbitmqServer, queue: str) -> None:
    """A broker that hangs costs the time-out; closing does not wait for it, and no connection stays open."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    out, batch = opened(server, queue=queue, timeout_s=1), entries(5)
    server.pause()
    begun = time.monotonic()
    try:
        with pytest.raises(Retry, match="no answer within 1 s"):
            out.send(batch)
        out.close()
        with pytest.raises(Retry):
            out.open()
    finally:
        server.go_on()
    assert time.monotonic() - begun < 60
    delivered(out, batch)
    out.close()
    out.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_an_alarm_of_the_broker(server: RabbitmqServer, queue: str) -> None:
    """A broker with a full disk blocks messages, and the output reports the alarm."""
    out, batch = opened(server, queue=queue, timeout_s=1), entries(5)
    server.control("set_disk_free_limit", "1000000GB")
    try:
        with pytest.raises(Retry, match="low on disk"):
            out.send(batch)
        out.close()
    finally:
        server.control("set_disk_free_limit", "1MB")
    delivered(out, batch)
    out.close()
    assert set(ids(batch)) == {properties.message_id for _, properties, _ in taken(server, queue)}


def test_what_is_not_there_or_not_allowed(server: RabbitmqServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing exchange, vhost or permission is named by the check and by open, without secrets."""
    out = opened(server, exchange="none")
    with pytest.raises(Retry, match="no exchange 'none'"):
        out.send(entries(1))
    with pytest.raises(Retry, match="no exchange 'none'"):
        out.send(entries(1))
    assert [(one.what, one.level) for one in out.check()] == [
        ("dns", "ok"),
        ("tcp", "ok"),
        ("auth", "ok"),
        ("permission", "error"),
    ]
    out.close()
    out = output(server, url=f"amqp://127.0.0.1:{server.port}/nowhere")
    with pytest.raises(Retry, match="vhost nowhere"):
        out.open()
    monkeypatch.setenv("MQ_SECRET", "battery staple")
    with pytest.raises(Retry, match="ACCESS_REFUSED") as raised:
        opened(server)
    assert "staple" not in str(raised.value)
    assert [(one.what, one.level) for one in output(server).check()][-1] == ("auth", "error")
    with pytest.raises(Retry, match="not connected"):
        output(server).send(entries(1))


def test_over_tls(server: RabbitmqServer, authority: Authority, queue: str, tmp_path: Path) -> None:
    """The certificate must be issued by the CA for the host, or for the configured name."""
    url = f"amqps://127.0.0.1:{server.tls_port}"
    out = output(server, url=url, queue=queue, tls={"ca": authority.ca, "server_name": "mq.example"})
    assert [(one.what, one.level) for one in out.check()] == [
        (what, "ok") for what in ("dns", "tcp", "tls", "auth", "permission")
    ]
    assert out.send(entries(3)) == Ack()
    out.close()
    for tls in ({"ca": authority.ca}, {"ca": Authority(tmp_path, "Another").ca, "server_name": "mq.example"}):
        out = output(server, url=url, tls=tls)
        with pytest.raises(Retry, match="certificate"):
            out.open()
        assert [(one.what, one.level) for one in out.check()][-1] == ("tls", "error")


def test_a_broker_that_is_away() -> None:
    """A broker that is down is reported by open and by the check."""
    out = Amqp("amqp", Options(url="amqp://127.0.0.1:1", timeout_s=1))
    with pytest.raises(Retry, match="refused"):
        out.open()
    assert [one.level for one in out.check()][-1] == "error"
    out.close()


def test_a_peer_that_closes_the_connection(golden: Golden) -> None:
    """A peer that ends the connection is reported without the names of the library."""
    with listener(lambda connection: connection.recv(64)) as port:
        out = Amqp("amqp", Options(url=f"amqp://127.0.0.1:{port}", timeout_s=3))
        with pytest.raises(Retry) as caught:
            out.open()
        golden(caught.value.args[0])
        out.close()


def test_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its package the output reports what to install, without a traceback."""
    monkeypatch.setitem(sys.modules, "pika", None)
    with pytest.raises(Retry, match=r"pip install 'passive-network-sensor\[amqp\]'"):
        Amqp("amqp", Options(url="amqp://127.0.0.1")).open()


@pytest.mark.parametrize(
    "options",
    [
        {"url": "http://host"},
        {"url": "amqp://"},
        {"url": "amqp://host:port"},
        {"url": "amqp://u:secret@host"},
        {"url": "amqp://host", "routing_key": "s.{kinds}"},
    ],
)
def test_faults_of_the_configuration(golden: Golden, options: dict[str, Any]) -> None:
    """Faults of the configuration are reported when it is read, without secrets."""
    with pytest.raises(ValidationError) as found:
        Options.model_validate(options)
    golden(faults_of(found))
    assert "secret" not in str(found.value.errors(include_input=False, include_url=False, include_context=False))
