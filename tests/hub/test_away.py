"""A day without the hub: the sensor's log grows meanwhile, in segments on disk. Then all of it arrives, new alerts
first, while new events are written; events beyond the limit on disk space are a gap of known numbers.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from sensor.core.record_parts import time_text
from sensor.core.time_units import SECOND
from sensor.eventlog.live_log import LiveLog
from sensor.eventlog.segments import segments
from tests.hub.hub_kit import SITE, HubServers, configuration, forwarder
from tests.reliability.live_logs import TS, keep
from tests.reliability.maker import MIX, records
from tests.sampling import repeated

NAME, DAY_S = "away", 86_400
# Over the day; `make test-endurance`: one a second.
EVENTS, BEFORE, MEANWHILE = repeated(DAY_S, 5000), 200, 100
BATCH, SYNCED, TRIES = 100, 1000, 5


class Sensor:
    """Its log, which keeps a record until the output to the hub has delivered it, and its clock."""

    def __init__(self, servers: HubServers, folder: Path, batch: int = BATCH, **limits: float) -> None:
        servers.empty()
        self.servers, self.path = servers, folder / "events.jsonl"
        settings = keep(**{"segment_mib": 0.25, "commit_ms": 10, "age_days": 0.1, "size_mib": 0.5} | limits)
        self._now = TS / SECOND
        self.log = LiveLog(self.path, settings, outputs=("hub",), clock=lambda: self._now)
        self._records = records(1)
        self._config = configuration(
            folder / "sensor.yaml", servers.url, servers.joined(NAME, folder), NAME, batch_events=batch, timeout_s=10
        )

    def observe(self, events: int, apart_s: float) -> None:
        """Write events, this far apart. Some at a time: a day is written in seconds, too fast for a busy disk."""
        for number, record in enumerate(islice(self._records, events)):
            self._now += apart_s
            record.sensor.id, record.sensor.site = NAME, SITE
            record.ts = time_text(int(self._now * SECOND))
            self.log.write(record)
            if number % SYNCED == 0:
                assert self.log.sync(60)
        assert self.log.sync(60)
        assert not self.log.lost

    def forward(self) -> subprocess.Popen[bytes]:
        return forwarder(self._config, self.path, "--once")

    def deliver(self) -> None:
        """Deliver until nothing is pending: a worker takes seconds to reconnect to a server that was away."""
        for _ in range(TRIES):
            sent = self.forward()
            _, complaints = sent.communicate(timeout=300)
            if sent.returncode == 0:
                return
        raise AssertionError(complaints.decode())

    def held(self) -> list[int]:
        return [row[0] for row in self.servers.queried("SELECT seq FROM events ORDER BY seq, ts")]


@pytest.fixture
def sensor(servers: HubServers, tmp_path: Path) -> Iterator[Sensor]:
    one = Sensor(servers, tmp_path, hard_mib=10_000)
    yield one
    one.log.close()


def is_alert(number: int) -> bool:
    return MIX[(number - 1) % len(MIX)] == "alert_open"


@pytest.mark.endurance
def test_all_of_the_day_arrives(sensor: Sensor) -> None:
    """The log exceeds its limits of size and age, but the hub lacks it. Each number arrives once; alerts of the day and
    new ones are committed long before the rest.
    """
    sensor.observe(BEFORE, 1)
    sensor.deliver()
    sensor.servers.nats.kill()
    sensor.observe(EVENTS, DAY_S / EVENTS)
    assert len(segments(sensor.path)) > 3
    waiting = sensor.forward()
    waiting.communicate(timeout=120)
    assert waiting.returncode == 1
    sensor.servers.nats.start()
    catching_up = sensor.forward()
    meanwhile = threading.Thread(target=sensor.observe, args=(MEANWHILE, 1))
    meanwhile.start()
    catching_up.communicate(timeout=600)
    meanwhile.join()
    sensor.deliver()
    total = BEFORE + EVENTS + MEANWHILE
    assert sensor.held() == list(range(1, total + 1))
    order = {row[0]: row[1] for row in sensor.servers.queried("SELECT seq, xmin::text::bigint FROM events")}
    last_alert = max(order[seq] for seq in range(BEFORE + 1, BEFORE + EVENTS + 1) if is_alert(seq))
    later = [seq for seq in range(BEFORE + 1, BEFORE + EVENTS + 1) if order[seq] > last_alert]
    assert len(later) > EVENTS / 2
    assert not any(map(is_alert, later))


@pytest.mark.endurance
def test_over_the_limit_of_disk_space_the_loss_is_known(servers: HubServers, tmp_path: Path) -> None:
    """The oldest segments are removed, and the hub lacks exactly the numbers that the log reports as removed."""
    sensor = Sensor(servers, tmp_path, hard_mib=1)
    sensor.observe(BEFORE, 1)
    sensor.deliver()
    sensor.servers.nats.kill()
    try:
        sensor.observe(EVENTS, DAY_S / EVENTS)
        sensor.log.close()
    finally:
        sensor.servers.nats.start()
    sensor.deliver()
    held = sensor.held()
    lost = sorted(set(range(1, BEFORE + EVENTS + 1)) - set(held))
    assert len(held) == len(set(held))
    assert lost == list(range(lost[0], lost[-1] + 1))
    assert BEFORE < lost[0] <= lost[-1] < BEFORE + EVENTS
    assert servers.queried("SELECT committed::text FROM logs") == [
        (f"{{[1,{lost[0]}),[{lost[-1] + 1},{BEFORE + EVENTS + 1})}}",)
    ]
