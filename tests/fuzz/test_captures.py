"""Captures with mutated packets through the whole engine: whatever packets hold, no unit fails."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest

from sensor.capture.files import open_captures
from sensor.config import load_config
from sensor.core.batch import Batch
from sensor.core.record import Record, encode
from sensor.engine.pipeline import Pipeline
from sensor.runtime.assembly import assemble
from tests import sampling
from tests.fuzz.mill import TURNS

OFFICE = Path(__file__).resolve().parents[2] / "pcaps" / "office.pcapng"
SEEDS = range(sampling.SEED, sampling.SEED + sampling.repeated(200, 3))
# Share of the packets with changes, and most changes of a packet.
SHARE, MOST = 0.3, 8
# Bytes of Ethernet and IPv4 headers: changes there mostly make frames that no dissector parses.
HEADERS = 34


def mutate(random: Random, batch: Batch) -> Batch:
    """A batch with changed bytes in some packets, some of them truncated, and without some others."""
    data, rows = np.array(batch.data), batch.rows.copy()
    kept = np.ones(len(rows), np.bool_)
    for place in range(len(rows)):
        begin, size = int(rows["frame"][place]), int(rows["caplen"][place])
        if random.random() > SHARE or size <= HEADERS:
            continue
        for _ in range(random.randint(1, MOST)):
            at = begin + random.randrange(HEADERS, size)
            data[at] = random.choice(
                (random.choice(TURNS), random.randrange(256), int(data[at]) ^ 1 << random.randrange(8))
            )
        if random.random() < 0.1:
            rows["caplen"][place] = random.randrange(HEADERS, size)
        kept[place] = random.random() > 0.05
    batch.release()
    return Batch(data, rows[kept])


def replayed(random: Random) -> tuple[Pipeline, list[Record]]:
    """The office with mutated packets."""
    records: list[Record] = []
    pipeline, source = assemble(load_config(None), records.append), open_captures([str(OFFICE)])
    for batch in source.batches():
        pipeline.process(mutate(random, batch))
    source.close()
    pipeline.finish()
    return pipeline, records


@pytest.mark.endurance
@pytest.mark.parametrize("seed", SEEDS)
def test_no_unit_fails(seed: int) -> None:
    """Malformed messages are counted; devices and alerts are reported as of any capture."""
    pipeline, records = replayed(Random(seed))
    assert [f"{fault.unit}: {fault.error} in {fault.place}" for fault in pipeline.boundary.faults.values()] == []
    assert len(pipeline.boundary.malformed) > 0
    assert {"device", "alert"} <= {record.kind for record in records}
    assert all(encode(record) for record in records)


def breaks(*_: object) -> None:
    """In place of a dissector: raises an error other than Malformed."""
    raise IndexError("past the end")


def test_a_unit_that_fails_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The counterpart of the test above."""
    monkeypatch.setattr("sensor.dissectors.lldp.Lldp.dissect", breaks)
    pipeline, _ = replayed(Random(0))
    assert [fault.unit for fault in pipeline.boundary.faults.values()] == ["lldp"]
