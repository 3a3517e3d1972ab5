"""What a replay keeps of its records: the tables are those of the whole records, in a fraction of the memory."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from sensor.capture.files import open_captures
from sensor.cli._incidents import table_of_incidents
from sensor.cli._replay_records import collector
from sensor.cli._show import alert_table, device_table
from sensor.config import Config
from sensor.core.record import Record
from sensor.eventlog.fold import Fold
from sensor.eventlog.packed_records import PackedRecords
from sensor.eventlog.writer import EventLog
from sensor.runtime.daemon import Run

OFFICE = Path(__file__).parents[2] / "pcaps" / "office.pcapng"


@pytest.fixture(scope="module")
def folds() -> tuple[Fold, Fold]:
    """The records of the office: whole, as ``--json`` prints them, and as tables show them."""
    whole, tabled = Fold(PackedRecords), Fold(PackedRecords)
    collectors = collector(whole, whole=True), collector(tabled, whole=False)

    def collect(record: Record) -> None:
        for each in collectors:
            each(record)

    source = open_captures([str(OFFICE)])
    Run(Config(), source, EventLog(Path(os.devnull)), listener=collect).run()
    source.close()
    return whole, tabled


def text_of(fold: Fold) -> list[str]:
    out = io.StringIO()
    return [device_table(fold, out), alert_table(fold, out), table_of_incidents(fold.incidents.values(), out)]


def test_tables_of_reduced_records_equal_those_of_whole_ones(folds: tuple[Fold, Fold]) -> None:
    whole, tabled = folds
    assert min(len(tabled.devices), len(tabled.alerts), len(tabled.incidents)) >= 2
    assert text_of(tabled) == text_of(whole)


def test_whole_records_have_no_evidence_and_take_twice_as_much(folds: tuple[Fold, Fold]) -> None:
    whole, _ = folds
    assert {"ts", "kind", "action", "device"} <= whole.devices[next(iter(whole.devices))].keys()
    assert not any("evidence" in record for fold in folds for record in fold.devices.values())
    sizes = [sum(len(str(record)) for record in (*fold.devices.values(), *fold.alerts.values())) for fold in folds]
    assert sizes[1] < sizes[0] / 2
