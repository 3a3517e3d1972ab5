"""Redis streams against the real server: once, in order, through crashes, and errors.

Cost of send(), Python 3.11 (two cores, shared, server on the same machine): about 22,000 events/s in batches of 500
with ``appendfsync always``, 38,000 with ``everysec``, with which kill -9 was seen to lose what had been acknowledged.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import redis as client_library
from pydantic import ValidationError

from sensor.core.output import Ack, Entry, Retry
from sensor.outputs.redis import Options, Redis
from tests.golden import Golden
from tests.outputs.authority import Authority
from tests.outputs.batches import delivered, entries, ids
from tests.outputs.invalid import faults_of
from tests.outputs.servers_redis import MISSING, RedisServer
from tests.waiting import until

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)
STREAM = "sensor:hq-3f-01:alert"
KINDS = ("device", "alert", "incident", "sensor")
ALERTS = ("alert_open",)


@pytest.fixture(scope="module")
def running() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def server(running: RedisServer) -> Iterator[RedisServer]:
    """An empty server with its initial configuration."""
    with connect(running) as requested:
        requested.flushall()
    yield running
    with connect(running) as requested:
        requested.config_set("maxmemory", "0")


def connect(server: RedisServer) -> client_library.Redis:
    return client_library.Redis(port=server.port)


def output(server: RedisServer, **more: Any) -> Redis:
    made = Redis("redis", Options.model_validate({"url": f"redis://127.0.0.1:{server.port}", "timeout_s": 5} | more))
    made.open()
    return made


def held(server: RedisServer, sensor: str = "hq-3f-01", kinds: Sequence[str] = KINDS) -> list[str]:
    """Ids in the streams of a sensor, one stream after the other."""
    with connect(server) as requested:
        return [fields[b"id"].decode() for kind in kinds for _, fields in requested.xrange(f"sensor:{sensor}:{kind}")]


def by_kind(batch: Sequence[Entry]) -> list[str]:
    return [one.id for kind in KINDS for one in batch if one.kind == kind]


def test_a_record_is_an_entry(server: RedisServer) -> None:
    """An entry has id, kind and severity for consumers to filter by, and the formatted record."""
    batch = entries(5)
    out = output(server)
    assert out.send(batch) == Ack()
    out.close()
    with connect(server) as requested:
        found = requested.xrange(STREAM)
    assert batch[0].kind == "alert"
    assert found == [
        (b"1-0", {b"id": batch[0].id.encode(), b"kind": b"alert", b"severity": b"high", b"data": batch[0].payload})
    ]


def test_what_was_left_out_or_hashed(server: RedisServer) -> None:
    """Records with omitted fields, or with a hash in place of the sensor, have a stream too."""
    out, (one,) = output(server), entries(1)
    assert (
        out.send(
            [Entry(1, {"id": "x", "kind": "alert"}, b"{}"), Entry(2, {**one.record, "sensor": "sha256:01"}, b"{}")]
        )
        == Ack()
    )
    out.close()
    assert len(held(server, "none")) == 2


def test_what_comes_again_is_there_once(server: RedisServer) -> None:
    """A repeated batch, a part of it, or a mix of old and new adds no duplicates: the order stays, ids are the log's
    numbers.
    """
    out, batch = output(server), entries(2500)
    for part in (batch[:1500], batch[:1500], batch[700:900], batch[1000:], batch):
        out.send(part)
    out.close()
    assert held(server) == by_kind(batch)
    with connect(server) as requested:
        assert [place for place, _ in requested.xrange(STREAM)] == [
            f"{one.seq}-0".encode() for one in batch if one.kind == "alert"
        ]


def test_an_alert_that_overtakes_excludes_no_other(server: RedisServer) -> None:
    """Records with lower numbers are stored after an alert with a higher one; each sensor has its own numbers."""
    out, batch, there = output(server), entries(50), entries(50, sensor="hq-4f-01")
    alerts = [one for one in batch if one.kind == "alert"]
    for part in (alerts, [one for one in batch if one.kind != "alert"], there):
        out.send(part)
    out.close()
    assert held(server) == by_kind(batch)
    assert held(server, "hq-4f-01") == by_kind(there)


def test_a_log_that_began_again(server: RedisServer) -> None:
    """After a reinstallation numbers start at one: no record is taken for a repeat, and each is stored once."""
    out, old, new = output(server), entries(40, cases=ALERTS), entries(60, cases=ALERTS)
    new = [Entry(one.seq, {**one.record, "id": f"N{one.id[1:]}"}, one.payload) for one in new]
    for part in (old, new[:20], new[:20], new[10:30], new[20:], new[20:]):
        out.send(part)
    out.close()
    assert held(server)[:70] == ids(old) + ids(new[:30])
    assert sorted(held(server)) == sorted(ids(old) + ids(new))
    with connect(server) as requested:
        assert [place.decode() for place, _ in requested.xrange(STREAM)][38:42] == ["39-0", "40-0", "40-1", "40-2"]


def test_a_log_that_began_again_reaches_the_number_of_the_old(server: RedisServer) -> None:
    """Entries of the new log are behind the newest number of the old one. When the new log reaches this number, a batch
    reads a part of them, each record is still stored once, and so is a batch that is composed differently.
    """
    out, count = output(server), 4000
    new = [Entry(one.seq, {**one.record, "id": f"N{one.id[1:]}"}, one.payload) for one in entries(4010, cases=ALERTS)]
    out.send(entries(1, first=count, cases=ALERTS))
    out.send(new[: count - 5])
    with connect(server) as requested:
        before = requested.info("stats")["total_net_output_bytes"]
        for begin, end in ((count - 5, count + 5), (count - 10, count + 10)):
            out.send(new[begin:end])
        assert requested.info("stats")["total_net_output_bytes"] - before < count * 2000 / 2
    out.close()
    assert sorted(held(server)[1:]) == sorted(ids(new))


def test_one_that_was_left_out(server: RedisServer) -> None:
    """A record that the server rejected for lack of memory is stored later, once, after the following ones."""
    out, batch = output(server), entries(20, cases=ALERTS)
    out.send(batch[:5] + batch[6:])
    for _ in range(3):
        out.send(batch)
    out.close()
    assert held(server) == ids(batch[:5] + batch[6:] + batch[5:6])


def test_old_entries_go(server: RedisServer) -> None:
    """The stream is trimmed to the configured length."""
    batch = entries(3000, cases=ALERTS)
    out = output(server, max_entries=1000)
    out.send(batch)
    out.close()
    assert 1000 <= len(held(server)) < 1200
    assert held(server)[-1] == batch[-1].id


def test_nothing_is_lost_or_doubled_when_it_is_killed(server: RedisServer) -> None:
    """After kill -9 at random moments and a restart with its data nothing is lost or duplicated."""
    out, batch, over = output(server, timeout_s=10), entries(20_000), threading.Event()
    rng = random.Random(7)
    tries: list[int] = []

    def deliver() -> None:
        tries.extend(delivered(out, batch[start : start + 500]) for start in range(0, len(batch), 500))
        over.set()

    thread = threading.Thread(target=deliver)
    thread.start()
    for _ in range(12):
        if over.wait(rng.uniform(0.1, 0.2)):
            break
        server.kill()
        server.start()
    thread.join()
    out.close()
    assert over.is_set()
    assert sum(tries) >= 3
    assert held(server) == by_kind(batch)


def test_on_disk_before_it_counts(server: RedisServer) -> None:
    """With ``appendfsync everysec`` delivered records survive kill -9, since the output waits for the write."""
    with connect(server) as requested:
        requested.config_set("appendfsync", "everysec")
    out, batch = output(server, synced=True), entries(300)
    assert [(one.what, one.level) for one in out.check()][-1] == ("durability", "ok")
    assert out.send(batch) == Ack()
    out.close()
    server.kill()
    server.start()
    until(lambda: held(server) == by_kind(batch))
    out = output(server, synced=True, timeout_s=1)
    with connect(server) as requested:
        requested.config_set("appendonly", "no")
        with pytest.raises(Retry, match="appendonly is disabled"):
            out.send(batch)
        requested.config_set("appendonly", "yes")
        until(lambda: not requested.info("persistence")["aof_rewrite_in_progress"])
    out.close()


def test_a_server_that_stands_still(server: RedisServer) -> None:
    """A server that hangs costs the time-out; the retried batch is stored once when it resumes."""
    out, batch = output(server, timeout_s=0.5), entries(20)
    server.pause()
    begun = time.monotonic()
    try:
        with pytest.raises(Retry, match="Redis: Timeout"):
            out.send(batch)
    finally:
        server.go_on()
    assert time.monotonic() - begun < 30
    out.close()
    delivered(out := output(server), batch)
    out.close()
    assert held(server) == by_kind(batch)


def test_a_full_server_takes_the_batch_later(server: RedisServer) -> None:
    """Out of memory refuses no records, and none of them counts as sent."""
    out, batch = output(server), entries(100)
    with connect(server) as requested:
        requested.config_set("maxmemory", "1")  # byte: less than it uses in any case
        with pytest.raises(Retry, match="memory"):
            out.send(batch)
        requested.config_set("maxmemory", "0")
    out.send(batch)
    out.close()
    assert held(server) == by_kind(batch)


def test_a_key_of_another_kind(server: RedisServer) -> None:
    """A key with another data type refuses no records."""
    out, batch = output(server), entries(10)
    with connect(server) as requested:
        requested.set(STREAM, "x")
        with pytest.raises(Retry, match="WRONGTYPE"):
            out.send(batch)
        requested.delete(STREAM)
    out.send(batch)
    out.close()
    assert held(server) == by_kind(batch)


def test_logins_and_rights(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong password or read-only user is reported without a secret."""
    monkeypatch.setenv("REDIS_PASSWORD", "correct horse")
    with connect(server) as requested:
        requested.execute_command(
            "ACL", "SETUSER", "sensor", "on", ">correct horse", "~*", "+@read", "+@connection", "+info"
        )
        out = output(server, user="sensor", password="env:REDIS_PASSWORD")
        with pytest.raises(Retry, match="permissions"):
            out.send(entries(1))
        reported = list(out.check())
        assert [(one.what, one.level) for one in reported][-2:] == [("auth", "ok"), ("permission", "error")]
        assert "sensor" in reported[-2].message
        requested.execute_command(
            "ACL",
            "SETUSER",
            "sensor",
            "resetkeys",
            "%RW~sensor:*",
            "-@all",
            "+xadd",
            "+xrange",
            "+xinfo|stream",
            "+ping",
        )
        assert [(one.what, one.level) for one in out.check()][-2:] == [("permission", "ok"), ("durability", "warning")]
        out.send(entries(3))
        out.send(entries(3))
        out.close()
    assert held(server) == by_kind(entries(3))
    monkeypatch.setenv("REDIS_PASSWORD", "battery staple")
    with pytest.raises(Retry, match="invalid username-password") as raised:
        output(server, user="sensor", password="env:REDIS_PASSWORD")
    assert "staple" not in str(raised.value)


