"""Rollouts in rings at a real database: who is first, when the next ring begins, and what stops it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sensor.hub import rollouts
from sensor.hub.database import Connection
from sensor.hub.releases import add_release, package_part
from sensor.hub.rings import SILENT, rings_of
from sensor.hub.rollouts import DOWNLOADS, CannotRoll, answer, review
from sensor.hub.upgrade_list import list_upgrades
from sensor.outputs.hub_protocol.messages import FilePart, UpgradeReport
from sensor.outputs.transport.nkeys import OPERATOR, KeyPair
from sensor.upgrades.packages import Dpkg
from sensor.upgrades.releases import Rejected, verify_release
from tests.hub.hub_kit import SITE, HubServers
from tests.upgrades.machine import built, needs_dpkg

pytestmark = needs_dpkg
START = datetime(2026, 11, 29, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
PAIR = KeyPair.generate(OPERATOR)


class Fleet:
    """A fleet of sensors with version 1.0 that report every minute, and a clock. Releases 1.0 and 1.1 exist."""

    def __init__(self, base: Connection, folder: Path, size: int) -> None:
        self.base, self.now, self.folder = base, START, folder
        self.keys = [f"K{number:04}" for number in range(size)]
        base.cursor().executemany(
            "INSERT INTO sensors (key, name, site, sensor_id, sensor_site, state) "
            "VALUES (%s, %s, %s, '', '', 'approved')",
            [(key, f"sensor-{key}", SITE) for key in self.keys],
        )
        for version in ("1.0", "1.1"):
            add_release(base, PAIR, built(folder, version), "anna", self.now)
        for key in self.keys:
            self.report(key)

    def report(self, key: str, state: str = "", health: str = "", installed: str = "1.0", reason: str = "") -> str:
        """Report of one sensor on version 1.1; the version that it is offered, empty: none."""
        signed = int(START.timestamp())
        report = UpgradeReport(
            installed, Dpkg().architecture(), state, "1.1" if state else "", signed, health=health, reason=reason
        )
        with self.base.transaction():
            offer = answer(self.base, key, report, self.now)
        if offer is None:
            return ""
        assert offer.before is not None
        assert verify_release(offer.before, PAIR.public).version == "1.0"
        return verify_release(offer.release, PAIR.public).version

    def offered(self) -> list[str]:
        """Sensors that are offered version 1.1; reports change nothing."""
        return [key for key in self.keys if self.report(key) == "1.1"]

    def upgraded(self, keys: list[str]) -> None:
        for key in keys:
            self.report(key, "installed", "ok", "1.1")

    def rollout(self) -> tuple[str, int]:
        found = review(self.base, self.now)
        assert found is not None
        return found.state, found.ring

    def begin(self, wait: timedelta | None = None) -> int:
        return rollouts.begin(self.base, "1.1", wait, "anna", self.now)


@pytest.fixture
def fleet(servers: HubServers, tmp_path: Path) -> Iterator[Fleet]:
    servers.empty()
    with servers.base() as base:
        yield Fleet(base, tmp_path, 30)


@pytest.mark.parametrize("size", [1, 2, 30, 100, 1000])
def test_sizes_of_rings(size: int) -> None:
    """1 % and at least one, 10 %, and the rest; the same sensors each time, whatever their order."""
    sensors = dict.fromkeys((f"key-{number}" for number in range(size)), None)
    rings = rings_of(sensors)
    sizes = [list(rings.values()).count(ring) for ring in (1, 2, 3)]
    assert sizes[0] == max(1, math.ceil(size / 100))
    assert sizes[1] == min(size - sizes[0], math.ceil(size / 10))
    assert sum(sizes) == size
    assert rings_of(dict(reversed(sensors.items()))) == rings


def test_rings_by_hand() -> None:
    """A chosen ring has priority; the operator's first ring is not extended."""
    rings = rings_of({f"key-{number}": {1: 1, 2: 1, 3: 3}.get(number) for number in range(20)})
    assert sorted(key for key, ring in rings.items() if ring == 1) == ["key-1", "key-2"]
    assert rings["key-3"] == 3


def test_rings_begin_when_the_one_before_was_healthy(fleet: Fleet) -> None:
    """One sensor, then 3 more, then all; the release is not offered before."""
    assert fleet.begin(24 * HOUR) == 1
    first = fleet.offered()
    assert len(first) == 1
    fleet.upgraded(first)
    fleet.now += 23 * HOUR
    fleet.upgraded(first)
    assert fleet.rollout() == ("running", 1)
    fleet.now += HOUR
    fleet.upgraded(first)
    assert fleet.rollout() == ("running", 2)
    second = [key for key in fleet.offered() if key not in first]
    assert len(second) == 3
    for key in first:
        fleet.report(key, "installed", "ok", "1.1")
    fleet.upgraded(second)
    fleet.now += 24 * HOUR
    fleet.upgraded(first + second)
    assert fleet.rollout() == ("running", 3)
    fleet.upgraded(fleet.keys)
    assert fleet.rollout() == ("finished", 3)


def test_health_must_last(fleet: Fleet) -> None:
    """A sensor whose health was unknown in between starts its time again; one that was restarted is no failure."""
    fleet.begin(2 * HOUR)
    first = fleet.offered()
    fleet.upgraded(first)
    fleet.now += HOUR
    fleet.report(first[0], "installed", "unknown", "1.1", "the sensor does not answer")
    fleet.upgraded(first)
    fleet.now += HOUR
    fleet.upgraded(first)
    assert fleet.rollout() == ("running", 1)
    fleet.now += HOUR
    fleet.upgraded(first)
    assert fleet.rollout() == ("running", 2)


