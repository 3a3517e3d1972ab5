"""PostgreSQL against the real server: one row per record, through crashes; refused records, and errors.

Cost of send(), Python 3.11 (two cores, shared, server on the same machine, fsync on): about 21,000 events/s in batches
of 500, 26,000 in batches of 2,000, and 14,000 on busy cores; COPY into a temporary table, in three round trips, is 15
to 25 % faster. Repeats: 36,000.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import ValidationError

from sensor.core.output import Ack, BatchRejected, Entry, Retry
from sensor.outputs._postgresql_table import COLUMNS
from sensor.outputs.postgresql import Options, Postgresql
from tests.outputs.authority import Authority
from tests.outputs.batches import delivered, entries, ids
from tests.outputs.samples import RECORDS
from tests.outputs.servers_postgresql import MISSING, PASSWORD, PostgresqlServer

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)
TABLE = "siem.sensor_events"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def running(authority: Authority) -> Iterator[PostgresqlServer]:
    pair = authority.issue("postgres", ("db.example",))
    with PostgresqlServer(certificate=pair.certificate.read_bytes(), key=pair.key.read_bytes()) as server:
        yield server


@pytest.fixture
def server(running: PostgresqlServer, monkeypatch: pytest.MonkeyPatch) -> PostgresqlServer:
    """A server without the table."""
    monkeypatch.setenv("PG_SECRET", PASSWORD)
    query(running, "DROP SCHEMA IF EXISTS siem CASCADE")
    return running


def query(server: PostgresqlServer, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(
        host="127.0.0.1", port=server.port, user="sensor", password=PASSWORD, dbname="postgres", autocommit=True
    ) as requested:
        found = requested.execute(statement.encode())
        return found.fetchall() if found.description else []


def output(server: PostgresqlServer, **more: Any) -> Postgresql:
    reported = {
        "host": "127.0.0.1",
        "port": server.port,
        "database": "postgres",
        "password": "env:PG_SECRET",
        "table": TABLE,
        "create_table": True,
    }
    return Postgresql("postgresql", Options.model_validate(reported | {"timeout_s": 5} | more))


def opened(server: PostgresqlServer, **more: Any) -> Postgresql:
    out = output(server, **more)
    out.open()
    return out


def held(server: PostgresqlServer) -> list[str]:
    return [found for (found,) in rows(server, "id")]


def rows(server: PostgresqlServer, what: str) -> list[tuple[Any, ...]]:
    return query(server, f"SELECT {what} FROM {TABLE} ORDER BY seq")  # noqa: S608 constant names only


def test_a_record_is_a_row(server: PostgresqlServer) -> None:
    """Each column of an alert, a device and a sensor event is filled."""
    batch = entries(5)
    out = opened(server)
    assert out.send(batch) == Ack()
    out.close()
    found = {reported[2]: dict(zip(COLUMNS, reported, strict=True)) for reported in rows(server, ", ".join(COLUMNS))}
    alert, device, sensor = found["alert"], found["device"], found["sensor"]
    assert alert["id"] == batch[0].id
    assert alert["ts"].isoformat() == "2026-11-24T09:14:07.318442+00:00"
    assert (alert["action"], alert["severity"], alert["sensor"], alert["seq"]) == ("open", "high", "hq-3f-01", 1)
    assert (str(alert["src_ip"]), str(alert["dst_ip"]), alert["device"]) == ("10.20.30.41", "10.20.1.5", "dev-5k2m8q")
    assert alert["detector"] == "lateral_movement.remote_service"
    assert alert["body"] == batch[0].record
    assert (str(device["src_ip"]), device["dst_ip"], device["device"], device["detector"]) in {
        ("10.20.30.41", None, "dev-5k2m8q", None),
        ("10.20.40.7", None, "dev-7h1p2r", None),
    }
    assert (sensor["src_ip"], sensor["device"], sensor["msg"]) == (None, None, RECORDS["sensor_health"]["msg"])


def test_what_comes_again_changes_nothing(server: PostgresqlServer) -> None:
    """A repeated batch, a part of it, a mix of old and new, and a record twice in a batch add no duplicate rows."""
    out, batch = opened(server), entries(900)
    for part in (batch[:600], batch[:600], batch[200:300], batch[500:], batch[:3] + batch[:3]):
        out.send(part)
    out.close()
    assert held(server) == ids(batch)


def test_other_formats(server: PostgresqlServer) -> None:
    """The body has the configured format; columns are the same."""
    out, batch = opened(server, format="ecs"), entries(3, format="ecs")
    out.send(batch)
    out.close()
    assert rows(server, "body->'event'->>'id' = id") == [(True,)] * 3


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_when_it_is_killed(server: PostgresqlServer) -> None:
    """After kill -9 of all server processes at random moments nothing is lost or duplicated."""
    out, batch, over = opened(server, timeout_s=10), entries(10_000), threading.Event()
    rng = random.Random(11)
    tries: list[int] = []

    def deliver() -> None:
        tries.extend(delivered(out, batch[start : start + 250]) for start in range(0, len(batch), 250))
        over.set()

    thread = threading.Thread(target=deliver)
    thread.start()
    for _ in range(6):
        if over.wait(rng.uniform(0.1, 0.3)):
            break
        server.kill()
        server.start()
    thread.join()
    out.close()
    assert over.is_set()
    assert sum(tries) >= 3
    assert held(server) == ids(batch)


def test_a_server_that_stands_still(server: PostgresqlServer) -> None:
    """A server that hangs costs the time-out; the retried batch is stored once when it resumes."""
    out, batch = opened(server, timeout_s=0.5), entries(20)
    server.pause()
    begun = time.monotonic()
    try:
        with pytest.raises(Retry, match="no answer within"):
            out.send(batch)
        out.close()
        assert time.monotonic() - begun < 60
        with pytest.raises(Retry, match="timeout"):
            out.open()
    finally:
        server.go_on()
    delivered(out, batch)
    out.close()
    assert held(server) == ids(batch)


def test_a_locked_table(server: PostgresqlServer) -> None:
    """While the table is locked for minutes the batch is retried, and no statement stays waiting in the server."""
    out, batch = opened(server, timeout_s=0.5), entries(5)
    with psycopg.connect(
        host="127.0.0.1", port=server.port, user="sensor", password=PASSWORD, dbname="postgres"
    ) as other:
        other.execute(f"LOCK TABLE {TABLE}".encode())
        with pytest.raises(Retry, match="statement timeout"):
            out.send(batch)
        assert query(
            server, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sensor' AND state = 'active'"
        ) == [(0,)]
    out.send(batch)
    out.close()
    assert held(server) == ids(batch)


@pytest.mark.parametrize("state", ["40001", "40P01", "53100", "57P01"])
def test_what_passes(server: PostgresqlServer, state: str) -> None:
    """Serialization failures, deadlocks, full disks and shutdowns refuse no records."""
    out = opened(server)
    query(
        server,
        (
            "CREATE FUNCTION siem.no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not "
            f"now' USING ERRCODE = '{state}'; END $$"
        ),
    )
    query(server, f"CREATE TRIGGER no BEFORE INSERT ON {TABLE} EXECUTE FUNCTION siem.no()")
    with pytest.raises(Retry, match="PostgreSQL: not now"):
        out.send(entries(1))
    out.close()


def test_what_a_row_cannot_hold(server: PostgresqlServer) -> None:
    """An invalid time, a zero character or a violated constraint refuses the batch. None of it is stored, so it can be
    halved.
    """
    out, batch = opened(server), entries(3)
    for name, bad in (("ts", {"ts": "no time"}), ("zero", {"sensor": {"id": "a\0b"}})):
        with pytest.raises(BatchRejected, match="PostgreSQL: ") as refused:
            out.send([*batch[:2], Entry(9, {**batch[2].record, **bad}, batch[2].payload)])
        assert len(str(refused.value)) < 250, name
        assert held(server) == []
    with pytest.raises(BatchRejected, match="json"):
        out.send([*batch, Entry(9, batch[2].record, b"CEF:0|")])
    query(server, f"ALTER TABLE {TABLE} ADD CHECK (kind <> 'alert')")
    with pytest.raises(BatchRejected, match="violates check constraint"):
        out.send(batch)
    out.send([one for one in batch if one.kind != "alert"])
    out.close()
    assert len(held(server)) == 2


def test_what_was_left_out_or_hashed(server: PostgresqlServer) -> None:
    """Records with omitted or hashed fields are rows too."""
    out, (one,) = opened(server), entries(1)
    bare = {key: one.record[key] for key in ("id", "kind")}
    hashed = {
        **one.record,
        "id": "x",
        "src": {"ip": "sha256:0123"},
        "dst": "sha256:4567",
        "sensor": "sha256:89ab",
        "device": {"ips": "sha256:cdef"},
    }
    assert out.send([Entry(1, bare, b"{}"), Entry(2, hashed, b"{}")]) == Ack()
    out.close()
    nothing = (None, None, None, None)
    assert rows(server, "kind, src_ip, dst_ip, sensor, device") == [("alert", *nothing)] * 2
    assert rows(server, "ts IS NULL") == [(True,), (False,)]


def test_zero_characters_are_replaced(server: PostgresqlServer) -> None:
    """Zero characters, which the database cannot store, are replaced; the text of an escape sequence stays."""
    out, (one,) = opened(server), entries(1)
    body = rb'{"a":"x\u0000y","b":"\\u0000","c":"\\\u0000"}'
    out.send([Entry(1, {**one.record, "msg": "a\0b\ud800"}, body)])
    out.close()
    assert rows(server, "msg, body->>'a', body->>'b', body->>'c'") == [("a\ufffdb?", "x\ufffdy", "\\u0000", "\\\ufffd")]


def test_hostile_texts_stay_texts(server: PostgresqlServer) -> None:
    """No text of a record is executed as SQL."""
    out, (one,) = opened(server), entries(1)
    text = "'; DROP TABLE siem.sensor_events; -- %s {1,2} \\ \""
    out.send([Entry(1, {**one.record, "msg": text, "action": text, "sensor": {"id": text}}, one.payload)])
    out.close()
    assert rows(server, "msg, action, sensor") == [(text, text, text)]


def test_a_table_that_is_missing_or_another(server: PostgresqlServer) -> None:
    """A missing or different table is reported with advice by check and send, and created only if configured."""
    out = opened(server, create_table=False)
    with pytest.raises(Retry, match="set create_table: true"):
        out.send(entries(1))
    assert [(one.what, one.level) for one in out.check()][-1] == ("permission", "error")
    query(server, "CREATE SCHEMA siem")
    query(server, f"CREATE TABLE {TABLE} (id text)")
    with pytest.raises(Retry, match="integrations/postgresql"):
        out.send(entries(1))
    query(server, f"DROP TABLE {TABLE}")
    out.close()
    for _ in range(2):
        opened(server).close()
    assert [(one.what, one.level) for one in out.check()][-1] == ("permission", "ok")
    assert held(server) == []
    out.close()


def test_logins_and_rights(server: PostgresqlServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong password or missing permission is reported without a secret. INSERT and SELECT (id) are sufficient."""
    opened(server).close()
    query(server, "DROP ROLE IF EXISTS writer")
    query(server, f"CREATE ROLE writer LOGIN PASSWORD '{PASSWORD}'")
    out = opened(server, user="writer", create_table=False)
    with pytest.raises(Retry, match="permission denied"):
        out.send(entries(1))
    query(server, "GRANT USAGE ON SCHEMA siem TO writer")
    findings = list(out.check())
    assert [(one.what, one.level) for one in findings][-2:] == [("auth", "ok"), ("permission", "error")]
    assert "GRANT INSERT, SELECT" in findings[-1].message
    query(server, f"GRANT INSERT, SELECT (id) ON {TABLE} TO writer")
    assert [one.level for one in out.check()][-1] == "ok"
    out.send(entries(2))
    out.close()
    assert held(server) == ids(entries(2))
    opened(server, user="writer", create_table=True).close()
    monkeypatch.setenv("PG_SECRET", "battery staple")
    with pytest.raises(Retry, match="password authentication failed") as raised:
        opened(server)
    assert "staple" not in str(raised.value)
    assert [(one.what, one.level) for one in output(server).check()][-1] == ("auth", "error")


