"""Reading a log: to its end, while it grows, with damaged lines; locations of logs; the state at the end of a log."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sensor.eventlog import reader as reading
from sensor.eventlog.fold import Fold
from sensor.eventlog.paths import folder_to_read, state_folder, use_system_folder
from sensor.eventlog.reader import Reader, read
from sensor.eventlog.segment_lines import LINE_LIMIT
from tests.waiting import until


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Poll at a short interval."""
    monkeypatch.setattr(reading, "PAUSE_S", 0.005)


def line(number: int) -> bytes:
    return json.dumps({"ts": "2026-11-24T09:14:07.000000Z", "kind": "sensor", "n": number}).encode() + b"\n"


def numbers(records: Iterator[dict[str, Any]]) -> list[int]:
    return [record["n"] for record in records]


def test_records_in_order(tmp_path: Path) -> None:
    """Every record, once, in the order of the file."""
    (tmp_path / "log").write_bytes(b"".join(map(line, range(5000))))
    assert numbers(read(tmp_path / "log")) == list(range(5000))


def test_reading_is_lazy(tmp_path: Path) -> None:
    """Nothing is opened before the first record is requested; a missing file is an OSError then."""
    records = read(tmp_path / "none")
    with pytest.raises(FileNotFoundError):
        next(records)


def test_broken_lines_are_skipped_and_counted(tmp_path: Path) -> None:
    """Text, other JSON, records without a kind, invalid UTF-8 and deep nesting are skipped and counted; blank lines are
    not.
    """
    broken = b"what\n", b"[1]\n", b'{"ts":"x"}\n', b'{"ts":"\xff","kind":"sensor"}\n', b"[" * 100_000 + b"\n"
    (tmp_path / "log").write_bytes(line(1) + b"".join(broken) + b"\n \n" + line(2))
    log = Reader(tmp_path / "log")
    assert numbers(iter(log)) == [1, 2]
    assert log.broken == len(broken)


def test_an_endless_line_is_not_kept(tmp_path: Path) -> None:
    """A line beyond the bound is one damaged line, and the following ones are read."""
    (tmp_path / "log").write_bytes(line(1) + b"x" * (3 * LINE_LIMIT) + b"\n" + line(2))
    log = Reader(tmp_path / "log")
    assert numbers(iter(log)) == [1, 2]
    assert log.broken == 1


@pytest.mark.parametrize(("last", "expected", "broken"), [(line(2)[:-1], [1, 2], 0), (line(2)[:-9], [1], 1)])
def test_a_last_line_without_end(tmp_path: Path, last: bytes, expected: list[int], broken: int) -> None:
    """Without following, a complete last line is read and a partial one is counted."""
    (tmp_path / "log").write_bytes(line(1) + last)
    log = Reader(tmp_path / "log")
    assert numbers(iter(log)) == expected
    assert log.broken == broken


def test_pairs_give_the_line_as_it_stands(tmp_path: Path) -> None:
    """The raw line is returned with the record, for callers that forward lines."""
    (tmp_path / "log").write_bytes(b'{ "ts": "x",  "kind":"sensor" }\n')
    assert list(Reader(tmp_path / "log").pairs()) == [
        (b'{ "ts": "x",  "kind":"sensor" }', {"ts": "x", "kind": "sensor"})
    ]


class Following:
    """A reader that follows a log in a thread."""

    def __init__(self, path: Path) -> None:
        self.seen: list[int] = []
        self.done = threading.Event()
        self._looks = 0
        self.log = Reader(path, follow=True, stop=self._stopped)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _stopped(self) -> bool:
        """Called before each poll of the file."""
        self._looks += 1
        return self.done.is_set()

    def looks_again(self) -> None:
        """Wait for one complete poll."""
        before = self._looks
        until(lambda: self._looks >= before + 2)

    def _run(self) -> None:
        for record in self.log:
            self.seen.append(record["n"])

    def wait_for(self, *expected: int) -> None:
        until(lambda: len(self.seen) >= len(expected))
        assert self.seen == list(expected)


@pytest.fixture
def follow(tmp_path: Path) -> Iterator[Callable[[], Following]]:
    made: list[Following] = []

    def start() -> Following:
        made.append(Following(tmp_path / "log"))
        return made[-1]

    yield start
    for one in made:
        one.done.set()
        one.thread.join(60)
        assert not one.thread.is_alive()


