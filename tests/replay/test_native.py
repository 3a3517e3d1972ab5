"""Native dissectors do not change the log: it equals that of the Python dissectors, their reference.

Over the office and lab captures; SENSOR_CAPTURES=FOLDER does the same over every capture below a folder.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from sensor.capture.files import open_captures
from sensor.config import load_config
from sensor.core.record import Record
from sensor.evidence.gather import Gatherer
from sensor.runtime.assembly import assemble
from tests import sampling

ROOT = Path(__file__).resolve().parents[2]
LAB = sorted((ROOT / "pcaps" / "lab").rglob("*.pcap*"))
MINING = ROOT / "pcaps/lab/attacks/mining_tls.pcap"  # a Python dissector follows after a native one
GIVEN = Path(os.environ.get("SENSOR_CAPTURES") or "/nowhere")
LEAST = 30


def log(path: Path) -> tuple[list[bytes], int]:
    """The records of a capture, and how many messages were parsed natively."""
    reported: list[bytes] = []

    def emit(record: Record) -> None:
        reported.append(msgspec.json.encode(record))

    pipeline = assemble(load_config(None), emit, evidence=Gatherer(lambda *_: None))
    source = open_captures([str(path)])
    for batch in source.batches():
        pipeline.process(batch)
        batch.release()
    source.close()
    pipeline.finish()
    assert not list(pipeline.boundary.faults.values())
    return reported, getattr(pipeline.kernels.reader, "taken", 0)


def compare(paths: list[Path], monkeypatch: pytest.MonkeyPatch) -> int:
    """Both ways; returns how many messages were parsed natively."""
    native = {path: log(path) for path in paths}
    with monkeypatch.context() as without:
        without.setattr("sensor.engine.pipeline.reading", lambda *_: None)
        for path in paths:
            python, none = log(path)
            assert (python, none) == (native[path][0], 0), path
    return sum(taken for _, taken in native.values())


def test_the_log_is_that_of_the_python_dissectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the office and a part of the lab captures, with messages that were parsed natively."""
    assert (
        compare([ROOT / "pcaps" / "office.pcapng", MINING, *sampling.drawn(LAB[::9], 3, "native")], monkeypatch) > LEAST
    )


@pytest.mark.skipif(not GIVEN.is_dir(), reason="SENSOR_CAPTURES names no folder of captures")
def test_so_it_is_with_captures_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every capture below a folder."""
    assert compare(sorted(path for path in GIVEN.rglob("*") if path.is_file()), monkeypatch) > LEAST
