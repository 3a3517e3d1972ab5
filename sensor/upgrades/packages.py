"""Debian packages: the installed version, control fields of a package file, and its installation, with dpkg."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from sensor.core.reader import clean
from sensor.upgrades.releases import PACKAGE, Rejected, Release

QUERY_S, INSTALL_S = 30.0, 900.0
# Seconds to wait for another package manager, and between attempts.
LOCK_S, LOCK_TRY_S = 600.0, 1.0
ERROR_LIMIT = 300
# Keep configuration that the operator changed, and ask nothing.
_KEEP = ("--force-confdef", "--force-confold")


class Dpkg:
    """``root``: of the system; another one than ``/`` needs root permissions, as dpkg runs scripts in it."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._at = () if root == Path("/") else (f"--root={root}",)

    def installed(self) -> str:
        """Version of the completely installed package; empty if there is none."""
        done = _run(["dpkg-query", *self._at, "--show", "--showformat=${db:Status-Status} ${Version}", PACKAGE])
        state, _, version = done.stdout.partition(" ")
        return version.strip() if done.returncode == 0 and state == "installed" else ""

    def architecture(self) -> str:
        return _run(["dpkg", "--print-architecture"]).stdout.strip()

    def is_newer(self, version: str, other: str) -> bool:
        """Whether a version is newer than another, by deb-version(7)."""
        return _run(["dpkg", "--compare-versions", version, "gt", other]).returncode == 0

    def install(self, package: Path) -> str:
        """Install a package file, also over a newer version. Returns the error of dpkg, empty if there is none."""
        with self._locked() as held:
            if not held:
                return f"another package manager holds the lock of dpkg for more than {LOCK_S:g} s"
            command = ["dpkg", *self._at, *_KEEP, "--install", str(package)]
            done = _run(command, INSTALL_S, {"DEBIAN_FRONTEND": "noninteractive", "DPKG_FRONTEND_LOCKED": "1"})
        return "" if done.returncode == 0 else _error(done)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[bool]:
        """Hold the lock of package managers (dpkg(1), DPKG_FRONTEND_LOCKED); False if it is not free in time."""
        end = time.monotonic() + LOCK_S
        with (self._root / "var/lib/dpkg/lock-frontend").open("a") as file:
            while True:
                try:
                    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError:
                    if time.monotonic() > end:
                        yield False
                        return
                    time.sleep(LOCK_TRY_S)
            yield True


def check_package(package: Path, release: Release) -> None:
    """Check that a package file is the package of the release. Raises Rejected."""
    expected = (PACKAGE, release.version, release.architecture)
    if (found := fields_of(package)) != expected:
        raise Rejected(f"the package is {' '.join(found)}, expected {' '.join(expected)}")


def fields_of(package: Path) -> tuple[str, str, str]:
    """Name, version and architecture of a package file. Raises Rejected if it is none, or dpkg-deb is missing."""
    done = _run(["dpkg-deb", "--show", "--showformat=${Package}\n${Version}\n${Architecture}", str(package)])
    lines = done.stdout.split("\n")
    if done.returncode or len(lines) != 3:
        raise Rejected(f"it cannot be read as a Debian package: {_error(done)}")
    return lines[0], lines[1], lines[2]


def _run(
    command: list[str], within_s: float = QUERY_S, more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A program that is missing or takes too long has failed."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8", **(more or {})}
    try:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False,
            timeout=within_s, env=environment,
        )  # fmt: skip
    except FileNotFoundError:
        return subprocess.CompletedProcess(command, 127, "", f"{command[0]} is not installed")
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"{command[0]} took longer than {within_s:g} s")


def _error(done: subprocess.CompletedProcess[str]) -> str:
    """The first lines that a program printed on standard error, on one line."""
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return clean("; ".join(lines[:3]) or f"exit code {done.returncode}", ERROR_LIMIT)
