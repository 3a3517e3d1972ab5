"""`sensor run` as a service manager sees it: a real process on a real interface, with its notify socket, reloads under
traffic, and every way to stop.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import dpkt
import pytest

from sensor.config import Config
from sensor.eventlog.log_cursor import LogCursor
from sensor.inventory.baseline import Baseline
from sensor.inventory.store.store import Store
from sensor.runtime.assembly import known
from sensor.runtime.keeper import Keeper
from tests import forked, namespaces, sampling
from tests.inventory.stories import Story
from tests.inventory.test_figures import LIMITS, MANY, office
from tests.lab.test_live import ENVIRONMENT, ROOT, Lab, pytestmark, received, run  # noqa: F401 the marks of the lab
from tests.runtime.test_assembly import GOOD as FINGERPRINT
from tests.runtime.test_notify import Manager
from tests.waiting import until

SENDER = """
import os, socket, sys, time
from tests.kit import udp_frame
from tests.waiting import until

rate, name = int(sys.argv[1]), sys.argv[2]
frames = [udp_frame(f"10.0.0.{n % 200 + 1}", f"10.0.1.{n % 250 + 1}", b"x" * 100, sport=20000 + n % 300, dport=9999) for n in range(1000)]
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
    sock.bind((name, 0))
    began, sent = time.monotonic(), 0
    print("sending", flush=True)
    while not os.path.exists(sys.argv[3]):
        due = int((time.monotonic() - began) * rate)
        for _ in range(min(due - sent, 2000)):
            sock.send(frames[sent % 1000])
            sent += 1
        time.sleep(0.001)
    print(sent, flush=True)
"""
GOOD = ("networks: [203.0.113.0/24]\n", "preset: quiet\nsensor: {site: there}\n")
BROKEN = "networks: [203.0.113.0/24]\ncapture:\n  interface: eth0\n"


class Service:
    """One `sensor run` on ``vb``, and the manager that receives its messages."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.folder, self.log = lab, folder, folder / "log" / "events.jsonl"
        self.log.parent.mkdir()
        self.config = folder / "sensor.yaml"
        self.config.write_text("{}\n")
        self.manager = Manager(str(folder / "notify"))
        self.received: list[str] = []
        self.process: subprocess.Popen[bytes]

    def start(self, *more: str, before: tuple[str, ...] = (), **environment: str) -> subprocess.Popen[bytes]:
        arguments = [
            "sensor",
            "run",
            "-i",
            "vb",
            "--config",
            str(self.config),
            "--state",
            str(self.folder / "state"),
            "--events",
            str(self.log),
            *more,
        ]
        command = [sys.executable, "-m", *arguments]
        reported = {"NOTIFY_SOCKET": str(self.folder / "notify"), "WATCHDOG_USEC": "1000000", **environment}
        with (self.folder / "err").open("ab") as err:
            given = {"stdout": subprocess.DEVNULL, "stderr": err, "cwd": ROOT, "env": ENVIRONMENT | reported}
            if before:
                inside = ["ip", "netns", "exec", self.lab.there, *before]
                self.process = subprocess.Popen([*inside, *command], **given)
            else:
                self.process = forked.started(command, first=partial(namespaces.enter, self.lab.there), **given)
        self.lab.processes.append(self.process)  # type: ignore[arg-type]
        return self.process

    def wait_for(self, word: str, count: int = 1, seconds: float = 60) -> None:

        def received() -> bool:
            self.received += self.manager.received()
            assert self.process.poll() is None, self.err
            return sum(output.startswith(word) for output in self.received) >= count

        until(received, timeout_s=seconds, what=lambda: (word, self.received, self.err))

    def wait_for_packets(self, count: int) -> None:
        """Wait until it has counted this many packets."""

        def counted() -> bool:
            self.received += self.manager.received()
            found = re.findall(r"STATUS=([\d,]+) packets", "".join(self.received))
            return bool(found) and int(found[-1].replace(",", "")) >= count

        until(counted, what=lambda: self.received)

    def reload(self, text: str) -> None:
        """Change the configuration, and wait until it is ready again."""
        self.config.write_text(text)
        self.received = []
        self.process.send_signal(signal.SIGHUP)
        self.wait_for("READY=1")

    def end(self, number: int = signal.SIGTERM) -> int:
        """The exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)

    @property
    def err(self) -> str:
        return (self.folder / "err").read_text()

    @property
    def records(self) -> list[dict[str, Any]]:
        cursor, found = LogCursor(self.log, 0), list[dict[str, Any]]()
        while lines := cursor.read():
            found += [json.loads(line) for _, line in lines]
        cursor.close()
        return found

    def reported(self, action: str) -> list[dict[str, Any]]:
        return [record for record in self.records if record["kind"] == "sensor" and record["action"] == action]

    def wait_for_log(self, holds: Callable[[], bool]) -> None:
        """Wait until the log contains the text: it is written in groups."""
        until(holds, what=lambda: self.records[-3:])

    def worked_s(self) -> float:
        """Processor time so far, in seconds, which does not depend on other processes."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self) -> int:
        """Open files; the current segment of the log counts once, since the tables' writer reads it at times."""
        found = list[str]()
        for one in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                found.append(str(one.readlink()))
        segments = {name for name in found if name.startswith(str(self.log.parent / "events.segments/0"))}
        return len([name for name in found if name not in segments]) + bool(segments)

    def anonymous_mib(self) -> float:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon"))


