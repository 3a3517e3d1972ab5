"""Kafka for a test: the mock broker of librdkafka in its own process, which writes down the messages it received, and
in front of it a process that forwards everything on its own port, optionally with TLS, and that crashes and restarts as
a broker with a disk would.

``python -m tests.outputs.servers_kafka broker`` and ``… front --port PORT --behind PORT [--certificate FILE --key
FILE]`` are these processes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import ssl
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from confluent_kafka import Consumer, Producer, TopicPartition

from tests.forked import started
from tests.outputs.servers_base import Server
from tests.waiting import until

HOST = b"127.0.0.1"
STORE = "stored.jsonl"
PROJECT = str(Path(__file__).parents[2])


class Stored(msgspec.Struct, frozen=True):
    """A message as a consumer reads it."""

    topic: str
    partition: int
    offset: int
    key: str
    headers: dict[str, str]
    payload: bytes


class Broker(Server):
    """The mock broker. ``behind``: its port, once it was started."""

    environment = {"PYTHONPATH": PROJECT}
    starts = staticmethod(started)
    behind = 0

    def command(self) -> Sequence[str]:
        return [sys.executable, "-m", "tests.outputs.servers_kafka", "broker"]

    def ready(self) -> bool:
        reported = re.match(rb"port (\d+)\n", self.output.read_bytes())
        self.behind = int(reported[1]) if reported else 0
        return bool(reported)


class KafkaServer(Server):
    """The front; its first start also starts the broker, which lives until ``close``."""

    environment = {"PYTHONPATH": PROJECT}
    starts = staticmethod(started)

    def __init__(self, *, certificate: Path | None = None, key: Path | None = None) -> None:
        super().__init__()
        self._tls = ["--certificate", str(certificate), "--key", str(key)] if certificate else []
        self.broker = Broker()

    def command(self) -> Sequence[str]:
        front = [sys.executable, "-m", "tests.outputs.servers_kafka", "front"]
        return [*front, "--port", str(self.port), "--behind", str(self.broker.behind), *self._tls]

    def start(self) -> None:
        if not self.broker.behind:
            self.broker.start()
        super().start()

    def close(self) -> None:
        super().close()
        self.broker.close()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def stored(self, topic: str = "sensor-events") -> list[list[Stored]]:
        """The messages of each partition, in order, once all were read. Fails if the mock dropped some: it keeps 5 MB
        of each.
        """
        ends = self._ends(topic)

        def read() -> list[list[Stored]]:
            found: list[list[Stored]] = [[] for _ in ends]
            for line in (self.broker.folder / STORE).read_bytes().splitlines():
                one = msgspec.json.decode(line, type=Stored)
                if one.topic == topic:
                    found[one.partition].append(one)
            return found

        until(lambda: [len(have) for have in read()] == ends, apart_s=0.1, what=lambda: (list(map(len, read())), ends))
        found = read()
        assert all(one.offset == place for have in found for place, one in enumerate(have))
        return found

    def _ends(self, topic: str) -> list[int]:
        reader = _reader(self.broker.behind)
        try:
            partitions = sorted(reader.list_topics(topic, timeout=10).topics[topic].partitions)
            return [reader.get_watermark_offsets(TopicPartition(topic, one), timeout=10)[1] for one in partitions]
        finally:
            reader.close()


def _reader(port: int) -> Consumer:
    return Consumer(
        {"bootstrap.servers": f"{HOST.decode()}:{port}", "group.id": "test", "log_level": 0, "fetch.wait.max.ms": 50}
    )


def _broker() -> None:
    """The mock, and a consumer that writes messages down before the mock drops them."""
    mock = Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 1, "log_level": 0})
    (broker,) = mock.list_topics(timeout=10).brokers.values()
    reader = _reader(broker.port)
    print(f"port {broker.port}", flush=True)
    known: set[tuple[str, int]] = set()
    with Path(STORE).open("ab") as store:
        while True:
            found = {
                (name, one) for name, topic in reader.list_topics(timeout=10).topics.items() for one in topic.partitions
            } - known
            if found:
                known |= found
                reader.incremental_assign([TopicPartition(topic, one, 0) for topic, one in sorted(found)])
            for message in reader.consume(5000, timeout=0.05) if known else ():
                headers = {name: value.decode() for name, value in message.headers() or []}
                reported = Stored(
                    message.topic(),
                    message.partition(),
                    message.offset(),
                    (message.key() or b"").decode(),
                    headers,
                    message.value(),
                )
                store.write(msgspec.json.encode(reported) + b"\n")
            store.flush()
            if not known:
                time.sleep(0.05)


async def _front(port: int, behind: int, trust: ssl.SSLContext | None) -> None:
    old, new = HOST + behind.to_bytes(4, "big"), HOST + port.to_bytes(4, "big")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to, of = None, None
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            of, to = await asyncio.open_connection("127.0.0.1", behind)
            await asyncio.gather(_passed(reader, to, b"", b""), _passed(of, writer, old, new))
        writer.close()
        if to is not None:
            to.close()

    async with await asyncio.start_server(serve, "127.0.0.1", port, ssl=trust) as server:
        await server.serve_forever()


async def _passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, old: bytes, new: bytes) -> None:
    """Forward message by message; the broker's address in them is replaced by that of the front."""
    try:
        while True:
            size = await reader.readexactly(4)
            body = await reader.readexactly(int.from_bytes(size, "big"))
            writer.write(size + (body.replace(old, new) if old else body))
            await writer.drain()
    finally:
        writer.close()


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["broker", "front"])
    parser.add_argument("--port", type=int)
    parser.add_argument("--behind", type=int)
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    reported = parser.parse_args()
    if reported.what == "broker":
        _broker()
    trust = None
    if reported.certificate:
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trust.load_cert_chain(reported.certificate, reported.key)
    asyncio.run(_front(reported.port, reported.behind, trust))


if __name__ == "__main__":
    _main()
