"""The checks of a running sensor: faults are reported at their start, each hour and at their end, at low cost and
without privileges.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from sensor.core.addresses import Networks
from sensor.decode.frames import decode
from sensor.doctor import machine, watch
from sensor.doctor.card import Card
from sensor.doctor.watch import EVERY_S, FIRST_S, FRAMES, PAUSE_S, Watch
from sensor.engine.health import AGAIN_S, Finding, Health
from tests.doctor.office import changed, mac, office
from tests.golden import Golden
from tests.kit import batch_of

GOOD = {
    "there": True,
    "up": True,
    "carrier": True,
    "promiscuous": True,
    "mac": 0x02_0000_0000_99,
    "speed": 1000,
    "ring": 1024,
    "ring_most": 4096,
}
MIRROR = [frame for _, frame in office()]


class Sensor:
    """A running sensor, driven in seconds. ``card``: the current state of the interface."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, folder: Path, networks: tuple[str, ...] = (), **more: bool
    ) -> None:
        self.card = Card("eth7", **GOOD, offloads={"rx-gro": False}, counters={"rx_missed_errors": 0})
        self.free = 1 << 40
        monkeypatch.setattr(
            watch, "look", lambda _: msgspec.structs.replace(self.card, counters=dict(self.card.counters))
        )
        monkeypatch.setattr(machine, "clock", lambda: machine.Clock(None))
        monkeypatch.setattr(
            os,
            "statvfs",
            lambda _: os.statvfs_result(
                (4096, 4096, 1 << 30, self.free // 4096, self.free // 4096, 100, 90, 90, 0, 255)
            ),
        )
        self.health = Health(["eth7"], live=True)
        self.watch = Watch(["eth7"], Networks(networks), lambda: [folder], **more)
        self.at(0)

    def at(self, second: float) -> list[Finding]:
        return list(self.watch.look(self.health, int(second * 1e9), second))

    def sees(self, frames: list[bytes], second: float) -> None:
        batch = batch_of(frames)
        decode(batch.data, batch.rows)
        self.watch.see(batch.rows, second)


@pytest.fixture
def sensor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Sensor:
    return Sensor(monkeypatch, tmp_path)


def findings(found: list[Finding]) -> list[tuple[str, str]]:
    return [(one.check, one.severity) for one in found]


def test_where_all_is_well_nothing_is_reported(sensor: Sensor) -> None:
    """A correct mirror and interface cause no event, however often they are checked."""
    for second in range(int(FIRST_S), 4000, 10):
        sensor.sees(MIRROR, second)
        assert sensor.at(second) == []
    assert sensor.health.reported == {}


def test_an_offload_that_is_switched_on_meanwhile(sensor: Sensor) -> None:
    """Reported at the next check with the command that fixes it, again after an hour, and once when it is off again."""
    assert sensor.at(FIRST_S) == []
    sensor.card.offloads = {"rx-gro": True}
    assert sensor.at(FIRST_S + 1) == []
    (result,) = sensor.at(FIRST_S + EVERY_S)
    assert (result.check, result.severity, result.facts["subject"]) == ("sensor.offloads", "low", "eth7")
    assert result.msg.startswith("eth7: GRO ")
    assert result.msg.endswith("; ethtool -K eth7 gro off")
    assert "sensor.offloads/eth7" in sensor.health.ongoing
    later = [findings(sensor.at(FIRST_S + look * EVERY_S)) for look in range(2, 26)]
    assert [look * EVERY_S for look, found in enumerate(later, 1) if found] == [AGAIN_S, 2 * AGAIN_S]
    sensor.card.offloads = {"rx-gro": False}
    (over,) = sensor.at(FIRST_S + 30 * EVERY_S)
    assert (over.check, over.severity) == ("sensor.offloads", "info")
    assert sensor.at(FIRST_S + 31 * EVERY_S) == []
    assert sensor.health.ongoing == {}
    assert sensor.health.reported == {"sensor.offloads": 4}


def test_a_cable_that_is_pulled(sensor: Sensor) -> None:
    """An error of higher severity; the promiscuous check is skipped meanwhile."""
    sensor.card.up, sensor.card.promiscuous = False, False
    assert findings(sensor.at(FIRST_S)) == [("sensor.interface", "medium")]
    sensor.card.there = False
    assert sensor.at(FIRST_S + EVERY_S) == []  # persists: reported again within the hour
    sensor.card.up = sensor.card.there = sensor.card.promiscuous = True
    assert findings(sensor.at(FIRST_S + 2 * EVERY_S)) == [("sensor.interface", "info")]


def test_a_cable_that_is_pulled_again_and_again(sensor: Sensor) -> None:
    """Loss and return of the link are reported within a second, between the intervals of other checks."""
    sensor.at(FIRST_S)
    found: list[tuple[str, str]] = []
    for second in range(1, 201):
        sensor.card.up = second % 4 < 2
        found += findings(sensor.at(FIRST_S + second))
    assert found == [("sensor.interface", "medium"), ("sensor.interface", "info")] * 50


def test_frames_that_the_card_lost_since_the_last_look(sensor: Sensor) -> None:
    """Counters are compared with the previous check, not with zero."""
    sensor.at(FIRST_S)
    sensor.card.counters["rx_missed_errors"] = 500
    (result,) = sensor.at(FIRST_S + EVERY_S)
    assert result.check == "sensor.kernel_drops"
    assert result.facts["rx_missed_errors"] == 500
    assert findings(sensor.at(FIRST_S + 2 * EVERY_S)) == [("sensor.kernel_drops", "info")]


def test_a_card_that_keeps_frames_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Promiscuous mode was switched off; this is no fault where the configuration does not want it."""
    one = Sensor(monkeypatch, tmp_path)
    one.card.promiscuous = False
    assert findings(one.at(FIRST_S)) == [("sensor.promiscuous", "low")]
    other = Sensor(monkeypatch, tmp_path, promiscuous=False)
    other.card.promiscuous = False
    assert other.at(FIRST_S) == []


def test_a_disk_that_fills(sensor: Sensor, tmp_path: Path) -> None:
    """Below the space for one segment of the log it is an error, with its folder."""
    sensor.free = 10 << 20
    (result,) = sensor.at(FIRST_S)
    assert (result.check, result.severity, result.facts["subject"]) == ("sensor.space", "medium", str(tmp_path))
    sensor.free = 1 << 40
    assert findings(sensor.at(FIRST_S + EVERY_S)) == [("sensor.space", "info")]


def test_another_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A new folder after a reload of the configuration is checked instead."""
    one = Sensor(monkeypatch, tmp_path)
    one.free = 10 << 20
    folders = [tmp_path / "before"]
    one.watch = Watch(["eth7"], Networks(), lambda: folders)
    one.at(0)
    assert [result.facts["subject"] for result in one.at(FIRST_S)] == [str(tmp_path / "before")]
    folders[:] = [tmp_path / "after"]
    assert [result.facts["subject"] for result in one.at(FIRST_S + EVERY_S)] == [str(tmp_path / "after")]


def test_a_mirror_port_that_answers(sensor: Sensor) -> None:
    """An address was assigned: reported with the commands that make the port silent, and again when it is silent."""
    sensor.sees(MIRROR, 1)
    assert sensor.at(FIRST_S) == []
    sensor.card.arp, sensor.card.addresses = True, ["10.0.0.9/24"]
    sensor.sees(MIRROR, FIRST_S + 1)
    (result,) = sensor.at(FIRST_S + EVERY_S)
    assert (result.check, result.severity) == ("sensor.silent_port", "low")
    assert "ip link set eth7 arp off" in result.facts["advice"]
    sensor.card.arp, sensor.card.addresses = False, []
    sensor.sees(MIRROR, FIRST_S + EVERY_S + 1)
    assert findings(sensor.at(FIRST_S + 2 * EVERY_S)) == [("sensor.silent_port", "info")]


@pytest.mark.parametrize(
    ("frames", "check"),
    [
        ([frame for _, frame in changed(office(), lambda frame: None if frame[0] & 1 else frame)], "sensor.broadcast"),
        ([frame for frame in MIRROR if frame[:6] == b"\xff" * 6] * 10, "sensor.mirror"),
        ([frame for _, frame in office("203.0.113")], "sensor.inside"),
    ],
    ids=["no broadcast", "only broadcast", "foreign addresses"],
)
def test_a_port_that_is_no_mirror_any_more(sensor: Sensor, frames: list[bytes], check: str) -> None:
    """Traffic shows within minutes that the switch no longer mirrors, and that it does again."""
    sensor.sees(MIRROR, 1)
    assert sensor.at(FIRST_S) == []
    sensor.sees(frames, FIRST_S + 1)
    assert (check, "low") in findings(sensor.at(FIRST_S + EVERY_S))
    sensor.sees(MIRROR, FIRST_S + EVERY_S + 1)
    assert (check, "info") in findings(sensor.at(FIRST_S + 2 * EVERY_S))


def test_only_our_own_traffic(sensor: Sensor) -> None:
    """Every frame is from or to this machine: the port mirrors nothing."""
    sensor.card.mac = mac("10.0.0.2")
    sensor.at(FIRST_S)
    own = [frame for frame in MIRROR if sensor.card.mac.to_bytes(6, "big") in (frame[:6], frame[6:12])]
    sensor.sees(own * 20, FIRST_S + 1)
    assert ("sensor.mirror", "low") in findings(sensor.at(FIRST_S + EVERY_S))


def test_networks_of_the_operator_count_as_inside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Networks of the configuration are internal, and those of a reloaded configuration as well."""
    one = Sensor(monkeypatch, tmp_path, ("203.0.113.0/24",))
    one.sees([frame for _, frame in office("203.0.113")], 1)
    assert one.at(FIRST_S) == []


def test_too_few_frames_report_nothing(sensor: Sensor) -> None:
    """Little traffic at night is no fault of the mirror."""
    sensor.sees([frame for frame in MIRROR if frame[:6] == b"\xff" * 6][:20], 1)
    assert sensor.at(FIRST_S) == []


def test_at_most_so_many_frames_a_second_are_looked_at(sensor: Sensor) -> None:
    """The number of frames checked per second is bounded."""
    for place in range(1000):
        sensor.sees(MIRROR, 5 + place / 100)
    assert sensor.watch._samples[0].seen().ethernet == FRAMES * 10 / PAUSE_S


def test_each_interface_for_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One of two interfaces sees only its own machine: that one is named."""
    Sensor(monkeypatch, tmp_path)
    health, both = Health(["eth7", "eth8"], live=True), Watch(["eth7", "eth8"], Networks(), list)
    list(both.look(health, 0, 0))
    only = [frame for frame in MIRROR if frame[:6] == b"\xff" * 6] * 10
    batch = batch_of(MIRROR[:120] + only[: FRAMES - 120])
    decode(batch.data, batch.rows)
    batch.rows["source"][120:] = 1
    both.see(batch.rows, PAUSE_S)
    result = list(both.look(health, 10**11, 100))
    assert [(one.check, one.facts["subject"]) for one in result] == [("sensor.mirror", "eth8")]


def test_what_cannot_be_read_is_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a socket, /sys, disk or clock, no check fails and none invents a value."""
    one = Sensor(monkeypatch, tmp_path)

    def forbidden(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(watch, "look", forbidden)
    monkeypatch.setattr(os, "statvfs", forbidden)
    fresh = Watch(["eth7"], Networks(), lambda: [tmp_path])
    for second in range(0, 2000, 10):
        assert list(fresh.look(one.health, second * 10**9, second)) == []
        assert one.at(second) == []


def test_a_source_that_is_no_interface(tmp_path: Path) -> None:
    """A source whose name is no interface has no checks."""
    one, health = Watch(["no such 0"], Networks(), lambda: [tmp_path]), Health(["no such 0"], live=True)
    assert [
        found
        for second in range(0, 1000, 10)
        for found in one.look(health, second * 10**9, second)
        if found.check != "sensor.clock"
    ] == []


def test_it_is_cheap(tmp_path: Path) -> None:
    """A check of the interface takes a few milliseconds, and so does a second of frames: each under one percent."""
    one, health = Watch(["lo"], Networks(), lambda: [tmp_path]), Health(["lo"], live=True)
    list(one.look(health, 0, 0))
    batch = batch_of(MIRROR * 20)
    decode(batch.data, batch.rows)
    began = time.process_time()
    for second in range(1, 101):
        one.see(batch.rows, second)
        list(one.look(health, second * 10**9, second * EVERY_S))
    assert (time.process_time() - began) / 100 < 0.05


PROGRAM = """
import json, os, subprocess, sys
from pathlib import Path
from sensor.core.addresses import Networks
from sensor.doctor.watch import Watch
from sensor.engine.health import Health
health, one = Health(["vd0"], live=True), Watch(["vd0"], Networks(), lambda: [Path("/")], promiscuous=False)
def at(second):
    found = [each for each in one.look(health, second * 10**9, second) if each.check in ("sensor.interface", "sensor.offloads")]
    return [(each.check, each.severity, each.msg) for each in found]
def ip(*words):
    subprocess.run(["ip", "link", "set", "vd0", *words], check=True)
subprocess.run(["ethtool", "-K", "vd0", "gro", "off"], check=True)
told = [at(0), at(60)]
subprocess.run(["ethtool", "-K", "vd0", "gro", "on"], check=True)
told.append(at(360))
ip("down")
child = os.fork()
if not child:
    os.setgid(65534), os.setuid(65534)
    told.append(at(660))
    print(json.dumps(told), flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""


@pytest.fixture
def space() -> Iterator[str]:
    name = f"sensor-w-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "add", "vd0", "type", "veth", "peer", "name", "vd1"], check=True)
        for one in ("vd0", "vd1"):
            subprocess.run(["ip", "-n", name, "link", "set", one, "up"], check=True)
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


@pytest.mark.lab
@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("ethtool"),
    reason="needs root, iproute2 and ethtool",
)
def test_a_real_interface(golden: Golden, space: str, root: Path) -> None:
    """GRO is switched on, then the interface is set down; a user other than root sees both."""
    arguments = ["ip", "netns", "exec", space, sys.executable, "-c", PROGRAM]
    done = subprocess.run(
        arguments, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True, check=True
    )
    before, first, gro, down = json.loads(done.stdout)
    assert (before, first) == ([], [])
    assert gro == [["sensor.offloads", "low", gro[0][2]]]
    assert gro[0][2].endswith("ethtool -K vd0 gro off")
    golden(down)