@pytest.fixture
def lab() -> Iterator[Lab]:
    lab = Lab()
    try:
        yield lab
    finally:
        lab.close()


@pytest.fixture
def service(lab: Lab, tmp_path: Path) -> Iterator[Service]:
    one = Service(lab, tmp_path)
    yield one
    one.manager.close()


@pytest.fixture
def traffic(lab: Lab, tmp_path: Path) -> Callable[[int], Callable[[], int]]:
    """Starts to send this many packets a second; the returned function stops that and returns the number sent."""

    def begin(rate: int) -> Callable[[], int]:
        over = tmp_path / "over"
        sender = lab.start(lab.here, "-c", SENDER, str(rate), "va", str(over))
        assert sender.stdout is not None
        assert sender.stdout.readline() == "sending\n"

        def end() -> int:
            over.touch()
            assert sender.stdout is not None
            sent = int(sender.stdout.readline())
            assert sent > rate / 5  # a busy machine sends fewer
            return sent

        return end

    return begin


def test_a_life(service: Service) -> None:
    """Ready once it captures and the log is written; alive, with figures, during the run; stopping, and ended in a
    moment.
    """
    service.start()
    service.wait_for("READY=1\nSTATUS=capturing on vb")
    service.wait_for_log(lambda: [record["action"] for record in service.records][:1] == ["started"])
    service.wait_for("WATCHDOG=1", 4)
    service.wait_for("STATUS=0 packets, 0 lost, 0 devices, 0 alerts open")
    assert service.end() == 0
    service.received += service.manager.received()
    assert service.received[-1] == "STOPPING=1\nSTATUS=stopping"
    assert len(service.reported("stopped")) == 1


def test_an_alert_that_goes_on_after_a_restart(service: Service, lab: Lab) -> None:
    """Its repeat is an update of the same alert and incident."""
    with (ROOT / "pcaps" / "lab" / "attacks" / "arp_scan.pcap").open("rb") as file:
        frames = [frame for _, frame in dpkt.pcap.Reader(file)]
    for start in (1, 2):
        service.start()
        service.wait_for("READY=1", start)
        for frame in frames:
            lab.send(frame)
        assert service.end() == 0
    alerts = [record for record in service.records if record["kind"] == "alert"]
    assert [one["action"] for one in alerts] == ["open", "update", "update"]
    assert alerts[2]["alert"]["count"] == 2 * alerts[1]["alert"]["count"]
    assert len({one["alert"]["id"] for one in alerts}) == 1
    assert len({one["incident"]["id"] for one in service.records if one["kind"] == "incident"}) == 1