def test_following_waits_for_the_rest_of_a_line(tmp_path: Path, follow: Callable[[], Following]) -> None:
    """A line written in three pieces is one record, read when its line end is there."""
    log = follow()  # not complete yet
    with (tmp_path / "log").open("wb", buffering=0) as file:
        file.write(line(1) + line(2)[:10])
        log.wait_for(1)
        file.write(line(2)[10:-1])
        log.looks_again()
        log.wait_for(1)
        file.write(b"\n" + line(3))
        log.wait_for(1, 2, 3)
    assert log.log.broken == 0


def test_following_a_log_that_is_begun_again(tmp_path: Path, follow: Callable[[], Following]) -> None:
    """A truncated log is read from its beginning."""
    (tmp_path / "log").write_bytes(line(1) + line(2) + b"half a li")
    log = follow()
    log.wait_for(1, 2)
    os.truncate(tmp_path / "log", 0)
    log.looks_again()
    with (tmp_path / "log").open("ab") as file:
        file.write(line(3))
    log.wait_for(1, 2, 3)


def test_following_a_log_that_is_replaced(tmp_path: Path, follow: Callable[[], Following]) -> None:
    """After rotation the rest of the old file is read, then the new one from its beginning, also if
    that appears later.
    """
    (tmp_path / "log").write_bytes(line(1))
    log = follow()
    log.wait_for(1)
    with (tmp_path / "log").open("ab", buffering=0) as old:
        (tmp_path / "log").rename(tmp_path / "log.1")
        old.write(line(2))
        log.wait_for(1, 2)
        (tmp_path / "new").write_bytes(line(3))
        (tmp_path / "new").rename(tmp_path / "log")
    log.wait_for(1, 2, 3)


def test_following_a_busy_writer(tmp_path: Path, follow: Callable[[], Following]) -> None:
    """No line of a thread that writes in uneven pieces is lost or repeated."""
    data = b"".join(map(line, range(400)))
    log = follow()
    with (tmp_path / "log").open("wb", buffering=0) as file:
        for start in range(0, len(data), 137):
            file.write(data[start : start + 137])
    log.wait_for(*range(400))


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"SENSOR_STATE": "/a", "STATE_DIRECTORY": "/b:/c"}, "/a"), ({"STATE_DIRECTORY": "/b:/c"}, "/b"),
        ({"XDG_STATE_HOME": "/d"}, "/d/sensor"),
        ({"XDG_STATE_HOME": "relative"}, "/home/me/.local/state/sensor"), ({}, "/home/me/.local/state/sensor"),
    ],
)  # fmt: skip
def test_where_the_state_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, env: dict[str, str], expected: str
) -> None:
    """A configured folder precedes that of systemd, and that precedes the user's folder."""
    monkeypatch.setattr("sensor.eventlog.paths.SYSTEM", tmp_path / "none")
    for name in ("SENSOR_STATE", "STATE_DIRECTORY", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (env | {"HOME": "/home/me"}).items():
        monkeypatch.setenv(name, value)
    assert state_folder() == Path(expected)


def test_the_system_folder_is_used_where_it_is_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """/var/lib/sensor is used if it exists and is writable."""
    for name in ("SENSOR_STATE", "STATE_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sensor.eventlog.paths.SYSTEM", tmp_path)
    assert state_folder() == tmp_path


def test_a_configured_folder_is_that_of_the_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """``state:`` of the configuration is used in place of /var/lib/sensor and of the folder of the unit, also before it
    exists; an environment variable precedes it, and a user who may not write it has an own folder.
    """
    own, large = tmp_path / "home" / "sensor", tmp_path / "large"
    monkeypatch.delenv("SENSOR_STATE", raising=False)
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "unit"))
    monkeypatch.setenv("XDG_STATE_HOME", str(own.parent))
    use_system_folder(large)
    try:
        assert state_folder() == large
        monkeypatch.setenv("SENSOR_STATE", str(tmp_path / "named"))
        assert state_folder() == tmp_path / "named"
        monkeypatch.delenv("SENSOR_STATE")
        large.mkdir()
        (large / "inventory.db").touch()
        access = os.access
        monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))
        assert (state_folder(), folder_to_read()) == (own, large)
    finally:
        use_system_folder(None)
    assert state_folder() == tmp_path / "unit"


