"""What servers of tests share: a folder and a port of their own, a start that is waited for, an end by signal, the same
port and data when started again.
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
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.waiting import until

# Pytest's own folders are closed to others, and a path of a socket has room for about 100 characters.
FOLDERS = Path(tempfile.gettempdir())


# Below those that the kernel gives to connections.
PORTS = range(20_000, 32_000)
_claims: list[socket.socket] = []


def free_port() -> int:
    """A port of loopback that nobody listens at, and that no other process of these tests is given while this one
    lives: neither in this run nor in one beside it.
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
    """Processes that a process started, and theirs; asked of the kernel, since servers give their children sessions of
    their own.
    """
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return [*children, *[one for child in children for one in descendants(child)]]


def no_listener() -> dict[str, Any]:
    """Arguments of Popen for servers that refuse to be root; none where nobody is root."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


class Server:
    """One server program. ``start`` may be called again after ``kill`` or ``stop``: it finds its data."""

    wait_s = 30.0
    farewell = signal.SIGTERM
    environment: dict[str, str] = {}

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
        """Whether it answers. Must not raise where it does not yet."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

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
            self._process = subprocess.Popen(
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
            until(lambda: self.ready() or process.poll() is not None, patience_s=self.wait_s, apart_s=0.02)
        if process.poll() is not None or not self.ready():
            self.kill()
            raise RuntimeError(f"{self.command()[0]} did not start: {self.output.read_text(errors='replace')[-2000:]}")

    def kill(self) -> None:
        """Kill -9 of the server and of all its children, at once."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """As an operator ends it."""
        if self._process is not None:
            self._process.send_signal(self.farewell)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(self.wait_s)
        self.kill()

    def pause(self) -> None:
        """All of it stands still: it takes connections, and answers none."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _signal(self, which: signal.Signals) -> None:
        """To the server first, then to what it started: a child that lives on would hold the port and the data."""
        if self._process is None or self._process.poll() is not None:
            return
        for pid in [self._process.pid, *descendants(self._process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, which)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
