"""Captures replayed at another speed, and within a flood: the detections in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from sensor.capture.files import open_captures
from sensor.config import load_config
from sensor.core.batch import ROW, Batch
from sensor.core.record import Record
from sensor.runtime.assembly import assemble
from tests.kit import tcp_frame

# (detector, address of the actor)
Detected = frozenset[tuple[str, str]]

# The minimum of flood SYNs in a batch, and their number for each frame of the capture: from addresses, and to a
# server, that no capture contains.
LEAST_SYNS, SYNS = 5_000, 20
TEMPLATE = tcp_frame("32.0.0.1", "10.255.0.1", sport=1024, dport=443, flags=2)
SOURCE_AT, PORT_AT = 26, 34


def detected(path: Path, speed: int = 1, *, flooded: bool = False) -> Detected:
    """The detections and actors of a capture in a fraction of its time; within a flood, if requested."""
    records: list[Record] = []
    engine = assemble(load_config(None), records.append)
    source = open_captures([str(path)])
    try:
        for batch in _compressed(source.batches(), speed):
            engine.process(_in_flood(batch) if flooded and len(batch) else batch)
            batch.release()
    finally:
        source.close()
    engine.finish()
    assert not list(engine.boundary.faults.values())
    return frozenset(_key(record) for record in records if record.kind == "alert")


def _key(record: Record) -> tuple[str, str]:
    assert isinstance(record.alert, dict)
    return record.alert["detector"], record.src.get("ip", "") if isinstance(record.src, dict) else ""


def _compressed(batches: Iterable[Batch], speed: int) -> Iterator[Batch]:
    begin = None
    for batch in batches:
        if len(batch):
            begin = int(batch.rows["ts"][0]) if begin is None else begin
            batch.rows["ts"] = begin + (batch.rows["ts"] - begin) // speed
        yield batch


def _in_flood(batch: Batch) -> Batch:
    """The frames of a batch among those of a SYN flood, evenly distributed over its time."""
    count, size = max(LEAST_SYNS, SYNS * len(batch)), len(TEMPLATE)
    rng = np.random.default_rng(count)
    frames = np.tile(np.frombuffer(TEMPLATE, np.uint8), (count, 1))
    frames[:, SOURCE_AT] = rng.integers(32, 64, count)
    frames[:, SOURCE_AT + 1 : SOURCE_AT + 4] = rng.integers(0, 256, (count, 3))
    frames[:, PORT_AT : PORT_AT + 2] = rng.integers(4, 256, (count, 2))
    rows = np.zeros(count, ROW)
    rows["frame"] = len(batch.data) + size * np.arange(count)
    rows["caplen"] = rows["wirelen"] = size
    rows["link"] = 1
    rows["ts"] = np.linspace(batch.rows["ts"].min(), batch.rows["ts"].max(), count)
    both = np.concatenate((batch.rows, rows))
    return Batch(np.concatenate((batch.data, frames.ravel())), both[np.argsort(both["ts"], kind="stable")])
