"""Rows of structured arrays are copied byte by byte (sensor/core/row_copies.py), wherever flow changes are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from sensor.capture.files import open_captures
from sensor.config import load_config
from sensor.core.flow import CHANGE
from sensor.core.row_copies import concatenated, copied
from sensor.counting.changes import ChangeReader, Changes
from sensor.runtime.assembly import assemble

OFFICE = Path("pcaps/office.pcapng")


class Watched(np.ndarray[Any, Any]):
    """Flow changes that count copies made field by field."""

    slow = 0

    def __getitem__(self, key: Any) -> Any:
        if self.dtype.names and isinstance(key, np.ndarray):
            Watched.slow += 1
        return super().__getitem__(key)

    def copy(self, *args: Any, **named: Any) -> Any:
        Watched.slow += self.dtype.names is not None
        return super().copy(*args, **named)


def test_no_detector_copies_rows_field_by_field(monkeypatch: pytest.MonkeyPatch) -> None:
    read = ChangeReader.read

    def watched(self: ChangeReader, rows: npt.NDArray[np.void]) -> Changes:
        found = read(self, rows)
        return Changes(found.rows.view(Watched), found.contacts.view(Watched), found.flooded)

    monkeypatch.setattr(ChangeReader, "read", watched)
    monkeypatch.setattr(Watched, "slow", 0)
    pipeline = assemble(load_config(None), lambda _: None)
    source = open_captures([str(OFFICE)])
    for batch in source.batches():
        pipeline.process(batch)
        batch.release()
    source.close()
    pipeline.finish()
    assert Watched.slow == 0
    changes = np.zeros(3, CHANGE).view(Watched)
    assert len(changes[changes["kind"] == 0]) == len(changes[np.arange(3)].copy())
    assert Watched.slow == 3


def test_copies_are_equal_and_independent() -> None:
    rows = np.zeros(4, CHANGE)
    rows["ts"], rows["server_port"] = np.arange(4), 443
    for made, expected in ((copied(rows[1:]), rows[1:]), (concatenated([rows[:1], rows[1:]]), rows)):
        assert made.dtype == CHANGE
        assert (made == expected).all()
        assert not np.shares_memory(made, rows)
