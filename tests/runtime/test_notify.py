"""What the service manager receives: real datagrams on a real socket, as systemd would read them."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sensor.runtime.notify import FEEDS, STATUS_EVERY_S, Notifier
from tests.golden import Golden

USEC = 1_000_000


class Manager:
    """The other end of NOTIFY_SOCKET. ``now`` is the clock of its notifiers."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.setblocking(False)
        self.now = 100.0
        self.made: list[Notifier] = []

    def notifier(self, name: str, **environment: str) -> Notifier:
        self.made.append(Notifier({"NOTIFY_SOCKET": name, **environment}, lambda: self.now))
        return self.made[-1]

    def close(self) -> None:
        for one in self.made:
            one.close()
        self.socket.close()

    def received(self) -> list[str]:
        """The datagrams since the last call."""
        found: list[str] = []
        while True:
            try:
                found.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return found


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    one = Manager(str(tmp_path / "notify"))
    yield one
    one.close()


def test_the_life_of_a_service(golden: Golden, manager: Manager, tmp_path: Path) -> None:
    """Ready with a status, reloading with the time, ready again, stopping: one datagram each, in the format of
    sd_notify(3).
    """
    reported = manager.notifier(str(tmp_path / "notify"))
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    reported.ready("capturing on eth0")
    reported.reloading()
    reported.ready()
    reported.stopping()
    ready, reloading, again, stopping = manager.received()
    golden(ready)
    first, second = reloading.split("\n")
    assert first == "RELOADING=1"
    assert before <= int(second.removeprefix("MONOTONIC_USEC=")) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert (again, stopping) == ("READY=1", "STOPPING=1\nSTATUS=stopping")
    assert reported.reached


def test_a_name_without_a_file() -> None:
    """Managers of containers and users use abstract socket names, written with an @."""
    name = f"sensor-test-{os.getpid()}"
    manager = Manager("\0" + name)
    manager.notifier("@" + name).ready()
    assert manager.received() == ["READY=1"]
    manager.close()


def test_the_status_every_few_seconds(manager: Manager, tmp_path: Path) -> None:
    """The status is sent at most every five seconds and only if it changed; it is one line of limited length."""
    reported, made = manager.notifier(str(tmp_path / "notify")), []

    def words() -> str:
        made.append(manager.now)
        return "same" if manager.now < 110 else "other\nREADY=1" + "x" * 5000

    for _ in range(30):
        manager.now += 0.5
        reported.status(words)
    first, second = manager.received()
    assert first == "STATUS=same"
    assert second.startswith("STATUS=other READY=1xxx")
    assert len(second) == len("STATUS=") + 512
    assert len(made) == 15 / STATUS_EVERY_S


def test_the_watchdog_is_fed_by_work(manager: Manager, tmp_path: Path) -> None:
    """The watchdog is fed three times per period while packets are processed and the log advances; not while either
    hangs.
    """
    reported = manager.notifier(str(tmp_path / "notify"), WATCHDOG_USEC=str(30 * USEC), WATCHDOG_PID=str(os.getpid()))

    def work(seconds: float, progress: int | None, grows: int = 0) -> int:
        for _ in range(int(seconds * 10)):
            manager.now += 0.1
            progress = None if progress is None else progress + grows
            reported.beat(progress)
        received = manager.received()
        assert set(received) <= {"WATCHDOG=1"}
        return len(received)

    assert work(60, None) in (2 * FEEDS - 1, 2 * FEEDS)
    assert work(60, 0, grows=1) in (2 * FEEDS - 1, 2 * FEEDS)
    assert work(60, 7) <= 1
    assert work(60, 7) == 0
    manager.now += 60  # no work: the watchdog is not fed
    assert manager.received() == []
    assert work(30, 7, grows=1) >= FEEDS - 1


@pytest.mark.parametrize(
    "environment",
    [{}, {"WATCHDOG_USEC": str(30 * USEC), "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "0"}],
)
def test_no_watchdog(manager: Manager, tmp_path: Path, environment: dict[str, str]) -> None:
    """Without a watchdog, for another process or with an invalid number nothing is sent."""
    reported = manager.notifier(str(tmp_path / "notify"), **environment)
    for _ in range(10):
        manager.now += 100
        reported.beat()
    assert manager.received() == []


@pytest.mark.parametrize(
    "environment",
    [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "@"}, {"NOTIFY_SOCKET": "relative"}, {"NOTIFY_SOCKET": "vsock:2:1"}],
)
def test_no_request(environment: dict[str, str]) -> None:
    """Without NOTIFY_SOCKET nothing is sent, opened or formatted."""
    reported = Notifier({**environment, "WATCHDOG_USEC": str(USEC)})
    reported.ready("x")
    reported.reloading()
    reported.stopping()
    reported.beat()
    reported.status(lambda: pytest.fail("nobody asked"))
    assert (reported.requested, reported.reached, reported._socket) == (False, True, None)


def test_a_manager_that_is_gone(tmp_path: Path) -> None:
    """With a manager that is gone or does not read, the message is lost, and the sensor continues without blocking."""
    reported = Notifier({"NOTIFY_SOCKET": str(tmp_path / "nowhere")})
    reported.ready()
    assert not reported.reached
    reported.close()
    manager = Manager(str(tmp_path / "notify"))
    deaf, began = manager.notifier(str(tmp_path / "notify")), time.monotonic()
    for _ in range(10_000):
        deaf.ready("x" * 400)
    assert not deaf.reached
    assert time.monotonic() - began < 60
    manager.received()
    deaf.ready()
    assert deaf.reached
    manager.close()
