"""Messages between sensors and their hub: subjects, batches of events, and what the hub answers.

A batch is one JetStream message, compressed with zstd: a line with its head, then one line for each event, as the event
log has it. Each sensor publishes and subscribes under its own public key only, which the NATS server enforces.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec
import zstandard

VERSION = 1
# A hub accepts sensors of its own version and of the two before.
OLDEST = max(1, VERSION - 2)
STREAM = "HUB"
VERSION_HEADER = "Sensor-Hub"

EVENTS, COMMITS, ASK, RENEW, JOIN = "hub.events", "hub.commits", "hub.ask", "hub.renew", "hub.join"
CONFIGURE, FILE = "hub.configure", "hub.file"
"""First tokens of subjects; the public key of the sensor is the last one (of JOIN: that of the enrolment token)."""

WAITS = frozenset(
    ("unknown_sensor", "not_approved", "foreign_identity", "clock", "unknown_version", "database_refused", "fault")
)
"""Reasons of the quarantine that an operator can remove: the sensor keeps its events and tries again."""

Run = tuple[int, int]
"""First and last of numbers without a gap."""


class Head(msgspec.Struct):
    """``sensor``, ``site``: as the events name them; ``version``: of the sensor's software; ``epoch``: identity of the
    log; ``runs``: numbers of the events, in their order; ``sent_ns``: by the sensor's clock, since 1970; ``filtered``:
    the output selects events, so numbers that are missing are not lost.
    """

    sensor: str
    site: str
    version: str
    epoch: str
    runs: list[Run]
    sent_ns: int
    filtered: bool = False


class Commit(msgspec.Struct, omit_defaults=True):
    """What became of a batch. ``reason``: why it went to the quarantine, empty: it is committed; ``wanted``: the number
    after which the hub asks for the log again.
    """

    id: str
    reason: str = ""
    wanted: int | None = None


class Part(msgspec.Struct):
    """A batch that a sensor waits for."""

    id: str
    runs: list[Run]


class Question(msgspec.Struct):
    """A sensor asks how far the hub is in a log, and what became of batches."""

    epoch: str
    batches: list[Part] = []


class State(msgspec.Struct):
    """What became of one batch; ``reason`` where it is quarantined."""

    id: str
    state: Literal["committed", "quarantined", "unknown"]
    reason: str = ""


class Answer(msgspec.Struct):
    """``high``: the greatest number that is committed, 0: none; ``wanted``: as in ``Commit``."""

    high: int = 0
    wanted: int | None = None
    states: list[State] = []


class Joining(msgspec.Struct):
    """A sensor asks to be enrolled: its public key, and who it is in its events."""

    key: str
    sensor: str
    site: str
    version: str = ""


class Admission(msgspec.Struct, omit_defaults=True):
    """``jwt``: the signed user of the sensor, empty while ``state`` is not ``approved``; ``reason``: why not;
    ``operator``: public key that signs configuration, empty where the hub does not know it.
    """

    state: Literal["approved", "pending", "refused"]
    jwt: str = ""
    site: str = ""
    reason: str = ""
    operator: str = ""


class Signed(msgspec.Struct, frozen=True):
    """A layer of the configuration: ``content`` is JSON, of which ``signature`` is that of the operator."""

    content: str
    signature: str


class Report(msgspec.Struct, omit_defaults=True):
    """What a sensor does with the configuration of the hub, when it asks for the present one. ``state``: one of
    ``sync.state.STATES``; ``digest``: of the layers in use; ``reason``: of a refusal or a rollback; ``restart``: keys
    that take effect at the next start.
    """

    state: str = ""
    digest: str = ""
    reason: str = ""
    restart: list[str] = []


class Offer(msgspec.Struct, omit_defaults=True):
    """The layers for a sensor, the most general first. ``reason``: why there are none, where that is a refusal."""

    layers: list[Signed] = []
    reason: str = ""


class FilePart(msgspec.Struct):
    """A sensor asks for a part of a file of the configuration, by its digest."""

    sha256: str
    offset: int


def subject(kind: str, key: str) -> str:
    return f"{kind}.{key}"


def runs_of(numbers: Iterable[int]) -> list[Run]:
    """Numbers in their order as runs."""
    runs: list[Run] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def batch_id(key: str, epoch: str, runs: Sequence[Run], lines: Sequence[bytes]) -> str:
    """The same for the same events of the same log of the same sensor: by it JetStream drops repeats."""
    digest = hashlib.blake2b(msgspec.json.encode((key, epoch, runs)), digest_size=16)
    for line in lines:
        digest.update(line)
    return digest.hexdigest()


def sealed(head: Head, lines: Sequence[bytes]) -> bytes:
    return zstandard.ZstdCompressor(level=3).compress(b"\n".join([msgspec.json.encode(head), *lines]))