def test_over_tls(server: PostgresqlServer, authority: Authority, tmp_path: Path) -> None:
    """The certificate must be issued by the CA for the host, or for the configured name."""
    out = output(server, tls={"ca": authority.ca, "server_name": "db.example"})
    assert [(one.what, one.level) for one in out.check()] == [
        (what, "ok") for what in ("dns", "tcp", "tls", "auth", "permission")
    ]
    out.close()
    for tls in (
        {"ca": authority.ca},
        {"ca": Authority(tmp_path, "Another").ca, "server_name": "db.example"},
        {"server_name": "db.example"},
    ):
        out = output(server, tls=tls)
        assert [(one.what, one.level) for one in out.check()][-1] == ("tls", "error")
        out.close()
    out = output(server)
    assert [(one.what, one.level) for one in out.check()][2] == ("tls", "warning")
    out.close()


def test_over_a_socket(server: PostgresqlServer) -> None:
    """A folder in place of a host connects over the Unix socket."""
    out = output(server, host=str(server.folder))
    assert [(one.what, one.level) for one in out.check()] == [(what, "ok") for what in ("tls", "auth", "permission")]
    out.send(entries(2))
    out.close()
    out.close()
    assert len(held(server)) == 2


def test_a_server_that_is_away() -> None:
    """A server that is down is reported by open and by the check."""
    out = Postgresql("postgresql", Options(host="127.0.0.1", port=1, timeout_s=1))
    with pytest.raises(Retry, match="refused"):
        out.open()
    assert [one.level for one in out.check()][-1] == "error"
    with pytest.raises(Retry, match="not connected"):
        out.send(entries(1))
    out.close()


def test_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its package the output reports what to install, without a traceback."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(Retry, match=r"pip install 'passive-network-sensor\[postgresql\]'"):
        Postgresql("postgresql", Options(host="127.0.0.1")).open()


@pytest.mark.parametrize("table", ["", "a.b.c", "events; DROP TABLE x", 'a"b', "1st", "x" * 64, "siem."])
def test_names_of_tables(table: str) -> None:
    """Table names that would need quoting are rejected."""
    with pytest.raises(ValidationError) as raised:
        Options.model_validate({"host": "db", "table": table})
    assert [(one["loc"], one["type"]) for one in raised.value.errors()] == [(("table",), "value_error")]
