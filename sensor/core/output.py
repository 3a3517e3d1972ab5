"""What an output is: options, and a way to hand entries of the event log to one destination.

An output interprets nothing and keeps nothing: which entries come, in which format, in which batches, when to try again
and what becomes of those that are rejected is the runner's (``sensor/delivery``). It reports the result of a batch in
one of three ways: it returns an ``Ack``, raises ``Retry``, or raises ``Refuse``. Whatever else it raises counts as
``Retry`` and as a fault of ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

Guarantee = Literal["exactly_once", "at_least_once", "best_effort"]
Level = Literal["ok", "warning", "error"]
SeverityName = Literal["info", "low", "medium", "high", "critical"]
EventKind = Literal["device", "alert", "incident", "recommendation", "sensor"]
# Tables of traffic records, which outputs take beside events where a filter names them.
TrafficKind = Literal[
    "conn", "dns", "http", "tls", "auth", "ssh", "smb", "files", "rpc", "sip", "rtsp", "snmp", "dhcp"
]  # fmt: skip


class Entry(msgspec.Struct, frozen=True):
    """One record on its way. ``seq``: its number in the log; ``record``: the object, after fields were chosen and
    blanked; ``payload``: it in the format of the output.
    """

    seq: int
    record: Mapping[str, Any]
    payload: bytes

    @property
    def id(self) -> str:
        """By which a receiver drops what it has."""
        return str(self.record["id"])

    @property
    def kind(self) -> str:
        return str(self.record["kind"])


class Ack(msgspec.Struct, frozen=True):
    """The destination has the whole batch, durably as far as it promises, save those of ``refused``: place in the batch
    → its answer, which go to the dead letters, and those of ``busy``: indexes it had no room for (429, for example),
    which are sent again before anything else.
    """

    refused: Mapping[int, str] = {}
    busy: tuple[int, ...] = ()


class Retry(Exception):
    """The destination cannot take anything now: away, busy, locked out by a wrong password. The batch comes again.

    ``args[0]`` is the reason in one line; ``after_s``: when the destination wants the next attempt, None if it does not
    specify.
    """

    def __init__(self, what: str, after_s: float | None = None) -> None:
        super().__init__(what)
        self.after_s = after_s


class Refuse(Exception):
    """The destination will never take this batch as it is: too large, wrong schema. ``args[0]`` is its answer. The
    runner halves the batch until it knows which records are meant.
    """


class Finding(msgspec.Struct, frozen=True):
    """One thing that a check looked at: ``what`` (``dns``, ``tcp``, ``tls``, ``auth``, ``permission``, …), how it
    stands, what was found, and what to do.
    """

    what: str
    level: Level
    message: str


class Filter(BaseModel):
    """Which records an output gets: those that every list names, where an empty list names all. Wildcards are those of
    the shell.

    ``kinds``: of events; of traffic records (``conn``, ``dns``, ...), which come only where they are named, and of
    which only ``vlans`` and ``sites`` choose; ``severity``: the least; ``detectors``: of alerts and incidents;
    ``types``: of the device, or of one that has a part in an alert or incident; ``vlans``: of the device or the alert
    (incidents have none, so that they do not come where this is used); ``sites``: of sensors.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    kinds: list[EventKind | TrafficKind] = []
    severity: SeverityName = "info"
    detectors: list[str] = []
    types: list[str] = []
    vlans: list[int] = []
    sites: list[str] = []


class Options(BaseModel):
    """Base of an output's options: unknown keys are errors, every field but the destination has a default.

    ``enabled``: whether anything goes there; ``format``: one of the output's formats, empty: its own first; ``filter``:
    what comes at all; ``fields``: paths that are kept (``src.ip``, ``device``) beside what formats need, the sentence
    ``msg`` among it, empty: all; ``redact``: paths whose values are replaced by a salted hash, wherever their record
    names them; ``batch_events``, ``batch_kib``, ``batch_ms``: a batch goes when one of them is reached; ``rate``: at
    most so many records a second, 0: as fast as it takes them; ``timeout_s``: silence of the destination after which a
    batch is tried again; ``backoff_s``,
    ``backoff_max_s``: first and longest pause between tries; ``alerts_first``: alerts overtake a backlog of other
    records.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
    # Whether it takes records of the log; what does not (tickets) has a command of its own, and nothing of the log
    # waits for it.
    records: ClassVar[bool] = True
    enabled: bool = True
    format: str = ""
    filter: Filter = Filter()
    fields: list[str] = []
    redact: list[str] = []
    batch_events: int = Field(default=500, ge=1, le=50_000)
    batch_kib: int = Field(default=1024, ge=64, le=65_536)
    batch_ms: int = Field(default=500, ge=0, le=60_000)
    rate: float = Field(default=0, ge=0)
    timeout_s: float = Field(default=15, gt=0, le=600)
    backoff_s: float = Field(default=1, gt=0, le=3600)
    backoff_max_s: float = Field(default=60, gt=0, le=86_400)
    alerts_first: bool = True

    @property
    def delivers(self) -> bool:
        """Whether records of the log go there."""
        return self.enabled and self.records


class Output:
    """Base of all outputs. The file name is the ``type`` in the configuration. One thread calls it; nothing is shared
    between two.

    ``formats``: names of the formats it takes, its own first; empty: any, native first. ``traffic``: it takes traffic
    records as well. ``guarantee``: what
    docs/deliver/outputs.md may promise; ``has_epoch``: it names the log to its destination by ``epoch``, which the
    runner sets before anything is sent: the identity of the log, another one where the log was replaced.

    ``wanted``: set by an output whose destination lacks what it had: the number after which the log is to come again;
    the runner goes back there. An output that empties ``epoch`` with it asks for another epoch.
    """

    Options: ClassVar[type[Options]] = Options
    title: ClassVar[str]
    traffic: ClassVar[bool] = True
    formats: ClassVar[tuple[str, ...]] = ()
    guarantee: ClassVar[Guarantee]
    has_epoch: ClassVar[bool] = False
    epoch: str = ""
    wanted: int | None = None

    def __init__(self, name: str, options: Any) -> None:
        """``name``: as in the configuration. Opens nothing."""
        self.name, self.options = name, options

    def open(self) -> None:
        """Connect. Retry where the destination is away. Called again after each ``Retry`` and each ``close``."""

    def check(self) -> Iterator[Finding]:
        """Look at the destination without sending a record: name, port, TLS, login, permission, in this order, up to
        the first error.
        """
        raise NotImplementedError

    def send(self, entries: Sequence[Entry]) -> Ack:
        """Deliver a batch, at least one entry, and return once the destination has it."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of the connection; also of one that is broken. Never raises. A second call does nothing."""
