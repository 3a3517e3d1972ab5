"""Entries as the runner hands them to an output, and a minimal runner that survives the crashes of a server."""

from __future__ import annotations

import copy
import hashlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

from sensor.core.output import Ack, Entry, Output, Retry
from sensor.core.record_ids import record_id
from sensor.outputs.formats import FORMATS
from tests.outputs.samples import RECORDS

CASES = ("device_identified", "alert_open", "device_new", "incident_open", "sensor_health")
MILLISECOND = 1_000_000


def records(
    count: int, *, first: int = 1, sensor: str = "hq-3f-01", cases: Sequence[str] = CASES
) -> Iterator[dict[str, Any]]:
    """Numbered records of all kinds, each with a unique id; the same ones every time."""
    for seq in range(first, first + count):
        record = copy.copy(RECORDS[cases[seq % len(cases)]])
        record["id"] = record_id(seq * MILLISECOND, hashlib.sha256(f"{sensor} {seq}".encode()).digest())
        record["sensor"] = record["sensor"] | {"id": sensor, "seq": seq}
        yield record


def entry(record: dict[str, Any], format: str = "native") -> Entry:  # noqa: A002 name of the parameter in the API
    payload = FORMATS[format](record)
    assert payload is not None
    return Entry(record["sensor"]["seq"], record, payload)


def entries(
    count: int,
    *,
    first: int = 1,
    sensor: str = "hq-3f-01",
    cases: Sequence[str] = CASES,
    format: str = "native",  # noqa: A002
) -> list[Entry]:
    return [entry(record, format) for record in records(count, first=first, sensor=sensor, cases=cases)]


def ids(batch: Sequence[Entry]) -> list[str]:
    return [one.id for one in batch]


def delivered(output: Output, batch: Sequence[Entry], seconds: float = 60) -> int:
    """Deliver a batch with retries and return the number of retries; fails on rejection or after a time limit."""
    tries, end, left = 0, time.monotonic() + seconds, list(batch)
    while left:
        try:
            output.open() if tries else None
            ack: Ack = output.send(left)
        except Retry:
            output.close()
            tries += 1
            assert time.monotonic() < end
            time.sleep(0.05)
            continue
        assert not ack.refused
        left = [left[place] for place in ack.busy]
    return tries