@pytest.mark.endurance
def test_reloads_under_traffic(service: Service, traffic: Callable[[int], Callable[[], int]]) -> None:
    """Invalid reloads, then ten times as many valid ones under thousands of packets a second: no packet is lost, and
    the second half of the reloads takes no more memory than the first.

    SENSOR_RELOADS: number of valid reloads.
    """
    good = int(os.environ.get("SENSOR_RELOADS", str(sampling.repeated(30, 10))))
    service.config.write_text(GOOD[1])
    service.start()
    service.wait_for("READY=1")
    end = traffic(sampling.repeated(50_000, 20_000))
    few = list[float]()  # memory in use under traffic and freed after a reload varies by some MiB
    for number in range(6):
        service.reload(GOOD[number % 2])
        few.append(service.anonymous_mib())
    files = service.descriptors()
    for _ in range(good // 10):
        service.reload(BROKEN)
    service.wait_for_log(lambda: len(service.reported("config")) == 7)
    assert service.reported("config")[-1]["facts"]["faults"][0].startswith(
        f"{service.config}:3:3: found the key 'interface'"
    )
    assert service.records[-1]["sensor"]["site"] == "there"
    later = list[float]()
    for number in range(good):
        service.reload(GOOD[number % 2])
        later.append(service.anonymous_mib())
    before, after = max(few + later[: good // 2]), min(later[-6:])
    for number in range(3):
        (service.folder / "own").mkdir(exist_ok=True)
        (service.folder / "own" / "tea.yaml").write_text(FINGERPRINT.replace("3000", f"{number}000"))
        service.reload(f"{GOOD[0]}fingerprints: {{folders: [own]}}\n")
    service.wait_for_log(lambda: service.descriptors() <= files)  # a file may be open for a moment
    sent = end()
    service.wait_for_packets(sent)
    assert service.end() == 0
    capture = service.reported("summary")[-1]["capture"]
    assert (capture["dropped"], capture["packets"] >= sent) == (0, True)
    assert len(service.reported("config")) == 6 + 1 + good + 3
    assert all("fingerprints" in " ".join(record["facts"]["changed"]) for record in service.reported("config")[-2:])
    assert after - before < 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_while_it_reads(service: Service, number: int) -> None:
    """A stop at the same time as a reload ends the sensor."""
    service.start()
    service.wait_for("READY=1")
    service.process.send_signal(signal.SIGHUP)
    assert service.end(number) == 0
    assert len(service.reported("stopped")) == 1


def test_it_ends_while_it_begins(service: Service) -> None:
    """A stop before it was ready: the log is complete and the exit clean, or the signal ended it before the start."""
    service.start()
    time.sleep(0.6)
    assert service.end() in (0, -signal.SIGTERM)
    assert len(service.reported("started")) == len(service.reported("stopped"))


def test_a_second_signal_ends_it_at_once(service: Service) -> None:
    """The log reports it, and no line is torn: the next run continues."""
    service.start()
    service.wait_for("READY=1")
    service.process.send_signal(signal.SIGTERM)
    assert service.end(signal.SIGINT) in (128 + signal.SIGINT, 128 + signal.SIGTERM)
    assert service.err.endswith("sensor: second signal: exiting immediately [sensor.interrupted]\n")
    service.start()
    service.received = []
    service.wait_for("READY=1")
    assert service.end() == 0
    assert "torn" not in service.err


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")
def test_no_permission(service: Service) -> None:
    """The error contains advice; exit code 4."""
    assert service.start(before=("setpriv", "--bounding-set=-all", "--inh-caps=-all")).wait(120) == 4
    assert service.err.startswith("sensor: vb: ")
    assert " `setcap cap_net_raw+ep " in service.err
    assert service.err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.skipif(
    "SENSOR_RELOADS" not in os.environ,
    reason="half a minute: with SENSOR_RELOADS only; tests/inventory/test_figures.py loads as many",
)
def test_a_hundred_thousand_devices(service: Service, tmp_path: Path) -> None:
    """Ready within five seconds of processor time; after the stop all of them are still there."""
    keeper, story = Keeper(tmp_path / "state", print), Story(LIMITS).at(0)
    baseline = Baseline(story.inventory.device)
    keeper.begin(story.inventory, known(Config()).name, baseline)
    office(story, keeper, baseline)
    keeper.end()
    service.config.write_text(f"inventory: {{devices: {MANY}}}\n")
    service.start()
    service.wait_for("READY=1", seconds=60)
    ready = service.worked_s()
    assert service.end() == 0
    print(f"{MANY:,} devices: ready after {ready:.1f} s of work")
    assert ready < 5
    assert service.reported("summary")[-1]["capture"]["devices"] == MANY
    store = Store(tmp_path / "state")
    assert sum(1 for _ in store.devices(2 * MANY)) == MANY
    store.close()


def interface_news(service: Service) -> list[str]:
    return [
        record["severity"] for record in service.reported("health") if record["facts"]["check"] == "sensor.interface"
    ]


def test_an_interface_that_comes_and_goes(service: Service, lab: Lab) -> None:
    """Down and up, then deleted and created, repeatedly: each change is reported once, a second later all packets are
    captured, and no descriptor stays open.

    SENSOR_LINKS: number of repetitions.
    """
    times = int(os.environ.get("SENSOR_LINKS", "2"))
    there = ("ip", "-n", lab.there, "link")
    service.start()
    service.wait_for("READY=1")
    lab.send(count=5)
    service.wait_for_packets(5)
    files = service.descriptors()

    def away(*, gone: bool) -> None:
        run(*there, *(("del", "vb") if gone else ("set", "vb", "down")))

    def back(*, gone: bool) -> None:
        lab.cable() if gone else run(*there, "set", "vb", "up")

    for number in range(2 * times):
        gone = number >= times
        away(gone=gone)
        service.wait_for_log(lambda number=number: len(interface_news(service)) == 2 * number + 1)
        back(gone=gone)
        received(lab, 1)
        lab.send(count=5)
        service.wait_for_log(lambda number=number: len(interface_news(service)) == 2 * number + 2)
    assert service.descriptors() <= files  # a file may be open for a moment
    assert service.end() == 0
    assert interface_news(service) == ["medium", "info"] * 2 * times
    assert service.reported("summary")[-1]["capture"]["packets"] == 5 * (2 * times + 1)


def test_an_interface_that_is_not_there_at_the_start(service: Service, lab: Lab) -> None:
    """The sensor waits for it, and captures within a second of its creation."""
    run("ip", "-n", lab.there, "link", "del", "vb")
    service.start("--wait")
    service.wait_for("READY=1")
    service.wait_for_log(lambda: "vb: the interface does not exist; waiting for it" in service.err)
    lab.cable()
    received(lab, 1)
    lab.send(count=5)
    service.wait_for_packets(5)
    assert service.end() == 0
    assert service.reported("summary")[-1]["capture"]["packets"] == 5
