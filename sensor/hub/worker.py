"""A worker: some takers, and responses to requests of sensors. Any number of workers can run in parallel; they share no
state except the database.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import msgspec
import nats.errors
import psycopg
from nats.aio.msg import Msg

from sensor.hub.answers import KINDS, Answers, unreadable
from sensor.hub.folder import load_pair, operator_public
from sensor.hub.held_connection import HeldConnection
from sensor.hub.housekeeping import Housekeeping
from sensor.hub.ingester import Ingester
from sensor.hub.settings import Hub
from sensor.hub.stream import CONSUMER, connected, key_of
from sensor.logs.logs import log
from sensor.outputs.hub_protocol import messages

# One decodes while the database works for the other.
TAKERS = 2
# Subjects of requests → kind of request.
SERVICES = dict(
    zip((messages.ASK, messages.JOIN, messages.RENEW, messages.CONFIGURE, messages.FILE), KINDS, strict=True)
)
NatsError = nats.errors.Error


class Worker:
    """``hub``: its keys, NATS servers and database."""

    def __init__(self, hub: Hub) -> None:
        """Raises FolderError if the account's key is missing."""
        self._hub, self._answers = hub, Answers(load_pair(hub.folder, "account"), operator_public(hub.folder))
        self._requests, self._turn = HeldConnection(hub), asyncio.Lock()

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set. Raises Retry, OSError or an error of the client if NATS cannot be reached at the
        start.
        """
        client = await connected(self._hub)
        try:
            for kind in SERVICES:
                await client.subscribe(f"{kind}.*", queue=CONSUMER, cb=self._answer)
            log().info("works", servers=self._hub.settings.nats.servers)
            takers = [Ingester(self._hub, client).run(stop) for _ in range(TAKERS)]
            await asyncio.gather(Housekeeping(self._hub).run(stop), *takers)
        finally:
            await client.close()
            self._requests.close()

    async def _answer(self, received: Msg) -> None:
        """Respond to a request of a sensor, one at a time: transactions on one connection cannot overlap. Without a
        usable database there is no response: the sensor repeats its request.
        """
        async with self._turn:
            answer = await asyncio.to_thread(self._answer_to, received)
        if answer is not None:
            await received.respond(answer)

    def _answer_to(self, received: Msg) -> bytes | None:
        kind, now = SERVICES[received.subject.rpartition(".")[0]], datetime.now(UTC)
        try:
            return self._requests.use(
                lambda base: self._answers.answer(base, kind, key_of(received), received.data, now)
            )
        except (msgspec.MsgspecError, RecursionError, psycopg.Error) as error:
            log().warning("a request cannot be answered", kind=kind, key=key_of(received)[:64], error=str(error))
            faulty = not isinstance(error, psycopg.Error) or isinstance(error, psycopg.DataError)
            return unreadable() if faulty else None
