"""The receiver of the tests itself, and outputs over HTTP through crashes of a receiver in its own process."""

from __future__ import annotations

import contextlib
import importlib
import random
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from sensor.core.output import BatchRejected, Entry, Output, Retry
from tests import sampling
from tests.outputs.batches import delivered, entries, ids
from tests.outputs.receiver import Store
from tests.outputs.servers_receiver import ReceiverServer
from tests.outputs.services import SECRET

OUTPUTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "plain": ("http", "Http", {}),
    "bulk": ("elasticsearch", "Elasticsearch", {"format": "native"}),
    "hec": ("splunk_hec", "SplunkHec", {"token": "env:SECRET", "ack_timeout_s": 0.2}),
    "sentinel": (
        "sentinel",
        "Sentinel",
        {"rule": "dcr-1", "tenant": "t", "client_id": "c", "client_secret": "env:SECRET"},
    ),
}
BATCH, BATCHES = 25, 60


def made(service: str, url: str, **more: Any) -> Output:
    module, name, options = OUTPUTS[service]
    kind = getattr(importlib.import_module(f"sensor.outputs.{module}"), name)
    login = {"login": url} if service == "sentinel" else {}
    output: Output = kind("test", kind.Options.model_validate({"url": url, "timeout_s": 2, **options, **login, **more}))
    return output


def id_of(record: dict[str, Any]) -> str:
    """The id of a record, where each service stores it."""
    return str(record.get("EventId") or record.get("id") or record["fields"]["record_id"])


@pytest.mark.parametrize("service", sampling.drawn(list(OUTPUTS), 2, "kills of receivers"))
def test_kill_9_of_the_receiver(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After random kills nothing is lost, the order is kept, and services that know ids have no duplicates."""
    monkeypatch.setenv("SECRET", SECRET)
    batches = [entries(BATCH, first=1 + number * BATCH) for number in range(BATCHES)]
    chance = random.Random(5)
    ended = threading.Event()

    def killer() -> None:
        while not ended.wait(chance.uniform(0.1, 0.5)):
            server.kill()
            server.start()

    with ReceiverServer(service) as server:
        output = made(service, server.url)
        output.open()
        thread = threading.Thread(target=killer)
        thread.start()
        try:
            tries = 0
            for batch in batches:
                tries += delivered(output, batch)
                time.sleep(0.01)
        finally:
            ended.set()
            thread.join()
            output.close()
        found = [id_of(record) for record in server.stored()]
    assert tries > 0
    assert list(dict.fromkeys(found)) == [one for batch in batches for one in ids(batch)]
    if service == "bulk":
        assert len(found) == len(set(found))


ANSWERS = (
    b'HTTP/1.1 200 OK\r\nContent-Length: 62\r\n\r\n{"errors":true,"items":[{"create":{"status":201,"_id":"abcd"}}]}',
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nSet-Cookie: "
        b'a=b\r\n\r\n1d\r\n{"text":"Success","code":0,"ackId":1}\r\n0\r\n\r\n'
    ),
    b'HTTP/1.1 200 OK\r\nContent-Length: 42\r\n\r\n{"access_token":"abc","expires_in":1e999999}',
    (
        b'HTTP/1.1 400 Bad Request\r\nContent-Length: 64\r\n\r\n{"text":"Invalid data '
        b'format","code":6,"invalid-event-number":1}  '
    ),
    b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: Wed, 21 Oct 2037 07:28:00 GMT\r\nContent-Length: 0\r\n\r\n",
    (
        b"HTTP/1.1 403 Forbidden\r\nContent-Encoding: gzip\r\nContent-Length: "
        b'41\r\n\r\n{"error":{"code":"Denied","message":"no"}}'
    ),
)
PIECES = (
    b"\r\n",
    b"\0",
    b"\xff\xfe",
    b"9" * 30,
    b"-1",
    b"null",
    b"{",
    b"[",
    b'"',
    b"Content-Length: 5\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"1e400",
    b": ",
)


def mutated(chance: random.Random) -> bytes:
    """An answer with pieces inserted, removed or moved."""
    made = chance.choice(ANSWERS)
    for _ in range(chance.randrange(4)):
        place, size = chance.randrange(len(made)), chance.randrange(12)
        made = (
            made[:place]
            + chance.choice((b"", chance.choice(PIECES), chance.randbytes(3)))
            + made[place + chance.choice((0, size)) :]
        )
    return made


def outcome(output: Output, batch: list[Entry]) -> Exception | None:
    """The exception that sending ends with; None where the batch is accounted for."""
    try:
        output.open()
        ack = output.send(batch)
    except (Retry, BatchRejected) as error:
        return error
    assert set(ack.refused) | set(ack.busy) <= {0, 1}
    return None


@pytest.mark.parametrize("service", sampling.drawn(list(OUTPUTS), 2, "answers"))
def test_any_answer_at_all(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After any answer the batch is accounted for or retried, and no other exception is raised."""
    monkeypatch.setenv("SECRET", SECRET)
    chance, ended, batch = random.Random(7), threading.Event(), entries(2)

    def serve() -> None:
        while not ended.is_set():
            with contextlib.suppress(OSError), listening.accept()[0] as connection:
                connection.settimeout(1)
                while connection.recv(65536) and chance.random() < 0.8:
                    connection.sendall(mutated(chance))

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.05)
        thread = threading.Thread(target=serve)
        thread.start()
        output = made(service, f"http://127.0.0.1:{listening.getsockname()[1]}", timeout_s=0.05)
        outcomes = set()
        try:
            for _ in range(60):
                error = outcome(output, batch)
                assert str(error).isprintable()
                assert 0 <= (getattr(error, "after_s", None) or 0) <= 3600
                outcomes.add(type(error))
                assert all(finding.message.isprintable() for finding in output.check())
        finally:
            output.close()
            ended.set()
            thread.join()
    assert Retry in outcomes


def test_a_line_that_was_cut_is_dropped_at_the_start(tmp_path: Path) -> None:
    """A truncated last line, which was never acknowledged, is dropped; the next record starts a new line."""
    path = tmp_path / "store"
    path.write_bytes(b'{"id":"a"}\n{"id":"b"')
    store = Store(path)
    assert store.ids == {"a"}
    store.add([b'{"id":"c"}'])
    store.close()
    assert path.read_bytes() == b'{"id":"a"}\n{"id":"c"}\n'
