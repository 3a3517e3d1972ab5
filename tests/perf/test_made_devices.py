"""Generated devices are those of a sensor: a reader opens each, and the next run continues with it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from sensor.inventory.store.reader import Reader
from sensor.inventory.store.store import Store
from tests.perf.made_devices import fill


def test_generated_devices_are_opened_and_continued(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    with closing(Reader(tmp_path)) as reader:
        assert reader.details("dev-000001")["device"]["macs"] == ["00:17:c8:00:00:01"]
    with closing(Store(tmp_path)) as store:
        restored = {one.id: one.key for one in store.devices(10)}
        assert restored["dev-000001"] == "mac:00:17:c8:00:00:01"
        assert (len(restored), store.broken) == (3, 0)
