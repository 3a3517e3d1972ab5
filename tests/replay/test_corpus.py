"""Captures from other sources: all packets are read, and no unit fails.

The captures are not part of this project. The environment variable SENSOR_CORPUS names a folder with a
``manifest.yaml`` that lists them: ``captures: [{path, size, packets}]``, paths relative to the folder, ``packets`` as
counted by another reader.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from sensor.capture.files import open_captures
from sensor.config import load_config
from sensor.core.record import Record
from sensor.runtime.assembly import assemble

VARIABLE = "SENSOR_CORPUS"
SAMPLE, LARGEST = 60, 2_000_000
"""So many captures, spread evenly over the list, none larger than so many bytes."""


NAMED = os.environ.get(VARIABLE, "")


def sample() -> list[dict[str, Any]]:
    """The same entries in every run; none without a folder."""
    if not NAMED:
        return []
    listed = yaml.safe_load((Path(NAMED) / "manifest.yaml").read_text(encoding="utf-8"))["captures"]
    usable = sorted(
        (one for one in listed if one.get("packets") and one["size"] <= LARGEST), key=lambda one: one["path"]
    )
    return usable[:: max(1, len(usable) // SAMPLE)][:SAMPLE]


NONE = pytest.param(
    {}, id="none", marks=pytest.mark.skipif(not NAMED, reason=f"{VARIABLE} names no folder of captures")
)


@pytest.mark.parametrize("entry", sample() or [NONE], ids=lambda entry: entry["path"])
def test_all_packets_are_read_and_nothing_breaks(entry: dict[str, Any]) -> None:
    """The number of packets processed by the engine equals that of the list, and no unit has a fault."""
    reported: list[Record] = []
    pipeline, source = assemble(load_config(None), reported.append), open_captures([str(Path(NAMED) / entry["path"])])
    for batch in source.batches():
        pipeline.process(batch)
        batch.release()
    source.close()
    pipeline.finish()
    assert source.unreadable == []
    assert source.tally.packets == entry["packets"]
    assert pipeline.report()["decoded"] == entry["packets"]
    assert [(fault.unit, fault.error, fault.place) for fault in pipeline.boundary.faults.values()] == []
