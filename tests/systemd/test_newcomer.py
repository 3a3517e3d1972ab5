"""A new developer: a Debian with Python only, this repository, and the commands of the README.

Takes a quarter of an hour, most of it for the tests themselves: SENSOR_NEWCOMER=1 python -m pytest -s
tests/systemd/test_newcomer.py
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.systemd.machine import BARE, fresh, missing

ROOT = Path(__file__).resolve().parents[2]
CHECKOUT = "/root/sensor"
# The settings of this host for package indexes are copied, as those of a company would be.
SETTINGS = ("/etc/pip.conf", "/root/.config/pip", "/etc/apt/apt.conf.d")
VARIABLES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_DEFAULT_TIMEOUT", "http_proxy", "https_proxy", "no_proxy")
CERTIFICATES = "/mnt/certificates.crt"
DEMO_S, TEST_S = 600, 3600

wanted = bool(os.environ.get("SENSOR_NEWCOMER"))
pytestmark = pytest.mark.skipif(
    not wanted or bool(missing()), reason=missing() if wanted else "SENSOR_NEWCOMER=1 runs these"
)


class Newcomer:
    """Runs commands in a checkout, as root of a fresh Debian that was not booted."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def types(self, command: str, seconds: float = DEMO_S) -> tuple[int, str]:
        """The exit code, and the output on the terminal."""
        begun = time.monotonic()
        settings = [f"--bind-ro={path}" for path in SETTINGS if Path(path).exists()]
        settings += [f"--setenv={name}={os.environ[name]}" for name in VARIABLES if name in os.environ]
        if bundle := os.environ.get("PIP_CERT"):
            settings += [f"--bind-ro={bundle}:{CERTIFICATES}", f"--setenv=PIP_CERT={CERTIFICATES}"]
        nspawn = [
            "systemd-nspawn",
            "--quiet",
            f"--directory={self._root}",
            "--as-pid2",
            "--register=no",
            "--keep-unit",
            "--console=pipe",
            *settings,
        ]
        unified = (
            'mount --make-rprivate /; umount -R /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup; exec "$@"'
        )
        arguments = [
            "unshare",
            "--mount",
            "sh",
            "-c",
            unified,
            "sh",
            *nspawn,
            f"--chdir={CHECKOUT}",
            "/bin/sh",
            "-c",
            command,
        ]
        done = subprocess.run(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
        print(f"{command}: exit code {done.returncode} after {time.monotonic() - begun:.0f} s\n{done.stdout}")
        return done.returncode, done.stdout


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    """The committed files, and make, which the README lists as the first requirement."""
    root = fresh(tmp_path_factory.mktemp("newcomer") / "root", BARE)
    subprocess.run(["git", "clone", "--quiet", "--no-local", str(ROOT), f"{root}{CHECKOUT}"], check=True)
    try:
        one = Newcomer(root)
        one.types("apt-get update && apt-get install --yes --no-install-recommends make")
        yield one
    finally:
        shutil.rmtree(root, ignore_errors=True)


def commands() -> list[str]:
    """The first commands of the README."""
    section = (ROOT / "README.md").read_text().split("## Try it", 1)[1]
    return [line.partition("#")[0].strip() for line in section.split("```sh\n", 1)[1].split("```", 1)[0].splitlines()]


def test_readme_begins_with_two_commands() -> None:
    assert commands() == ["make demo", "make test"]


def test_what_is_missing_is_named_with_the_command_that_brings_it(newcomer: Newcomer) -> None:
    """The error is one line; after its command, nothing is missing."""
    code, reported = newcomer.types(commands()[0])
    (line,) = [line for line in reported.splitlines() if line.startswith("cannot build without")]
    assert code != 0
    found = re.search(r"Debian/Ubuntu: sudo (apt install [\w. -]+?)  ", line)
    assert found is not None
    assert newcomer.types(f"{found[1]} --yes --no-install-recommends")[0] == 0


def test_first_command_shows_devices_and_alerts(newcomer: Newcomer) -> None:
    """The output shows the devices of an office, and its alerts."""
    code, reported = newcomer.types(commands()[0])
    assert code == 0
    assert "Kyocera" in reported
    assert "command_and_control.malicious_address" in reported
    assert re.search(r"^7 alerts: 1 critical, ", reported, re.MULTILINE)


def test_second_command_passes(newcomer: Newcomer) -> None:
    """Of the sample, all tests that such a machine can run pass."""
    code, reported = newcomer.types(commands()[1], TEST_S)
    assert code == 0
    assert re.search(r" \d{4,} passed", reported)
