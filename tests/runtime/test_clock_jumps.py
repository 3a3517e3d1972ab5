"""A wall clock that is set by hours forward and back during a live run: devices, alerts, numbers and the watchdog are
not affected.
"""

from __future__ import annotations

import contextlib
import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dpkt
import pytest

from sensor.capture.files import open_captures
from sensor.config import Config
from sensor.core.time_units import SECOND
from sensor.eventlog.writer import EventLog
from sensor.runtime import daemon
from sensor.runtime.daemon import Run
from sensor.runtime.keeper import Keeper
from sensor.runtime.notify import Notifier
from tests.live_kit import Sensor, Step, alerts, sensor_records
from tests.offices import PCAPS
from tests.runtime.test_assembly import discover
from tests.runtime.test_notify import Manager
from tests.runtime.test_reload import SCAN, answered, refused

HOUR = 3600


class Clock:
    """A wall clock that can be set, and runs on from there."""

    def __init__(self) -> None:
        self.set_by = 0

    def __call__(self) -> int:
        return time.time_ns() + self.set_by

    def jump(self, hours: float) -> Step:
        def happen() -> Callable[[], bool]:
            self.set_by += int(hours * HOUR * SECOND)
            return lambda: True

        return happen


def ports(first: int, address: str) -> list[bytes]:
    """Connection attempts to thirty ports of a host, all of them refused."""
    return [frame.replace(b"\x0a\0\0\5", bytes(map(int, address.split(".")))) for frame in refused(first, 30)]


@pytest.mark.parametrize("way", [5, -5, 23, -23, 49, -49])
def test_a_jump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: int) -> None:
    """Known devices are reported once; scans before and after the jump are found; the log has no gap and no duplicate
    id.
    """
    monkeypatch.setattr(daemon, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(daemon, "SUMMARY_EVERY_S", 0.0)
    clock = Clock()
    one = Sensor(tmp_path, "{}", clock=clock)
    known: list[Any] = []
    look = one.then(lambda run: known.append(sorted(device.id for device in run.pipeline.inventory.devices())))
    records = one.live(
        discover(b"MSFT 5.0"), answered("203.0.113.7", 40001), ports(100, "10.0.0.5"), one.pause(), look,
        clock.jump(way), one.pause(), discover(b"MSFT 5.0\0"), answered("203.0.113.7", 40002), ports(200, "10.0.0.7"),
        one.pause(), look,
        clock.jump(-way), one.pause(), discover(b"MSFT 5.0\0\0"), ports(300, "10.0.0.8"), one.pause(), look,
        keeper=Keeper(tmp_path / "state", print),
    )  # fmt: skip
    assert known[0]
    assert set(known[0]) <= set(known[1]) <= set(known[2])
    news = [record["device"]["id"] for record in records if record["kind"] == "device" and record["action"] == "new"]
    assert len(news) == len(set(news))
    assert not [record for record in records if record["kind"] == "device" and record["action"] == "gone"]
    assert len(alerts(records, SCAN)) == 3
    assert [record["sensor"]["seq"] for record in records] == list(range(1, len(records) + 1))
    assert len({record["id"] for record in records}) == len(records)
    jumps = [record for record in sensor_records(records, "health") if record["facts"]["check"] == "sensor.clock_jump"]
    assert jumps[0]["facts"]["step_s"] == pytest.approx(way * HOUR, abs=2)
    assert sensor_records(records, "summary")[-1]["capture"]["health"]["sensor.clock_jump"] == 2
    assert sensor_records(records, "summary")[-1]["capture"]["packets"] == 3 + 4 + 3 * 60


def test_a_capture_whose_clock_was_set_back(tmp_path: Path) -> None:
    """The clock was two days ahead for a third of the packets: no device is gone because of it at the end."""
    path, ahead = tmp_path / "jump.pcap", 48 * HOUR
    packets = list(dpkt.pcapng.Reader(io.BytesIO((PCAPS / "office.pcapng").read_bytes())))
    with path.open("wb") as file:
        writer = dpkt.pcap.Writer(file)
        for number, (ts, frame) in enumerate(packets):
            writer.writepkt(frame, ts + ahead * (len(packets) <= 3 * number < 2 * len(packets)))
    log = EventLog(tmp_path / "events.jsonl")
    source = open_captures([str(path)])
    with contextlib.closing(source), contextlib.closing(log):
        Run(Config(), source, log).run()
    records = [json.loads(line) for line in (tmp_path / "events.jsonl").read_bytes().splitlines()]
    (back,) = [
        place for place, record in enumerate(records) if record.get("facts", {}).get("check") == "sensor.clock_jump"
    ]
    actions = [record["action"] for record in records[back:] if record["kind"] == "device"]
    assert actions
    assert "gone" not in actions


def test_the_watchdog_does_not_mind(tmp_path: Path) -> None:
    """The watchdog uses a monotonic clock: it is fed and checked as often after a jump back as before it."""
    manager = Manager(str(tmp_path / "notify"))
    clock, counts = Clock(), list[int]()
    one = Sensor(tmp_path, "{}", clock=clock)

    def begin(run: Any) -> None:
        run.notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000"})

    def count(_: Any) -> None:
        counts.append(sum(word == "WATCHDOG=1" for word in manager.received()))

    one.live(
        one.then(begin),
        one.pause(100),
        one.then(count),
        clock.jump(-5),
        one.pause(100),
        one.then(count),
        clock.jump(10),
        one.pause(100),
        one.then(count),
    )
    assert min(counts) >= 5
    one.run.notifier.close()
    manager.close()
