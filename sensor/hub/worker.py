"""A worker: takes batches from the stream, commits them, then acknowledges and publishes what is committed; answers
requests of sensors. Any number of workers run side by side; none keeps anything that another one needs.

The order is what makes it lose nothing: commit, then acknowledgement to JetStream, then the commit message to the
sensor. A worker that dies in between leaves messages that come again, which the database recognises.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
import nats.errors
import psycopg
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from sensor.boundary import Boundary, Fault
from sensor.hub.answers import answered, unreadable
from sensor.hub.batch import Message, Quarantined
from sensor.hub.database import Connection, DatabaseError, connected
from sensor.hub.folder import load_pair
from sensor.hub.intake import Intake, Outcome
from sensor.hub.settings import Hub
from sensor.hub.stream import CONSUMER, consumer, key_of, message_of
from sensor.hub.stream import connected as nats_connected
from sensor.logs.logs import log
from sensor.outputs import _hub_messages as messages
from sensor.outputs._hub_messages import Commit, subject

# Messages of one transaction, and how long a worker waits for the first.
FETCHED, WAIT_S = 64, 1.0
PAUSE_S = 1.0
SERVICES = {messages.ASK: "ask", messages.JOIN: "join", messages.RENEW: "renew"}
Result = TypeVar("Result")
Source = JetStreamContext.PullSubscription
NatsError = nats.errors.Error


class Database:
    """A connection that is opened when it is needed, and again after it was lost."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._base: Connection | None = None
        self._failing = False

    def use(self, call: Callable[[Connection], Result]) -> Result | None:
        """The result of a call; None where the database is away. Other errors are the caller's."""
        try:
            if self._base is None:
                self._base = connected(self._hub.settings.database)
            result = call(self._base)
        except (psycopg.OperationalError, psycopg.InterfaceError, DatabaseError) as error:
            self.close()
            if not self._failing:
                log().warning("the database cannot be used", error=str(error))
            self._failing = True
            return None
        except psycopg.Error:
            self.close()
            raise
        self._failing = False
        return result

    def close(self) -> None:
        base, self._base = self._base, None
        if base is not None:
            base.close()


class Worker:
    """``hub``: where its keys, its NATS servers and its database are."""

    def __init__(self, hub: Hub) -> None:
        """FolderError where the account's key is not there."""
        self._hub, self._account = hub, load_pair(hub.folder, "account")
        self._boundary = Boundary(_log_fault)
        self._store, self._requests = Database(hub), Database(hub)

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop`` is set. Retry, OSError or an error of the client where NATS cannot be reached at the start."""
        client = await nats_connected(self._hub)
        try:
            for kind in SERVICES:
                await client.subscribe(f"{kind}.*", queue=CONSUMER, cb=self._answer)
            source: Source | None = await consumer(client, self._hub)
            log().info("works", servers=self._hub.settings.nats.servers)
            while not stop.is_set():
                source = await self._turn(client, source)
        finally:
            await client.close()
            self._store.close()
            self._requests.close()

    async def _turn(self, client: Client, source: Source | None) -> Source | None:
        """One fetch, and all that is done with it. None where the stream must be looked for again: a server that lost
        its disk has none.
        """
        try:
            source = source or await consumer(client, self._hub)
            await self._take(client, await source.fetch(FETCHED, timeout=WAIT_S))
        except (TimeoutError, nats.errors.TimeoutError):
            return await self._checked(source)
        except nats.errors.Error as error:
            log().warning("NATS cannot be used", error=str(error) or type(error).__name__)
            await asyncio.sleep(PAUSE_S)
            return None
        return source

    async def _checked(self, source: Source | None) -> Source | None:
        """The source if its consumer is there; None where it is not, or NATS does not answer."""
        try:
            if source is not None:
                await source.consumer_info()
        except (TimeoutError, nats.errors.Error):
            return None
        return source

    async def _take(self, client: Client, received: Sequence[Msg]) -> None:
        taken = [message_of(one) for one in received]
        outcomes = await asyncio.to_thread(self._commit, taken)
        if outcomes is None:
            await asyncio.sleep(PAUSE_S)
            for one in received:
                await one.nak()
            return
        for message, one in zip(taken, received, strict=True):
            await one.ack()
            outcome = outcomes[message.key, message.id]
            body = msgspec.json.encode(Commit(message.id, outcome.reason, outcome.wanted))
            await client.publish(subject(messages.COMMITS, message.key), body)

    def _commit(self, taken: Sequence[Message]) -> dict[tuple[str, str], Outcome] | None:
        """What became of messages, which are committed then; None where the database is away. A message on which the
        intake fails goes to the quarantine by itself.
        """
        results, whole = self._boundary.run("hub intake", self._taking, taken)
        if not whole:
            results = []
            for message in taken:
                one, whole = self._boundary.run("hub intake", self._taking, [message])
                results += one if whole else [self._store.use(functools.partial(_set_aside, message))]
        if None in results:
            return None
        outcomes = [outcome for result in results if result is not None for outcome in result]
        return {(outcome.message.key, outcome.message.id): outcome for outcome in outcomes}

    def _taking(self, taken: Sequence[Message]) -> Iterator[list[Outcome] | None]:
        yield self._store.use(lambda base: Intake(base).take(taken))

    async def _answer(self, received: Msg) -> None:
        """A request of a sensor. None where the database is away: the sensor asks again."""
        answer = await asyncio.to_thread(self._answer_to, received)
        if answer is not None:
            await received.respond(answer)

    def _answer_to(self, received: Msg) -> bytes | None:
        kind, now = SERVICES[received.subject.rpartition(".")[0]], datetime.now(UTC)
        try:
            return self._requests.use(
                lambda base: answered(base, self._account, kind, key_of(received), received.data, now)
            )
        except (msgspec.MsgspecError, psycopg.Error) as error:
            log().warning("a request cannot be answered", kind=kind, key=key_of(received)[:64], error=str(error))
            return unreadable()


def _set_aside(message: Message, base: Connection) -> list[Outcome]:
    return Intake(base).set_aside(message, Quarantined("fault", "a fault of the hub: see the log of its worker"))


def _log_fault(fault: Fault) -> None:
    log().error("a fault of ours", unit=fault.unit, error=fault.error, place=fault.place)
