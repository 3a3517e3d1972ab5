"""Messages between sensors and their hub: subjects, batches of events, and the hub's responses.

A batch is one JetStream message, compressed with zstd: a header line, then one line per event, as in the event log.
Each sensor publishes and subscribes only under its own public key, which the NATS server enforces.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec
import zstandard

VERSION = 1
# A hub accepts sensors of its own protocol version and of the two before.
OLDEST = max(1, VERSION - 2)
STREAM = "HUB"
VERSION_HEADER = "Sensor-Hub"

EVENTS, COMMITS, ASK, RENEW, JOIN = "hub.events", "hub.commits", "hub.ask", "hub.renew", "hub.join"
CONFIGURE, FILE = "hub.configure", "hub.file"
"""First tokens of subjects; the last token is the public key of the sensor (in JOIN, that of the enrolment token)."""

WAITS = frozenset(
    ("unknown_sensor", "not_approved", "foreign_identity", "clock", "unknown_version", "database_refused", "fault")
)
"""Quarantine reasons that an operator can remove: the sensor keeps its events and tries again."""

Run = tuple[int, int]
"""First and last number of a range without gaps."""


class Head(msgspec.Struct):
    """``sensor``, ``site``: as in the events; ``version``: of the sensor's software; ``epoch``: identity of the log;
    ``runs``: numbers of the events, in their order; ``sent_ns``: sensor's clock, since 1970; ``filtered``: the output
    selects events, so that missing numbers are not losses.
    """

    sensor: str
    site: str
    version: str
    epoch: str
    runs: list[Run]
    sent_ns: int
    filtered: bool = False


class Commit(msgspec.Struct, omit_defaults=True):
    """The result of a batch. ``reason``: of its quarantine, empty if it is committed; ``wanted``: number after which
    the hub requests the log again.
    """

    id: str
    reason: str = ""
    wanted: int | None = None


class Part(msgspec.Struct):
    """A batch whose result a sensor waits for."""

    id: str
    runs: list[Run]


class Question(msgspec.Struct):
    """A sensor requests the committed numbers of a log, and the state of batches."""

    epoch: str
    batches: list[Part] = []


class State(msgspec.Struct):
    """The state of one batch; ``reason`` if it is quarantined."""

    id: str
    state: Literal["committed", "quarantined", "unknown"]
    reason: str = ""


class Answer(msgspec.Struct):
    """``high``: greatest committed number, 0: none; ``wanted``: as in ``Commit``."""

    high: int = 0
    wanted: int | None = None
    states: list[State] = []


class Joining(msgspec.Struct):
    """Enrolment request of a sensor: its public key, and its identity in events."""

    key: str
    sensor: str
    site: str
    version: str = ""


class Admission(msgspec.Struct, omit_defaults=True):
    """``jwt``: signed user of the sensor, empty unless ``state`` is ``approved``; ``reason``: why not; ``operator``:
    public key that signs configuration, empty if the hub does not know it; ``operator_signature``: the account's, of
    that key for this sensor; ``certificate``: client certificate of the same key for TLS, as PEM.
    """

    state: Literal["approved", "pending", "refused"]
    jwt: str = ""
    site: str = ""
    reason: str = ""
    operator: str = ""
    certificate: str = ""
    operator_signature: str = ""


class Signed(msgspec.Struct, frozen=True):
    """A layer of the configuration: JSON ``content`` and the operator's ``signature`` of it."""

    content: str
    signature: str


class UpgradeReport(msgspec.Struct, omit_defaults=True):
    """``installed``: version of the package, empty: installed in another way; ``architecture``: of its packages;
    ``state``: of the upgrade to ``version``: downloading, ready, or a ``upgrades.results.State``, empty: none;
    ``signed``: time of that release; ``health``: since the upgrade: ok, worse, or unknown; ``reason``: of a failure, or
    why health is worse or unknown.
    """

    installed: str = ""
    architecture: str = ""
    state: str = ""
    version: str = ""
    signed: int = 0
    health: str = ""
    reason: str = ""


class Report(msgspec.Struct, omit_defaults=True):
    """Configuration state of a sensor, sent when it requests the current configuration. ``state``: one of
    ``sync.state.STATES``; ``digest``: of the layers in use; ``reason``: of a refusal or a rollback; ``restart``: keys
    that take effect at the next start; ``upgrade``: None if the sensor does not take upgrades of the hub.
    """

    state: str = ""
    digest: str = ""
    reason: str = ""
    restart: list[str] = []
    upgrade: UpgradeReport | None = None


class UpgradeOffer(msgspec.Struct, omit_defaults=True):
    """``release``: the one to install; ``before``: that of the installed version, for a rollback, None: the hub does
    not have it.
    """

    release: Signed
    before: Signed | None = None


class Offer(msgspec.Struct, omit_defaults=True):
    """The layers for a sensor, the most general first. ``reason``: why the request is refused; ``upgrade``: None if the
    sensor is to keep its version.
    """

    layers: list[Signed] = []
    reason: str = ""
    upgrade: UpgradeOffer | None = None


class FilePart(msgspec.Struct):
    """Request for a part of a configuration file or of a package, by its digest."""

    sha256: str
    offset: int


def subject(kind: str, key: str) -> str:
    return f"{kind}.{key}"


def runs_of(numbers: Iterable[int]) -> list[Run]:
    """Numbers in ascending order as ranges."""
    runs: list[Run] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def batch_id(key: str, epoch: str, runs: Sequence[Run], lines: Sequence[bytes]) -> str:
    """A deterministic id of these events, log and sensor, by which JetStream drops duplicates."""
    digest = hashlib.blake2b(msgspec.json.encode((key, epoch, runs)), digest_size=16)
    for line in lines:
        digest.update(line)
    return digest.hexdigest()


def sealed(head: Head, lines: Sequence[bytes]) -> bytes:
    return zstandard.ZstdCompressor(level=3).compress(b"\n".join([msgspec.json.encode(head), *lines]))
