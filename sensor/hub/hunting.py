"""Federated hunting: a query is sent to many sensors, each runs it on its own traffic records and returns rows. A
sensor that does not answer in time is unknown, and listed as such.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Literal, LiteralString, NamedTuple

import msgspec
from nats.aio.msg import Msg

from sensor.hub.database import Connection
from sensor.hub.folder import load_pair
from sensor.hub.settings import Hub
from sensor.hub.stream import connected, key_of
from sensor.outputs.hub_protocol.hunt_signatures import sign_hunt
from sensor.outputs.hub_protocol.hunts import HUNT, Fault, Found, Hunt, found_subject, read_found
from sensor.outputs.hub_protocol.messages import subject

CONNECT_S = 10.0
# Status that NATS returns if no client listens on a subject.
NO_RESPONDERS = "503"
State = Literal["answered", "not_listening", "no_answer", "unreadable"] | Fault
_TARGETS: LiteralString = """
SELECT key, name, site FROM sensors WHERE state = 'approved' AND (%(site)s::text IS NULL OR site = %(site)s)
    AND (%(name)s::text IS NULL OR name = %(name)s) ORDER BY site, name"""


class Target(NamedTuple):
    """A selected sensor."""

    key: str
    name: str
    site: str


class HuntResult(msgspec.Struct, frozen=True):
    """Result of a hunt at one sensor: ``answered`` with rows, a fault, or no answer."""

    sensor: str
    site: str
    state: State
    reason: str = ""
    found: Found = Found()


def targets(base: Connection, site: str | None, name: str | None) -> list[Target]:
    """Approved sensors of a site, or with a name; None: all."""
    return [Target(*row) for row in base.execute(_TARGETS, {"site": site, "name": name}).fetchall()]


async def hunted(hub: Hub, queried: Sequence[tuple[Target, Hunt]], within_s: float) -> list[HuntResult]:
    """The result of each sensor, in their order. ``queried``: with the hunt of each. Raises OSError or an error of the
    client if NATS cannot be used; FolderError if the key that signs hunts is missing.
    """
    account, now = load_pair(hub.folder, "account"), int(time.time())
    answers: dict[str, Msg] = {}
    waiting, complete = {target.key for target, _ in queried}, asyncio.Event()

    async def received(message: Msg) -> None:
        """Accept the first answer of each sensor; the server enforces its key."""
        key = key_of(message)
        if key in waiting:
            waiting.remove(key)
            answers[key] = message
        if not waiting:
            complete.set()

    client = await asyncio.wait_for(connected(hub), CONNECT_S)
    try:
        for one in {hunt.id for _, hunt in queried}:
            await client.subscribe(found_subject(one, "*"), cb=received)
        for target, hunt in queried:
            body = sign_hunt(hunt, account, target.key, now)
            await client.publish(subject(HUNT, target.key), body, reply=found_subject(hunt.id, target.key))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(complete.wait(), within_s)
    finally:
        await client.close()
    return [_outcome(target, answers.get(target.key)) for target, _ in queried]


def _outcome(target: Target, message: Msg | None) -> HuntResult:
    if message is None:
        return HuntResult(target.name, target.site, "no_answer")
    if (message.headers or {}).get("Status") == NO_RESPONDERS:
        return HuntResult(target.name, target.site, "not_listening")
    try:
        found = read_found(message.data)
    except ValueError as error:
        return HuntResult(target.name, target.site, "unreadable", str(error))
    return HuntResult(target.name, target.site, found.fault or "answered", found.reason, found)
