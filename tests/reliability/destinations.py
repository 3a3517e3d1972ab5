"""Destinations of events in tests of reliability: real servers, the options of their outputs, and the records they
stored, in order.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from tests.outputs import servers_nats, servers_postgresql, servers_rsyslog
from tests.outputs.servers_base import Server
from tests.outputs.servers_nats import NatsServer
from tests.outputs.servers_postgresql import PASSWORD, PostgresqlServer
from tests.outputs.servers_receiver import ReceiverServer
from tests.outputs.servers_rsyslog import Rsyslog

# Short, since receivers are down for moments only and tests do not wait.
PATIENCE = {"timeout_s": 5, "backoff_s": 0.05, "backoff_max_s": 0.4, "batch_ms": 100}


class Arrival(NamedTuple):
    """A record at a destination. ``at``: arrival time, if known; ``made``: its own time."""

    seq: int
    id: str
    kind: str
    made: str
    at: float = 0

    @property
    def late(self) -> float:
        """Seconds between creation and arrival."""
        return self.at - datetime.fromisoformat(self.made).timestamp()


class Destination(NamedTuple):
    """``exact``: it stores no duplicates; ``options``: those of the output; ``arrived``: its records, for each part
    that has its own order.
    """

    name: str
    server: Server
    exact: bool
    options: dict[str, Any]
    arrived: Callable[[], list[list[Arrival]]]


def arrival(record: dict[str, Any], at: float = 0) -> Arrival:
    return Arrival(record["sensor"]["seq"], record["id"], record["kind"], record["ts"], at)


def http(service: str = "plain", **more: Any) -> Destination:
    server = ReceiverServer(service)
    options = {"type": "http", "url": server.url, **PATIENCE, **more}
    return Destination(
        "http", server, exact=False, options=options, arrived=lambda: [[arrival(one) for one in server.stored()]]
    )


def bulk(**more: Any) -> Destination:
    server = ReceiverServer("bulk")
    options = {"type": "elasticsearch", "url": server.url, "format": "native", **PATIENCE, **more}
    return Destination(
        "bulk", server, exact=True, options=options, arrived=lambda: [[arrival(one) for one in server.stored()]]
    )


def jetstream(**more: Any) -> Destination:
    server = NatsServer()
    options = {"type": "nats", "servers": [server.url], "create_stream": True, **PATIENCE, **more}
    return Destination("jetstream", server, exact=True, options=options, arrived=lambda: [asyncio.run(_read(server))])


async def _read(server: NatsServer) -> list[Arrival]:
    import nats

    client = await nats.connect(server.url)
    try:
        context = client.jetstream()
        count = (await context.stream_info("SENSOR")).state.messages
        reader = await context.subscribe(">", stream="SENSOR", ordered_consumer=True)
        found = []
        for _ in range(count):
            message = await reader.next_msg(timeout=10)
            found.append(arrival(json.loads(message.data), message.metadata.timestamp.timestamp()))
        return found
    finally:
        await client.close()


def kafka(*, straight: bool = False, **more: Any) -> Destination:
    """``straight``: without the process in front of the broker, which can be killed, but is slower."""
    from tests.outputs.servers_kafka import KafkaServer

    server = KafkaServer()
    if straight:
        server.broker.start()
    address = f"127.0.0.1:{server.broker.behind}" if straight else server.address
    options = {"type": "kafka", "brokers": [address], **PATIENCE, **more}

    def arrived() -> list[list[Arrival]]:
        return [[arrival(json.loads(one.payload)) for one in part] for part in server.stored()]

    return Destination("kafka", server.broker if straight else server, exact=False, options=options, arrived=arrived)


def postgresql(**more: Any) -> Destination:
    """A batch is one transaction; transactions have an order, the rows within them have none."""
    server = PostgresqlServer()
    where = {
        "host": "127.0.0.1",
        "port": server.port,
        "database": "postgres",
        "user": "sensor",
        "password": f"file:{server.folder / 'told'}",
    }
    (server.folder / "told").write_text(PASSWORD)
    (server.folder / "told").chmod(0o600)
    options = {"type": "postgresql", **where, "create_table": True, **PATIENCE, **more}

    def arrived() -> list[list[Arrival]]:
        import psycopg

        reported = {"dbname": where["database"], "password": PASSWORD} | {
            name: where[name] for name in ("host", "port", "user")
        }
        with psycopg.connect(**reported) as connection:
            rows: Iterable[Any] = connection.execute("SELECT body FROM sensor_events ORDER BY xmin::text::bigint, seq")
            return [[arrival(body) for (body,) in rows]]

    return Destination("postgresql", server, exact=True, options=options, arrived=arrived)


def relp(**more: Any) -> Destination:
    """A line that a crash of the server truncated is no record; it is sent again."""
    server = Rsyslog()
    options = {"type": "relp", "host": "127.0.0.1", "port": server.relp, "format": "native", **PATIENCE, **more}

    def arrived() -> list[list[Arrival]]:
        found = []
        for line in server.lines("relp"):
            try:
                found.append(arrival(json.loads(line[line.index("{") :])))
            except ValueError:
                continue
        return [found]

    return Destination("rsyslog", server, exact=False, options=options, arrived=arrived)


MISSING = {
    "jetstream": servers_nats.MISSING or ("" if importlib.util.find_spec("nats") else "nats-py is not installed"),
    "postgresql": servers_postgresql.MISSING
    or ("" if importlib.util.find_spec("psycopg") else "psycopg is not installed"),
    "kafka": "" if importlib.util.find_spec("confluent_kafka") else "confluent-kafka is not installed",
    "rsyslog": servers_rsyslog.NO_RELP,
}
"""Why a destination cannot be here, by its name."""
MAKES: dict[str, Callable[..., Destination]] = {
    "http": http, "bulk": bulk, "jetstream": jetstream, "kafka": kafka, "postgresql": postgresql, "rsyslog": relp,
}  # fmt: skip


def present() -> list[str]:
    """The destinations whose servers are installed."""
    return [name for name in MAKES if not MISSING.get(name)]
