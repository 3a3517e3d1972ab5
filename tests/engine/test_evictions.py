"""Evictions: every bounded table of an engine is counted under a stable name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import sensor.detectors
from sensor.config import load_config
from sensor.core.detector import Detector
from sensor.core.time_units import SECOND
from sensor.engine.pipeline import Pipeline
from sensor.evidence.gather import Gatherer
from sensor.registry import units
from sensor.runtime.assembly import assemble
from tests.detectors.test_sender_flood import arp
from tests.golden import Golden
from tests.kit import batch_of, tcp_frame

# Parts of an engine that hold each other.
DEEPEST = 8


def engine(path: Path) -> Pipeline:
    """An engine with all detectors, and with packets of alerts."""
    config = path / "sensor.yaml"
    config.write_text("preset: paranoid\n", encoding="utf-8")
    return assemble(load_config(config), lambda _: None, evidence=Gatherer(lambda *_: None))


def named(pipeline: Pipeline) -> dict[str, object]:
    """All tables whose evictions are counted."""
    return {
        **dict(pipeline.named_tables),
        **{f"{unit.id}.{name}": table for unit in pipeline.detectors for name, table in unit.tables},
    }


def held(one: object, seen: set[int], deep: int = DEEPEST) -> Iterator[object]:
    """The tables that an object and its parts hold: containers are followed, but not the contents of tables."""
    if id(one) in seen or not deep:
        return
    seen.add(id(one))
    if isinstance(one, dict | list | tuple):
        for part in one.values() if isinstance(one, dict) else one:
            yield from held(part, seen, deep - 1)
    elif type(one).__module__.startswith("sensor."):
        if isinstance(getattr(one, "evicted", None), int):
            yield one
        for part in getattr(one, "__dict__", {}).values():
            yield from held(part, seen, deep - 1)


def test_users_can_rely_on_the_names_of_tables(tmp_path: Path, golden: Golden) -> None:
    """Dashboards refer to these names: renaming one breaks them."""
    names = sorted(named(engine(tmp_path)))
    assert len(names) == len(set(names))
    golden(names)


def test_no_table_of_a_unit_is_left_out(tmp_path: Path) -> None:
    """A table that a unit creates and does not name would evict entries unnoticed."""
    pipeline = engine(tmp_path)
    assert {unit.id for unit in pipeline.detectors} >= units(sensor.detectors, Detector).keys()
    counted = set(map(id, named(pipeline).values()))
    parts = {"inventory": pipeline.inventory, "alerts": pipeline.alert_processor, "advisor": pipeline.advisor}
    parts |= {unit.id: unit for unit in pipeline.detectors}
    seen: set[int] = set()
    found = {name: list(held(part, seen)) for name, part in parts.items()}
    assert sum(map(len, found.values())) > 300
    assert [
        (name, type(table).__name__) for name, tables in found.items() for table in tables if id(table) not in counted
    ] == []


def test_an_engine_reports_which_of_its_tables_let_something_go(tmp_path: Path) -> None:
    """Two thousand unanswered flows in a table of 1,024, from new hosts of which a hundred may be pending: both tables
    are reported by name, without data of peers.
    """
    path = tmp_path / "sensor.yaml"
    path.write_text("tables: {flow_bits: 10}\ninventory: {devices: 100}\n", encoding="utf-8")
    pipeline = assemble(load_config(path), lambda _: None)
    shared = "inventory.oui.", "inventory.matcher."  # by the tests of a process
    assert not [name for name in pipeline.evicted() if not name.startswith(shared)]
    frames = [
        tcp_frame(f"10.0.{n >> 8}.{n & 255}", f"10.1.{n >> 8}.{n & 255}", dport=80, flags=2) for n in range(2_000)
    ]
    frames += [arp(0x0017_9400_0000 + n, n) for n in range(200)]
    pipeline.process(batch_of(frames))
    evicted = pipeline.evicted()
    assert evicted["flows"] == pipeline.report()["flows_evicted"] > 500
    assert evicted["inventory.table"] == pipeline.inventory.telemetry()["evicted"] >= 100
    assert all(re.fullmatch(r"[a-z_]+(\.[a-z_]+)*", name) for name in evicted)


def test_senders_that_are_forgotten_are_counted(tmp_path: Path) -> None:
    """Thirty thousand hosts, five hundred a second, in a table of four entries per hash: evictions are counted."""
    path = tmp_path / "sensor.yaml"
    path.write_text("preset: balanced\n", encoding="utf-8")
    pipeline, count = assemble(load_config(path), lambda _: None), 30_000
    times = [n * SECOND // 500 for n in range(count)]
    pipeline.process(batch_of([arp(0x0017_9400_0000 + n, n & 0xFFFF) for n in range(count)], times=times))
    assert 100 < pipeline.evicted()["senders"] < count // 2