def test_without_a_time_the_operator_decides(fleet: Fleet) -> None:
    fleet.begin()
    [first] = fleet.offered()
    for _ in range(3):
        fleet.upgraded([first])
        fleet.now += SILENT
        assert fleet.rollout() == ("running", 1)


@pytest.mark.parametrize(
    ("state", "health", "installed"),
    [("rolled_back", "", "1.0"), ("failed", "", ""), ("installed", "worse", "1.1")],
)
def test_a_sensor_that_is_worse_off_stops_the_rollout(fleet: Fleet, state: str, health: str, installed: str) -> None:
    """No other sensor is offered the release any more, not even one that asked before."""
    fleet.begin(HOUR)
    [first] = fleet.offered()
    assert fleet.report(first, state, health, installed, "log fault") == ""
    last = rollouts.latest(fleet.base)
    assert last is not None
    assert (last.state, last.reason) == ("stopped", f"sensor-{first}: log fault")
    assert fleet.offered() == []
    with pytest.raises(CannotRoll):
        rollouts.advance(fleet.base)


def test_a_sensor_that_falls_silent_stops_the_rollout(fleet: Fleet) -> None:
    """A sensor that is switched off before its upgrade does not."""
    fleet.begin(HOUR)
    [first] = fleet.offered()
    fleet.now += 2 * SILENT
    assert fleet.rollout() == ("running", 1)
    fleet.report(first, "installing", "", "1.1")
    fleet.now += SILENT + MINUTE
    assert fleet.rollout() == ("stopped", 1)


def test_the_operator_goes_on_and_stops(fleet: Fleet) -> None:
    """A sensor that is refused or silent holds up automatic rings only."""
    fleet.begin()
    [first] = fleet.offered()
    fleet.report(first, "refused", reason="no space")
    assert fleet.rollout() == ("running", 1)
    assert rollouts.advance(fleet.base).ring == 2
    assert len(fleet.offered()) == 4
    assert rollouts.stop(fleet.base, "maintenance").state == "stopped"
    assert fleet.offered() == []
    with pytest.raises(CannotRoll):
        rollouts.stop(fleet.base, "again")


def test_a_release_signed_again_is_another_one(fleet: Fleet) -> None:
    """Failures of the former one do not stop its rollout."""
    fleet.begin()
    [first] = fleet.offered()
    fleet.report(first, "rolled_back", reason="fault")
    add_release(fleet.base, PAIR, built(fleet.folder, "1.1"), "anna", START + HOUR)
    fleet.begin()
    assert fleet.report(first, "rolled_back", reason="fault") == "1.1"
    assert fleet.rollout() == ("running", 1)


def test_downloads_are_limited(fleet: Fleet) -> None:
    """At most 20 sensors download at a time; the next one begins when another has finished."""
    fleet.begin()
    rollouts.advance(fleet.base)
    rollouts.advance(fleet.base)
    loading = [key for key in fleet.keys if fleet.report(key) and fleet.report(key, "downloading")]
    assert len(loading) == DOWNLOADS
    waiting = next(key for key in fleet.keys if key not in loading)
    assert fleet.report(waiting) == ""
    assert fleet.report(loading[0], "downloading") == "1.1"
    fleet.report(loading[0], "ready")
    assert fleet.report(waiting) == "1.1"


def test_what_cannot_begin(fleet: Fleet) -> None:
    """An unknown version, and a fleet that has the version already."""
    with pytest.raises(CannotRoll, match=r"2\.0"):
        rollouts.begin(fleet.base, "2.0", None, "anna", fleet.now)
    for key in fleet.keys:
        fleet.report(key, installed="1.1")
    with pytest.raises(CannotRoll, match="no sensor"):
        fleet.begin()


def test_a_package_in_parts(fleet: Fleet, servers: HubServers, tmp_path: Path) -> None:
    """A large package is read from any offset, by approved sensors only; a foreign package is not accepted."""
    package = built(tmp_path / "large", "1.3", size=1_500_001)
    release = add_release(fleet.base, PAIR, package, "anna", fleet.now)
    body = b""
    while part := package_part(fleet.base, fleet.keys[0], FilePart(release.sha256, len(body))):
        body += part
    assert body == package.read_bytes()
    assert package_part(fleet.base, fleet.keys[0], FilePart(release.sha256, 700_000))[:9] == body[700_000:700_009]
    assert package_part(fleet.base, "stranger", FilePart(release.sha256, 0)) == b""
    (tmp_path / "text").write_text("no package")
    with pytest.raises(Rejected):
        add_release(fleet.base, PAIR, tmp_path / "text", "anna", fleet.now)


def test_states_in_words(fleet: Fleet) -> None:
    """What is unknown is called unknown."""
    fleet.begin()
    [first] = fleet.offered()
    fleet.report(first, "rolled_back", reason="fault")
    fleet.base.execute("DELETE FROM upgrades WHERE sensor = %s", [next(key for key in fleet.keys if key != first)])
    last = rollouts.latest(fleet.base)
    rows = list_upgrades(fleet.base, last)
    states = {row.name: row.progress(last, fleet.now).partition(":")[0] for row in rows}
    assert states.pop(f"sensor-{first}") == "rolled back"
    assert Counter(states.values()) == {"not upgraded": len(fleet.keys) - 2, "unknown": 1}
    assert [row.name for row in rows if row.fault(last, fleet.now)] == [f"sensor-{first}"]
    assert {row.progress(last, fleet.now + HOUR).partition(":")[0] for row in rows} == {"unknown"}
