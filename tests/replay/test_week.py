"""A week of a large office, generated: planted attacks are found, and hardly anything else is reported above low.

Unless the run is a full one (tests/sampling.py), users work for a day; all attacks of the week are included.
"""

from __future__ import annotations

import filecmp
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from pcaps import week
from pcaps._week_attacks import LISTED, PLANTED, Planted, actor
from pcaps._week_hosts import company
from sensor.capture.files import open_captures
from sensor.config import load_config
from sensor.core.record import Record
from sensor.runtime.assembly import assemble
from tests import sampling

pytestmark = [pytest.mark.slow, pytest.mark.endurance]

SEVERE = ("medium", "high", "critical")
DAYS, DEVICES, A_DAY = sampling.repeated(7, 1), sampling.repeated(500, 400), 5
COMPANY = company()


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("week") / "week.pcap"
    week.main(path, DAYS)
    yield path
    path.unlink()


@pytest.fixture(scope="module")
def reported(capture: Path) -> list[Record]:
    """The records of the week, with only the threat list configured."""
    folder = capture.parent
    (folder / "office.intel.txt").write_text(f"{LISTED}\n", encoding="ascii")
    reported: list[Record] = []
    pipeline = assemble(load_config(None), reported.append, intel=[folder / "office.intel.txt"])
    source = open_captures([str(capture)])
    for batch in source.batches():
        pipeline.process(batch)
        batch.release()
    source.close()
    pipeline.finish()
    assert [(fault.unit, fault.error, fault.place) for fault in pipeline.boundary.faults.values()] == []
    return reported


@pytest.fixture(scope="module")
def severe(reported: list[Record]) -> list[Record]:
    """Alerts of medium or above, when first reported as such."""
    first: dict[str, Record] = {}
    for record in reported:
        if record.kind == "alert" and record.action != "close" and record.severity in SEVERE:
            first.setdefault(record.alert["id"], record)
    return list(first.values())


def seconds(record: Record) -> float:
    """Seconds since the week began."""
    return datetime.fromisoformat(record.ts).timestamp() - week.START


def is_of(record: Record, one: Planted) -> bool:
    """Whether an alert is about the actor of a planted attack, at its time."""
    who, ends = actor(COMPANY, one), (record.src or {}, record.dst or {})
    return (
        any(who.mac == end.get("mac") or who.ip == end.get("ip") for end in ends)
        and 0 <= seconds(record) - one.at <= one.duration
    )


@pytest.mark.parametrize("one", PLANTED, ids=lambda one: one.name)
def test_what_was_planted_is_found(severe: list[Record], one: Planted) -> None:
    """The right detector raises an alert with the right actor."""
    found = [record for record in severe if record.alert["detector"] == one.detector and is_of(record, one)]
    assert found, [(record.ts, record.msg) for record in severe if is_of(record, one)]


def test_nothing_else_disturbs(severe: list[Record]) -> None:
    """At most five alerts a day are not planted."""
    others = [record for record in severe if not any(is_of(record, one) for one in PLANTED)]
    days = Counter(int(seconds(record) // 86400) for record in others)
    assert max(days.values(), default=0) <= A_DAY, [(record.ts, record.msg) for record in others]


def test_it_is_a_large_office(reported: list[Record]) -> None:
    """As many devices as were generated, and some days from first to last."""
    devices = {record.device["id"] for record in reported if record.kind == "device"}
    assert len(devices) >= DEVICES
    times = [seconds(record) for record in reported if record.kind == "device"]
    assert max(times) - min(times) > (DAYS - 0.5) * 86400


@pytest.mark.skipif(not sampling.ENDURANCE, reason="makes the week a second time: make test-endurance")
def test_the_same_seed_makes_the_same_week(capture: Path, root: Path, tmp_path: Path) -> None:
    """The output is identical to the byte, in another process as well."""
    assert DAYS == week.DAYS
    command = [sys.executable, "-m", "pcaps.week", str(tmp_path / "again.pcap")]
    subprocess.run(command, cwd=root, check=True, env={**os.environ, "PYTHONHASHSEED": "7"})
    assert filecmp.cmp(capture, tmp_path / "again.pcap", shallow=False)
    (tmp_path / "again.pcap").unlink()
