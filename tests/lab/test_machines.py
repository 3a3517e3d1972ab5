"""Real programs that behaved like our devices, as they were recorded: what they are is told. Playing them again needs the programs; this does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from sensor.assembly import assemble
from sensor.capture.files import open_captures
from sensor.config import load_config
from sensor.core.record import Record

FOLDER = Path(__file__).resolve().parents[2] / "pcaps" / "lab" / "machines"
EXPECTED: dict[str, dict[str, dict[str, str]]] = yaml.safe_load((FOLDER / "expect.yaml").read_text(encoding="utf-8"))
LARGEST = 200_000


def told(capture: str) -> list[Record]:
    """Everything the engine says of a capture."""
    records: list[Record] = []
    pipeline, source = assemble(load_config(None), records.append), open_captures([str(FOLDER / f"{capture}.pcap")])
    for batch in source.batches():
        pipeline.process(batch)
        batch.release()
    source.close()
    pipeline.finish()
    assert [fault.error for fault in pipeline.boundary.faults.values()] == []
    assert dict(pipeline.boundary.malformed.items()) == {}
    return records


@pytest.mark.parametrize("capture", EXPECTED)
def test_machines_are_named(capture: str) -> None:
    """Each for what its program said; nobody does anything grave."""
    records = told(capture)
    last: dict[str, dict[str, Any]] = {mac: one.device for one in records if one.kind == "device" for mac in one.device.get("macs", ())}
    assert {mac: {name: last[mac].get(name, "unknown") for name in wanted} for mac, wanted in EXPECTED[capture].items()} == EXPECTED[capture]
    assert [one.msg for one in records if one.kind == "alert" and one.severity not in ("info", "low")] == []


def test_every_recording_is_expected_and_small() -> None:
    """With the program that made it beside it."""
    assert {path.stem for path in FOLDER.glob("*.pcap")} == EXPECTED.keys()
    assert all((FOLDER / f"{name}.py").is_file() and (FOLDER / f"{name}.pcap").stat().st_size < LARGEST for name in EXPECTED)