def test_the_check_leaves_nothing_behind(golden: Golden, server: RedisServer) -> None:
    """The check reports its steps in order, and does not create the stream."""
    out = Redis("redis", Options(url=f"redis://localhost:{server.port}"))
    assert [(one.what, one.level) for one in out.check()] == [
        (what, "ok") for what in ("dns", "tcp", "auth", "permission", "durability")
    ]
    with connect(server) as requested:
        assert requested.keys("*") == []
        requested.config_set("appendonly", "no")
        try:
            assert [(one.what, one.level) for one in out.check()][-1] == ("durability", "warning")
        finally:
            requested.config_set("appendonly", "yes")
            until(lambda: not requested.info("persistence")["aof_rewrite_in_progress"])
        requested.config_set("appendfsync", "everysec")
        golden(list(out.check())[-1].message, "always")
        requested.config_set("appendfsync", "always")
        requested.config_set("maxmemory", "100mb")
        requested.config_set("maxmemory-policy", "allkeys-lru")
        assert "allkeys-lru" in list(out.check())[-1].message
        requested.config_set("maxmemory-policy", "noeviction")
    out.close()
    out.close()


def test_a_server_that_is_away() -> None:
    """A refused connection is reported by open and by the check, before any command is sent."""
    out = Redis("redis", Options(url="redis://127.0.0.1:1", timeout_s=1))
    with pytest.raises(Retry, match="refused"):
        out.open()
    assert [one.level for one in out.check()][-1] == "error"
    with pytest.raises(Retry, match="not connected"):
        Redis("redis", Options(url="redis://127.0.0.1:1")).send(entries(1))
    out.close()


