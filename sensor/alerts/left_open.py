"""The end of an alert or incident that an earlier run left open and that this run does not continue: its last record
again, as closed. A repeat of it is a new alert.
"""

from __future__ import annotations

import hashlib

import msgspec
from msgspec import UNSET

from sensor.core.record import Origin, Record, RecordMaker, encode
from sensor.core.record_ids import record_id
from sensor.core.record_parts import time_text


class _Named(msgspec.Struct):
    id: str = ""


class _Open(msgspec.Struct):
    """The parts of a record that name it."""

    alert: _Named | None = None
    incident: _Named | None = None


def id_of(text: str) -> str:
    """The id of the alert or incident of a record; empty if it has none or is invalid."""
    try:
        found = msgspec.json.decode(text, type=_Open)
    except msgspec.DecodeError:
        return ""
    part = found.alert or found.incident
    return part.id if part is not None else ""


def closed(text: str, maker: RecordMaker, at: int) -> Record:
    """The record that closes it, from its last one. ``at``: ns. Raises msgspec.DecodeError if that is invalid."""
    record = msgspec.json.decode(text, type=Record)
    record.ts, record.action, record.id, record.emitted = time_text(at), "close", "", UNSET
    record.sensor = Origin(id=maker.sensor_id, site=maker.site or UNSET, version=maker.version)
    record.id = record_id(at, hashlib.blake2b(encode(record), digest_size=10).digest())
    return record
