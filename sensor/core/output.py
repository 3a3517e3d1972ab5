"""Base class of outputs: options, and a way to deliver entries of the event log to one destination.

An output interprets and stores nothing. The runner (``sensor/delivery``) decides which entries are sent, in which
format and batches, when to retry, and where rejected entries go. An output reports the result of a batch in one of
three ways: it returns an ``Ack``, raises ``Retry``, or raises ``BatchRejected``. Any other exception is treated as
``Retry`` and as a bug of the sensor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

import msgspec

from sensor.core.model import Field, Model
from sensor.core.retry import Retry

__all__ = ["Ack", "BatchRejected", "Entry", "Filter", "Finding", "Options", "Output", "Retry"]

Guarantee = Literal["exactly_once", "at_least_once", "best_effort"]
Level = Literal["ok", "warning", "error"]
SeverityName = Literal["info", "low", "medium", "high", "critical"]
EventKind = Literal["device", "alert", "incident", "recommendation", "sensor"]
# Tables of traffic records, which outputs get beside events if a filter names them.
TrafficKind = Literal[
    "conn", "dns", "http", "tls", "auth", "ssh", "smb", "files", "rpc", "sip", "rtsp", "snmp", "dhcp"
]  # fmt: skip


class Entry(msgspec.Struct, frozen=True):
    """One record to deliver. ``seq``: its number in the log; ``record``: the object, after selection of fields and
    redaction; ``payload``: the record in the output's format.
    """

    seq: int
    record: Mapping[str, Any]
    payload: bytes

    @property
    def id(self) -> str:
        """The id by which a receiver drops duplicates."""
        return str(self.record["id"])

    @property
    def kind(self) -> str:
        return str(self.record["kind"])


class Ack(msgspec.Struct, frozen=True):
    """The destination has stored the batch, as durably as it promises, except ``refused`` (index in the batch → the
    destination's answer; these go to the dead letter queue) and ``busy`` (indexes for which it had no capacity, status
    429 for example; these are sent again first).
    """

    refused: Mapping[int, str] = {}
    busy: tuple[int, ...] = ()


class BatchRejected(Exception):
    """The destination will never accept this batch: too large, wrong schema. ``args[0]`` is its answer. The runner
    halves the batch until it has found the rejected records.
    """


class Finding(msgspec.Struct, frozen=True):
    """One result of a connection check: what was checked (``what``: ``dns``, ``tcp``, ``tls``, ``auth``,
    ``permission``, …), its status, what was found, and what to do.
    """

    what: str
    level: Level
    message: str


class Filter(Model):
    """Which records an output gets: those that match every list; an empty list matches all. Wildcards are those of the
    shell.

    ``kinds``: kinds of events, and tables of traffic records (``conn``, ``dns``, ...), which are sent only if they are
    named, and filtered only by ``vlans`` and ``sites``; ``severity``: lowest severity that is sent; ``detectors``: ids
    of the detectors of alerts and incidents; ``types``: types of the device, or of any device in an alert or incident;
    ``vlans``: VLANs of the device or the alert (incidents have none, so this option excludes them); ``sites``: sites of
    sensors.
    """

    kinds: list[EventKind | TrafficKind] = []
    severity: SeverityName = "info"
    detectors: list[str] = []
    types: list[str] = []
    vlans: list[int] = []
    sites: list[str] = []


class Options(Model):
    """Base of an output's options: unknown keys are errors, every field but the destination has a default.

    ``enabled``: whether the output is in use; ``format``: one of the formats of the output (default: the first);
    ``filter``: which records are sent; ``fields``: paths to keep (``src.ip``, ``device``) in addition to those that
    formats need (such as ``msg``), empty: all; ``redact``: paths whose values are replaced by a salted hash wherever
    they occur in the record; ``batch_events``, ``batch_kib``, ``batch_ms``: a batch is sent when one of these limits is
    reached; ``rate``: maximum number of records a second, 0: no limit; ``timeout_s``: time without a response after
    which a batch is retried; ``backoff_s``, ``backoff_max_s``: first and longest pause between retries;
    ``alerts_first``: send alerts before a backlog of other records.
    """

    # Whether it gets records of the log. Outputs that do not (tickets) have their own command, and the log keeps
    # nothing for them.
    records: ClassVar[bool] = True
    enabled: bool = True
    format: str = ""
    filter: Filter = Filter()
    fields: list[str] = []
    redact: list[str] = []
    batch_events: int = Field(500, ge=1, le=50_000)
    batch_kib: int = Field(1024, ge=64, le=65_536)
    batch_ms: int = Field(500, ge=0, le=60_000)
    rate: float = Field(0, ge=0)
    timeout_s: float = Field(15, gt=0, le=600)
    backoff_s: float = Field(1, gt=0, le=3600)
    backoff_max_s: float = Field(60, gt=0, le=86_400)
    alerts_first: bool = True

    @property
    def delivers(self) -> bool:
        """Whether records of the log are delivered to this output."""
        return self.enabled and self.records


class Output:
    """Base of all outputs. The file name is the ``type`` in the configuration. Each object is called by one thread;
    nothing is shared between objects.

    ``formats``: names of the formats it accepts, the default first; empty: any, default native. ``traffic``: it accepts
    traffic records as well. ``guarantee``: the delivery guarantee stated in docs/deliver/outputs.md; ``has_epoch``: it
    sends ``epoch`` to its destination, the identity of the log, which changes if the log was replaced. The runner sets
    it before the first batch.

    ``wanted``: set by an output if its destination lost records: the number after which the log must be sent again; the
    runner goes back there. An output that also clears ``epoch`` requests a new epoch.
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
        """``name``: as in the configuration. Opens no connection."""
        self.name, self.options = name, options

    def open(self) -> None:
        """Connect. Raises Retry if the destination is unreachable. Called again after each ``Retry`` and each
        ``close``.
        """

    def check(self) -> Iterator[Finding]:
        """Check the destination without sending a record: name, port, TLS, authentication and permission, in this
        order, up to the first error.
        """
        raise NotImplementedError

    def send(self, entries: Sequence[Entry]) -> Ack:
        """Deliver a batch of at least one entry; return when the destination has it."""
        raise NotImplementedError

    def idle(self) -> None:
        """Called repeatedly while nothing is sent, for upkeep such as the renewal of credentials. It must return
        quickly if none is due. Raises Retry if it fails.
        """

    def close(self) -> None:
        """Close the connection, even a broken one. Never raises. A second call does nothing."""