def test_over_a_socket(server: RedisServer) -> None:
    """A path connects over the Unix socket; the database has its own option."""
    out = Redis("redis", Options(url=f"unix://{server.socket}", database=3))
    assert [one.what for one in out.check()] == ["auth", "permission", "durability"]
    out.send(entries(4))
    out.close()
    with client_library.Redis(port=server.port, db=3) as requested:
        assert requested.xlen(STREAM) == 1


def test_over_tls(tmp_path: Path) -> None:
    """The server's certificate must be issued by the CA for its name, or for the configured name."""
    authority, untrusted = Authority(tmp_path), Authority(tmp_path, "Another")
    pair = authority.issue("redis", ("redis.example",))
    with RedisServer(certificate=pair.certificate, key=pair.key, ca=authority.ca) as server:
        url = f"rediss://127.0.0.1:{server.tls_port}"
        out = Redis(
            "redis", Options.model_validate({"url": url, "tls": {"ca": authority.ca, "server_name": "redis.example"}})
        )
        assert [one.level for one in out.check()] == ["ok"] * 6
        out.send(entries(4))
        out.close()
        assert held(server) == by_kind(entries(4))
        for tls in ({"ca": authority.ca}, {"ca": untrusted.ca, "server_name": "redis.example"}):
            out = Redis("redis", Options.model_validate({"url": url, "tls": tls}))
            with pytest.raises(Retry, match="certificate verify failed"):
                out.open()
            assert [(one.what, one.level) for one in out.check()][-1] == ("tls", "error")
            out.close()


