"""The receiver of the tests itself, and outputs over HTTP through the deaths of one that is a process of its own."""

from __future__ import annotations

import importlib
import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from sensor.core.output import Output
from tests.outputs.batches import delivered, entries, ids
from tests.outputs.receiver import Store
from tests.outputs.servers_receiver import ReceiverServer
from tests.outputs.services import SECRET

OUTPUTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "plain": ("http", "Http", {}),
    "bulk": ("elasticsearch", "Elasticsearch", {"format": "native"}),
    "hec": ("splunk_hec", "SplunkHec", {"token": "env:SECRET", "ack_timeout_s": 0.2}),
    "sentinel": ("sentinel", "Sentinel", {"rule": "dcr-1", "tenant": "t", "client_id": "c", "client_secret": "env:SECRET"}),
}
BATCH, BATCHES = 25, 60


def made(service: str, url: str) -> Output:
    module, name, options = OUTPUTS[service]
    kind = getattr(importlib.import_module(f"sensor.outputs.{module}"), name)
    login = {"login": url} if service == "sentinel" else {}
    output: Output = kind("test", kind.Options.model_validate({"url": url, "timeout_s": 2, **options, **login}))
    return output


def id_of(record: dict[str, Any]) -> str:
    """Where each service keeps it."""
    return str(record.get("EventId") or record.get("id") or record["fields"]["record_id"])


@pytest.mark.parametrize("service", list(OUTPUTS))
def test_kill_9_of_the_receiver(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some times, at random: nothing is lost, the order is kept, and where ids are known nothing is double."""
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


def test_a_line_that_was_cut_is_dropped_at_the_start(tmp_path: Path) -> None:
    """It was never answered; what follows begins a line of its own."""
    path = tmp_path / "store"
    path.write_bytes(b'{"id":"a"}\n{"id":"b"')
    store = Store(path)
    assert store.ids == {"a"}
    store.add([b'{"id":"c"}'])
    store.close()
    assert path.read_bytes() == b'{"id":"a"}\n{"id":"c"}\n'
