"""Shared by the servers of tests: own folder and port, a start that waits for readiness, an end by signal, the same
port and data after a restart.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.waiting import until

# Other users cannot read pytest's folders, and the path of a Unix socket is limited to about 100 characters.
FOLDERS = Path(tempfile.gettempdir())


# Below the ephemeral ports of the kernel.
PORTS = range(20_000, 32_000)
_claims: list[socket.socket] = []


def free_port() -> int:
    """A loopback port without a listener that no other process of these tests receives while this one lives, in this
    run or a parallel one.
    """
    for port in random.SystemRandom().sample(PORTS, 1000):
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0sensor-tests-port-{port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        return port
    raise OSError("no port is free")


def descendants(pid: int) -> list[int]:
    """Descendants of a process, read from the kernel, since servers start their children in separate sessions."""
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return [*children, *[one for child in children for one in descendants(child)]]


def runs(pid: int) -> bool:
    """Whether a process exists that has not exited."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def no_listener() -> dict[str, Any]:
    """Arguments of Popen for servers that refuse to run as root; none where the test does not run as root."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def listens(port: int) -> bool:
    """Whether a program accepts TCP connections at a loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Server:
    """One server program. After ``kill`` or ``stop`` it can be started again with its data. ``more_ports``: further TCP
    ports at which it is reachable once it is ready.
    """

    wait_s = 120.0
    more_ports: tuple[int, ...] = ()
    farewell = signal.SIGTERM
    environment: dict[str, str] = {}
    # How its program begins: `forked.started` for a module of the project.
    starts: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen

    def __init__(self, *, unprivileged: bool = False) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="sensor-", dir=FOLDERS))
        self._as = no_listener() if unprivileged else {}
        if self._as:
            os.chown(self.folder, self._as["user"], self._as["group"])
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> Sequence[str]:
        raise NotImplementedError

    def ready(self) -> bool:
        """Whether it answers; returns False while it is starting."""
        return all(map(listens, (self.port, *self.more_ports)))

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def output(self) -> Path:
        return self.folder / "output"

    def start(self) -> None:
        with self.output.open("ab") as output:
            environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(self.folder)} | self.environment
            self._process = self.starts(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                env=environment,
                start_new_session=True,
                **self._as,
            )
        process = self._process
        with contextlib.suppress(AssertionError):
            until(lambda: self.ready() or process.poll() is not None, timeout_s=self.wait_s, apart_s=0.02)
        if process.poll() is not None or not self.ready():
            self.kill()
            raise RuntimeError(f"{self.command()[0]} did not start: {self.output.read_text(errors='replace')[-2000:]}")

    def kill(self) -> None:
        """Kill -9 of the server and of all its children, at once. A suspended server starts no further ones; a child
        that still exits would hold the data.
        """
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGSTOP)
        children = self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
            self._process = None
        until(lambda: not any(map(runs, children)))

    def stop(self) -> None:
        """Stop it as an operator does."""
        if self._process is not None:
            self._process.send_signal(self.farewell)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(self.wait_s)
        self.kill()

    def pause(self) -> None:
        """Suspend all its processes: the kernel accepts connections, and nothing answers."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _signal(self, which: signal.Signals) -> list[int]:
        """Signal the server first, then its children: a surviving child would hold the port and the data. Returns the
        children.
        """
        if self._process is None or self._process.poll() is not None:
            return []
        children = descendants(self._process.pid)
        for pid in [self._process.pid, *children]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, which)
        return children

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
