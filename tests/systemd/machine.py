"""A real Debian: debootstrapped once, copied for each test, booted in a container with a switch and a receiver of
events outside.

The container has two interfaces in a network namespace of its own: ``mirror0``, where the packets of a capture arrive,
and ``uplink0``, which is connected to the receiver. Commands are run in it with nsenter(1), as in a login session.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

SUITE, BOOTED, BARE = "trixie", "systemd,systemd-sysv,dbus,python3,iproute2,ethtool", "python3"
"""What there is beside the packages without which there is no Debian: in one that is booted, and in one that has
nothing but Python.
"""

CACHE = Path(tempfile.gettempdir()) / "sensor-tests"
RECEIVER = Path(__file__).with_name("receiver.py")
TOOLS = ("systemd-nspawn", "debootstrap", "nsenter", "unshare", "ip", "tcpreplay", "dpkg-deb")
UPLINK, OUTSIDE, PORT = "10.97.0.2", "10.97.0.1", 8080
BOOT_S = 60


def missing() -> str:
    """The reason why no machine can be booted here; empty if one can."""
    if os.geteuid() != 0:
        return "booting a machine needs root"
    lacking = [tool for tool in TOOLS if shutil.which(tool) is None]
    if lacking:
        return (
            f"booting a machine needs {', '.join(lacking)} (apt install systemd-container debootstrap "
            "iproute2 tcpreplay)"
        )
    unified = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "cgroup2", "cgroup2", "/mnt"], capture_output=True, check=False
    )
    return "" if unified.returncode == 0 else "booting a machine needs unified control groups (cgroup2)"


def fresh(folder: Path, packages: str = BOOTED) -> Path:
    """An unused Debian in a folder. It is created once per host, in the temporary folder."""
    made = CACHE / f"{SUITE}-{packages.replace(',', '-')}"
    if not (made / "var/lib/dpkg/status").exists():
        part = made.with_name(f"{made.name}.{os.getpid()}")
        subprocess.run(
            ["debootstrap", "--variant=minbase", f"--include={packages}", SUITE, str(part), _mirror()],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        part.rename(made)
    subprocess.run(["cp", "-a", "--reflink=auto", str(made), str(folder)], check=True)
    return folder


def _mirror() -> str:
    """The package mirror of this host for that Debian, else the default one."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", f"Codename: {SUITE}"]
    with contextlib.suppress(OSError):
        found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
        if found:
            return found[0]
    return "http://deb.debian.org/debian"


class Machine:
    """A booted machine. ``received``: the records that the receiver outside got, one per line; ``logins``: the
    Authorization header of each request.
    """

    def __init__(self, root: Path) -> None:
        self.root, self._own = root, os.getpid()
        self.inside, self.outside = f"sensor-in-{self._own}", f"sensor-out-{self._own}"
        self.received, self.logins = root.with_name("received.jsonl"), root.with_name("logins")
        self._started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self._wire()
        self._start(
            [*_in(self.outside), "python3", str(RECEIVER), OUTSIDE, str(PORT), str(self.received), str(self.logins)]
        )
        nspawn = f"systemd-nspawn --quiet --boot --keep-unit --register=no --console=pipe --directory={self.root}"
        network = f"--network-namespace-path=/run/netns/{self.inside} --capability=CAP_NET_ADMIN"
        # The container has the unified hierarchy, whichever this host has mounted, and configures its own interfaces.
        unified = "mount --make-rprivate /; umount -R /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup"
        self._nspawn = self._start(
            [
                "unshare",
                "--mount",
                "sh",
                "-c",
                f"{unified}; SYSTEMD_NSPAWN_API_VFS_WRITABLE=network exec {nspawn} {network}",
            ]
        )
        wait(
            lambda: (
                self._leader() > 0
                and self.run("systemctl", "is-system-running", check=False).stdout.strip() == "running"
            ),
            BOOT_S,
            self._sent,
        )
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            os.kill(self._leader(), signal.SIGKILL)
        for one in reversed(self._started):
            with contextlib.suppress(subprocess.TimeoutExpired):
                one.wait(1)
            one.kill()
            one.wait()
        for space in (self.inside, self.outside):
            subprocess.run(["ip", "netns", "delete", space], check=False)

    def _wire(self) -> None:
        for space in (self.inside, self.outside):
            subprocess.run(["ip", "netns", "add", space], check=True)
        for ours, theirs in (("mirror0", "switch0"), ("uplink0", "wan0")):
            command = [
                "ip",
                "link",
                "add",
                ours,
                "netns",
                self.inside,
                "type",
                "veth",
                "peer",
                "name",
                theirs,
                "netns",
                self.outside,
            ]
            subprocess.run(command, check=True)
        for space, link, address in ((self.inside, "uplink0", UPLINK), (self.outside, "wan0", OUTSIDE)):
            subprocess.run(["ip", "-n", space, "address", "add", f"{address}/24", "dev", link], check=True)
        for space, link in (
            (self.inside, "uplink0"),
            (self.outside, "switch0"),
            (self.outside, "wan0"),
        ):  # mirror0 is configured by the machine
            subprocess.run(["ip", "-n", space, "link", "set", link, "up"], check=True)

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        log = self.root.with_name(f"{len(self._started)}.log").open("wb")
        with log:
            self._started.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        return self._started[-1]

    def _sent(self) -> str:
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.root.parent.glob("*.log")))

    def _leader(self) -> int:
        """The PID of its init process on this host; 0 before it is started."""
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children")
        return int((children.read_text().split() or ["0"])[0])

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in the machine."""
        command = ["nsenter", "--target", str(self._leader()), "--all", "--", *arguments]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
        )
        assert not check or done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done

    def write(self, path: str, text: str) -> None:
        there = self.root / path.lstrip("/")
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_text(text)

    def show(self, unit: str, name: str) -> str:
        """Show a property of a unit."""
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).stdout.strip()

    def pid(self, unit: str) -> str:
        return self.show(unit, "MainPID")

    def journal(self, unit: str) -> str:
        return self.run("journalctl", "--no-pager", "--output=cat", f"--unit={unit}").stdout

    def replay(self, capture: Path) -> None:
        """Send the packets of a capture to the mirror port."""
        subprocess.run(
            [*_in(self.outside), "tcpreplay", "-q", "--pps", "2000", "-i", "switch0", str(capture)],
            check=True,
            capture_output=True,
        )

    def events(self, **wanted: str) -> list[dict[str, Any]]:
        """The events that the receiver outside got."""
        lines = self.received.read_bytes().splitlines() if self.received.exists() else []
        found = [json.loads(line) for line in lines]
        return [one for one in found if all(one.get(key) == value for key, value in wanted.items())]


def _in(space: str) -> list[str]:
    return ["ip", "netns", "exec", space]


def wait(holds: Callable[[], bool], seconds: float, messages: Callable[[], str] = str) -> float:
    """Wait until it holds; returns the time in seconds."""
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < seconds, messages()
        time.sleep(0.1)
    return time.monotonic() - begun


@contextlib.contextmanager
def booted(folder: Path) -> Iterator[Machine]:
    """A fresh machine in a folder that is removed afterwards."""
    root = fresh(folder / "root")
    try:
        with Machine(root) as machine:
            yield machine
    finally:
        shutil.rmtree(root, ignore_errors=True)
