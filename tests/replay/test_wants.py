"""Wants of detectors are not narrower than their alerts: captures give the same log when every detector gets all
events.

A few captures, of which an ordinary run draws some (tests/sampling.py); SENSOR_WANTS names files or folders of more,
separated by colons.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from sensor.capture.files import open_captures
from sensor.config import Config, load_config
from sensor.core.record import Record
from sensor.core.want_nodes import NEVER
from sensor.core.wants import ALWAYS
from sensor.engine import pipeline, unwanted
from sensor.engine.members import detecting, listening
from sensor.runtime.assembly import assemble
from tests import sampling

ROOT = Path(__file__).parents[2]
LAB = sampling.drawn(sorted((ROOT / "pcaps/lab").rglob("*.pcap*"))[::9], 4, "wants")
GIVEN = [Path(path) for path in os.environ.get("SENSOR_WANTS", "").split(":") if path]
MORE = [path for given in GIVEN for path in (sorted(given.rglob("*.*cap*")) if given.is_dir() else [given])]
# Detectors that are off by default are on here.
PRESET = "preset: paranoid\n"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    path = tmp_path_factory.mktemp("config") / "sensor.yaml"
    path.write_text(PRESET)
    return load_config(path)


def log(config: Config, path: Path) -> list[bytes]:
    """The records of a capture, as they are logged."""
    reported: list[Record] = []
    engine = assemble(config, reported.append, intel=[ROOT / "pcaps/office.intel.txt"])
    source = open_captures([str(path)])
    try:
        for batch in source.batches():
            engine.process(batch)
            batch.release()
    finally:
        source.close()
    engine.finish()
    assert not list(engine.boundary.faults.values())
    return [msgspec.json.encode(record) for record in reported]


def all_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every detector gets all events."""
    monkeypatch.setattr(
        pipeline, "detecting", lambda units: ((kind, member._replace(want=ALWAYS)) for kind, member in detecting(units))
    )
    monkeypatch.setattr(
        pipeline,
        "listening",
        lambda received: ((kind, member._replace(want=ALWAYS)) for kind, member in listening(received)),
    )


def no_screens(monkeypatch: pytest.MonkeyPatch) -> None:
    """An object is made of each event, also of those that no subscriber wants."""
    monkeypatch.setattr(unwanted, "screen", lambda *_: None)


@pytest.mark.slow
@pytest.mark.parametrize("change", [all_hosts, no_screens])
@pytest.mark.parametrize("path", [ROOT / "pcaps/office.pcapng", *LAB, *MORE], ids=lambda path: path.name)
def test_captures_report_the_same_with_every_event(
    path: Path, change: Callable[[pytest.MonkeyPatch], None], config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The logs are identical to the byte, including the ids of records."""
    wanted = log(config, path)
    change(monkeypatch)
    assert wanted == log(config, path)


@pytest.mark.slow
def test_a_want_that_is_too_narrow_is_found(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """The office has alerts of events: if no detector gets any, its log differs."""
    monkeypatch.setattr(
        pipeline, "detecting", lambda units: ((kind, member._replace(want=NEVER)) for kind, member in detecting(units))
    )
    path = ROOT / "pcaps/office.pcapng"
    narrow = log(config, path)
    all_hosts(monkeypatch)
    assert narrow != log(config, path)