def test_who_looks_finds_the_service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A group member reads /var/lib/sensor without write permission, unless a sensor left data in the user's folder
    (tickets do not count); a configured folder precedes both.
    """
    service, own = tmp_path / "service", tmp_path / "home" / "sensor"
    service.mkdir()
    monkeypatch.setattr("sensor.eventlog.paths.SYSTEM", service)
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))
    for name in ("SENSOR_STATE", "STATE_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(own.parent))
    assert folder_to_read() == own  # there is no data to read
    monkeypatch.setattr(os, "access", lambda path, mode: not Path(path).is_relative_to(service) and access(path, mode))
    assert folder_to_read() == service  # without membership the error is about permission, not about missing data
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))
    (service / "inventory.db").touch()
    assert (folder_to_read(), state_folder()) == (service, own)
    own.mkdir(parents=True)
    (own / "tickets.json").touch()
    assert folder_to_read() == service
    (own / "replay.jsonl").touch()
    assert folder_to_read() == own
    (own / "replay.jsonl").unlink()
    monkeypatch.setenv("SENSOR_STATE", str(tmp_path / "named"))
    assert folder_to_read() == tmp_path / "named"


def device(name: str, action: str, **more: Any) -> dict[str, Any]:
    return {"kind": "device", "action": action, "device": {"id": name}, **more}


def test_fold_keeps_the_latest_record() -> None:
    """The last record of each device and alert counts, however many there are."""
    fold = Fold()
    for action in ("open", "update", "open"):
        fold.add({"kind": "alert", "action": action, "alert": {"id": "k", "count": len(fold.alerts)}})
    fold.add(device("dev-1", "new"))
    fold.add(device("dev-1", "changed"))
    fold.add({"kind": "sensor", "action": "summary"})
    assert (fold.devices["dev-1"]["action"], fold.alerts["k"]["action"], fold.records) == ("changed", "open", 6)


def test_fold_has_the_alert_reported_last_at_the_end() -> None:
    fold = Fold()
    for name in "abca":
        fold.add({"kind": "alert", "alert": {"id": name}})
    assert list(fold.alerts) == ["b", "c", "a"]


def test_fold_counts_alerts_that_recur_with_the_same_key() -> None:
    """An alert that was closed and the next one of the same actor and target are two alerts, as in tables; a repetition
    of either is none.
    """
    fold = Fold()
    for name, action in (("monday", "open"), ("monday", "close"), ("tuesday", "open"), ("tuesday", "update")):
        fold.add({"kind": "alert", "action": action, "alert": {"id": name, "key": "scan|10.0.0.1"}})
    assert [(name, record["action"]) for name, record in fold.alerts.items()] == [
        ("monday", "close"), ("tuesday", "update"),
    ]  # fmt: skip


def test_fold_finds_devices_by_the_ids_of_earlier_versions() -> None:
    """Also those that came since the last time."""
    fold = Fold()
    for name in ("dev-aaaaaa0000", "dev-bbbbbb0000"):
        fold.add(device(name, "new"))
        assert fold.device(name[:10]) is fold.devices[name]
    assert fold.device("dev-cccccc") is None


def test_fold_of_merged_devices() -> None:
    """A merged device is found by its former id, over several mergers; if it returns, it is a separate device."""
    fold = Fold()
    for name in "abc":
        fold.add(device(f"dev-{name}", "new"))
    fold.add(device("dev-b", "merged", reason="dev-a is the same device: same name"))
    fold.add(device("dev-c", "merged", reason="dev-b is the same device: same serial"))
    assert list(fold.devices) == ["dev-c"]
    assert fold.device("dev-a") is fold.devices["dev-c"]
    fold.add(device("dev-a", "new"))
    assert fold.device("dev-a") is fold.devices["dev-a"]
    assert fold.device("dev-x") is None


def test_fold_of_a_device_that_left() -> None:
    """It stays, with the evidence reported before."""
    fold = Fold()
    fold.add(device("dev-1", "new", evidence=[{"attribute": "type"}]))
    fold.add(device("dev-1", "gone"))
    assert fold.devices["dev-1"]["evidence"] == [{"attribute": "type"}]


def test_fold_of_nonsense() -> None:
    """Invalid records are ignored without an error."""
    fold = Fold()
    for record in (
        {},
        {"kind": "device"},
        {"kind": "device", "device": 7},
        {"kind": "alert", "alert": {"id": []}},
        device(["x"], "new"),
    ):
        fold.add(record)
    assert not fold.devices
    assert not fold.alerts
