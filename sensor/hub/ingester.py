"""The ingester: fetches messages from the stream, commits and acknowledges them, and publishes the commits.

The order prevents losses: commit to the database, acknowledge to JetStream, then send the commit message to the sensor.
If a worker dies in between, messages are redelivered, and the database recognizes them.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator, Sequence

import msgspec
import nats.errors
import psycopg
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from sensor.boundary import Boundary, Fault
from sensor.hub.batch import Message, Quarantined
from sensor.hub.database import Connection
from sensor.hub.held_connection import HeldConnection
from sensor.hub.intake import Intake, IntakeResult
from sensor.hub.settings import Hub
from sensor.hub.stream import consumer, message_of
from sensor.logs.logs import log
from sensor.outputs.hub_protocol import messages
from sensor.outputs.hub_protocol.messages import Commit, subject

# Messages of one transaction, and seconds that it waits for the first.
FETCHED, WAIT_S = 64, 1.0
PAUSE_S = 1.0
Source = JetStreamContext.PullSubscription


class Ingester:
    """Has its own database connection. ``client``: the worker's connection to NATS."""

    def __init__(self, hub: Hub, client: Client) -> None:
        self._hub, self._client = hub, client
        self._boundary = Boundary(log_fault)
        self._store = HeldConnection(hub)
        self._failing = ""

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set. The servers of a cluster may still elect a leader when it starts."""
        found: Source | None = None
        try:
            while not stop.is_set():
                found = await self._turn(found)
        finally:
            self._store.close()

    async def _turn(self, source: Source | None) -> Source | None:
        """Fetch and process once. None if the stream must be looked up again, because a server that lost its disk has
        none.
        """
        try:
            source = source or await consumer(self._client, self._hub)
            await self._take(await source.fetch(FETCHED, timeout=WAIT_S))
        except (TimeoutError, nats.errors.TimeoutError):
            return await self._checked(source)
        except nats.errors.Error as error:
            self._report(str(error) or type(error).__name__)
            await asyncio.sleep(PAUSE_S)
            return None
        self._failing = ""
        return source

    def _report(self, error: str) -> None:
        """Log a failure of NATS once, not at each attempt."""
        if error != self._failing:
            log().warning("NATS cannot be used", error=error)
        self._failing = error

    async def _checked(self, source: Source | None) -> Source | None:
        """The source if its consumer exists; None if it does not, or NATS does not respond."""
        if source is None:
            self._report("the stream cannot be created: no answer from JetStream")
            return None
        try:
            await source.consumer_info()
        except (TimeoutError, nats.errors.Error):
            return None
        return source

    async def _take(self, received: Sequence[Msg]) -> None:
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
            await self._client.publish(subject(messages.COMMITS, message.key), body)

    def _commit(self, taken: Sequence[Message]) -> dict[tuple[str, str], IntakeResult] | None:
        """Commit messages; returns their results, or None if the database cannot be used. A message on which the intake
        fails is quarantined separately.
        """
        results, whole = self._boundary.run("hub intake", self._taking, taken)
        if not whole:
            results = []
            for message in taken:
                one, whole = self._boundary.run("hub intake", self._taking, [message])
                results += one if whole else [self._use(functools.partial(_set_aside, message))]
        if None in results:
            return None
        outcomes = [outcome for result in results if result is not None for outcome in result]
        return {(outcome.message.key, outcome.message.id): outcome for outcome in outcomes}

    def _taking(self, taken: Sequence[Message]) -> Iterator[list[IntakeResult] | None]:
        yield self._use(lambda base: Intake(base).take(taken))

    def _use(self, call: Callable[[Connection], list[IntakeResult]]) -> list[IntakeResult] | None:
        """The result of a call, None if the database cannot be used: it may be read-only or damaged, or tables may be
        missing. The intake itself finds the faults of messages.
        """
        return self._store.use(call, psycopg.Error)


def _set_aside(message: Message, base: Connection) -> list[IntakeResult]:
    return Intake(base).set_aside(
        message, Quarantined("fault", "an internal error of the hub: see the log of its worker")
    )


def log_fault(fault: Fault) -> None:
    """Report an internal error of a worker."""
    log().error("an internal error", unit=fault.unit, error=fault.error, place=fault.place)
