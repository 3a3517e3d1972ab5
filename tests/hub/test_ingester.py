"""A database that is reachable and cannot be used: that is no fault of a message."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import msgspec
import pytest

from sensor.hub.ingester import Ingester
from sensor.hub.worker import Worker
from sensor.outputs.hub_protocol import messages
from sensor.outputs.hub_protocol.credentials import load_credentials
from sensor.outputs.hub_protocol.messages import Question
from tests.hub.hub_kit import HubServers
from tests.hub.test_versions import message

if TYPE_CHECKING:
    from typing import LiteralString

    from nats.aio.client import Client
    from nats.aio.msg import Msg

FAULTS: dict[str, tuple[list[LiteralString], list[LiteralString]]] = {
    "read_only": (
        ["ALTER DATABASE postgres SET default_transaction_read_only = on"],
        ["SET default_transaction_read_only = off", "ALTER DATABASE postgres RESET default_transaction_read_only"],
    ),
    "table": (["ALTER TABLE logs RENAME TO elsewhere"], ["ALTER TABLE elsewhere RENAME TO logs"]),
}


def execute(servers: HubServers, statements: list[LiteralString]) -> None:
    with servers.base() as base:
        for statement in statements:
            base.execute(statement)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_batch_waits_for_the_database(servers: HubServers, tmp_path: Path, fault: str) -> None:
    """Some providers make a full database read-only; a table may be missing. The batch is neither acknowledged nor in
    quarantine, and is stored once the database works again.
    """
    servers.empty()
    taken = [message(load_credentials(servers.joined("office-1", tmp_path)).pair.public)]
    begins, ends = FAULTS[fault]
    ingester = Ingester(servers.hub, cast("Client", None))
    execute(servers, begins)
    try:
        assert ingester._commit(taken) is None
    finally:
        execute(servers, ends)
    assert servers.queried("SELECT count(*) FROM quarantine") == [(0,)]
    outcomes = ingester._commit(taken)
    ingester._store.close()
    assert outcomes is not None
    assert [one.reason for one in outcomes.values()] == [""]
    assert servers.queried("SELECT count(*) FROM events") == [(5,)]
    servers.empty()


def question(key: str) -> Msg:
    """A request for the committed numbers of a log."""
    return cast("Msg", SimpleNamespace(subject=f"{messages.ASK}.{key}", data=msgspec.json.encode(Question("e1"))))


def test_a_request_waits_for_the_database(servers: HubServers) -> None:
    """It is not answered, and not called invalid: the sensor repeats it. An invalid one is refused."""
    begins, ends = FAULTS["table"]
    worker = Worker(servers.hub)
    execute(servers, begins)
    try:
        assert worker._answer_to(question("K1")) is None
    finally:
        execute(servers, ends)
    assert worker._answer_to(question("K1")) == b'{"high":0,"wanted":null,"states":[]}'
    invalid = cast("Msg", SimpleNamespace(subject=f"{messages.ASK}.K1", data=b"{}"))
    assert b"refused" in (worker._answer_to(invalid) or b"")
    worker._requests.close()
