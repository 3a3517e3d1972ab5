"""The end of a live run: within five seconds, with all results stored, whatever happens at that time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sensor.eventlog.disk import Disk
from sensor.intel import store as lists
from sensor.inventory.store.store import Store
from sensor.runtime.keeper import Keeper
from tests.golden import Golden
from tests.live_kit import Sensor, sensor_records
from tests.runtime.test_assembly import discover
from tests.runtime.test_reload import refused

END_S = 5.0


@pytest.fixture
def sensor(tmp_path: Path) -> Sensor:
    return Sensor(tmp_path, "{}")


def devices(folder: Path) -> int:
    """Devices that the next run will know."""
    store = Store(folder)
    found = list(store.devices(1000))
    store.close()
    return len(found)


def test_at_once(sensor: Sensor, tmp_path: Path) -> None:
    """Without obstacles the run stops in time, and devices, flows and the summary are stored."""
    records = sensor.live(discover(b"x"), refused(20, 5), sensor.stop(), keeper=Keeper(tmp_path / "state", print))
    assert sensor.took_s < END_S
    assert [record["action"] for record in records if record["kind"] == "sensor"] == ["started", "summary", "stopped"]
    assert sensor_records(records, "summary")[0]["capture"]["packets"] == 11
    assert devices(tmp_path / "state") >= 1


def test_while_the_disk_is_slow(sensor: Sensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With half a second for each group of records and batch of devices, everything is written in time."""

    class Slow(Disk):
        def sync(self, file: int) -> None:
            time.sleep(0.5)
            super().sync(file)

    write = Store.write

    def slowly(store: Store, entries: Any, *, listed: bool) -> None:
        time.sleep(0.5)
        write(store, entries, listed=listed)

    monkeypatch.setattr(Store, "write", slowly)
    records = sensor.live(
        discover(b"x"), refused(20, 5), sensor.stop(), keeper=Keeper(tmp_path / "state", print), disk=Slow()
    )
    assert sensor.took_s < END_S
    assert [record["action"] for record in records if record["kind"] == "sensor"] == ["started", "summary", "stopped"]
    assert devices(tmp_path / "state") >= 1


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Blocks a call until the end of the test."""
    event = threading.Event()
    yield event
    event.set()


def test_while_the_disk_does_not_answer(
    golden: Golden, sensor: Sensor, tmp_path: Path, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run stops in time and reports what is missing. The watchdog would stop it as well: the log hangs."""

    class Hung(Disk):
        def sync(self, file: int) -> None:
            gate.wait()

    complaints: list[str] = []
    monkeypatch.setattr(Store, "write", lambda *_, **__: gate.wait())
    progress: list[Any] = []

    look = sensor.then(lambda run: progress.append(run.log.progress))
    keeper = Keeper(tmp_path / "state", complaints.append)
    with pytest.raises(OSError) as raised:
        sensor.live(
            discover(b"x"), sensor.pause(200), look, sensor.pause(200), look, sensor.stop(), keeper=keeper, disk=Hung()
        )
    golden(str(raised.value))
    assert sensor.took_s < END_S
    assert progress[0] == progress[1] is not None
    golden(complaints)
    gate.set()
    keeper._thread.join(60)
    keeper.store.close()


def test_while_a_configuration_is_read(sensor: Sensor, gate: threading.Event) -> None:
    """The stop does not wait for the reload, and no part of it is applied."""
    read = sensor.settings
    begun = threading.Event()

    def slowly() -> Any:
        begun.set()
        gate.wait()
        return read()

    def start() -> Callable[[], bool]:
        sensor.run.reloader._read = slowly
        sensor.write("networks: [203.0.113.0/24]")
        sensor.wanted = True
        return begun.is_set

    records = sensor.live(refused(20, 5), start, sensor.stop())
    assert sensor.took_s < END_S
    assert sensor_records(records, "config") == []
    assert len(sensor_records(records, "stopped")) == 1


def test_while_lists_are_read(
    sensor: Sensor, tmp_path: Path, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stop does not wait for a list of millions either."""
    begun = threading.Event()

    def slowly(self: Any) -> Any:
        begun.set()
        gate.wait()

    monkeypatch.setattr(lists.ThreatLists, "read_again", slowly)

    def put() -> Callable[[], bool]:
        (tmp_path / "intel").mkdir()
        (tmp_path / "intel" / "c2.list").write_text("203.0.113.66\n")
        return begun.is_set

    sensor.live(refused(20, 5), put, sensor.stop())
    assert sensor.took_s < END_S