def test_replicas_must_have_it(server: RedisServer) -> None:
    """Where two copies are required, one is not enough."""
    out = output(server, replicas=1, timeout_s=1)
    with pytest.raises(Retry, match="0 of 1 replicas"):
        out.send(entries(5))
    out.close()
    with RedisServer(f"replicaof 127.0.0.1 {server.port}") as second:
        out = output(server, replicas=1)
        assert delivered(out, entries(5)) <= 200
        out.close()
        assert held(second) == held(server) == by_kind(entries(5))


def test_a_primary_that_became_a_replica(server: RedisServer) -> None:
    """The server's answer reports that it is a replica."""
    with RedisServer(f"replicaof 127.0.0.1 {server.port}") as second:
        out = output(second)
        with pytest.raises(Retry, match="read only replica"):
            out.send(entries(1))
        out.close()


def test_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its package the output reports what to install, without a traceback."""
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(Retry, match=r"pip install 'passive-network-sensor\[redis\]'"):
        Redis("redis", Options(url="redis://127.0.0.1")).open()


@pytest.mark.parametrize(
    "options",
    [
        {"url": "http://host"},
        {"url": "redis://"},
        {"url": "unix://"},
        {"url": "redis://host:port"},
        {"url": "redis://host/events"},
        {"url": "redis://:secret@host"},
        {"url": "redis://host", "prefix": ""},
        {"url": "redis://host", "max_entries": 999},
    ],
)
def test_faults_of_the_configuration(golden: Golden, options: dict[str, Any]) -> None:
    """Faults of the configuration are reported when it is read, without secrets."""
    with pytest.raises(ValidationError) as found:
        Options.model_validate(options)
    golden(faults_of(found))
    assert "secret" not in str(found.value.errors(include_input=False, include_url=False, include_context=False))
