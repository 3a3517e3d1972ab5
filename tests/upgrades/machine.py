"""A machine for tests of upgrades: dpkg with its own root, packages built for the test, and a sensor whose health is a
file of the installed package. Time passes only when the installer waits.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sensor.outputs.hub_protocol.messages import Signed
from sensor.outputs.transport.nkeys import OPERATOR, KeyPair
from sensor.sync.health import Health
from sensor.upgrades.installer import Installer, InstallerPaths
from sensor.upgrades.packages import Dpkg
from sensor.upgrades.releases import PACKAGE, Release, sign_release
from sensor.upgrades.staging import Order, Staging

needs_dpkg = pytest.mark.skipif(
    shutil.which("dpkg") is None or os.geteuid() != 0, reason="needs dpkg, and root for its own root folder"
)
GOOD = {"running": True, "packets": 10_000, "began": 1.0}
BROKEN = GOOD | {"lasting": {"log": "the event log cannot be written"}}
START = 1_800_000_000.0
HEALTH = "usr/lib/sensor/health.json"


def built(
    folder: Path, version: str, health: dict[str, Any] = GOOD, architecture: str = "", more: str = "", size: int = 0
) -> Path:
    """A package file of the sensor. ``health``: of a sensor of this version; ``more``: lines of its control file;
    ``size``: bytes that cannot be compressed.
    """
    tree = folder / f"tree-{version}"
    for name in ("DEBIAN", "usr/lib/sensor"):
        (tree / name).mkdir(parents=True)
    architecture = architecture or Dpkg().architecture()
    control = (
        f"Package: {PACKAGE}\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: Test <test@localhost>\n"
    )
    (tree / "DEBIAN/control").write_text(f"{control}{more}Description: for a test\n")
    (tree / HEALTH).write_text(json.dumps(health))
    (tree / "usr/lib/sensor/data").write_bytes(os.urandom(size))
    path = folder / f"{PACKAGE}_{version}.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, path], check=True, capture_output=True)
    shutil.rmtree(tree)
    return path


def release_of(package: Path, version: str, architecture: str = "", signed: int = 1) -> Release:
    body = package.read_bytes()
    sha256 = hashlib.sha256(body).hexdigest()
    return Release(version, architecture or Dpkg().architecture(), sha256, len(body), signed)


class Machine:
    """``folder``: of the test; version 1.0 is installed; ``corrected``: seconds by which the clock was corrected."""

    def __init__(self, folder: Path, health: dict[str, Any] = GOOD) -> None:
        self.folder, self.root, self.now, self.corrected = folder, folder / "root", START, 0.0
        for name in ("info", "updates", "triggers"):
            (self.root / "var/lib/dpkg" / name).mkdir(parents=True)
        for name in ("status", "available"):
            (self.root / "var/lib/dpkg" / name).touch()
        self.pair, self.dpkg = KeyPair.generate(OPERATOR), Dpkg(self.root)
        self.places = InstallerPaths(folder / "staging", folder / "own", folder / "upgrade.operator")
        self.places.own.mkdir()
        self.places.operator.write_text(self.pair.public + "\n")
        self.staging = Staging(self.places.staging)
        self.before = built(folder, "1.0", health)
        assert self.dpkg.install(self.before) == ""

    def health(self) -> Health:
        """Health of a sensor of the installed version."""
        return msgspec.json.decode((self.root / HEALTH).read_bytes(), type=Health)

    def installer(self) -> Installer:
        return Installer(
            self.places, self.dpkg, self.health, lambda: self.now + self.corrected, self.wait, lambda: self.now
        )

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def signed(self, package: Path, version: str, signer: KeyPair | None = None, **more: Any) -> Signed:
        return sign_release(release_of(package, version, **more), signer or self.pair)

    def ordered(self, package: Path, version: str, signer: KeyPair | None = None, **more: Any) -> Release:
        """An order as the sensor leaves it after its download."""
        release, before = release_of(package, version, **more), release_of(self.before, "1.0")
        self.places.staging.mkdir(exist_ok=True)
        for path, one in ((package, release), (self.before, before)):
            shutil.copy(path, self.places.staging / one.name)
        self.staging.order(Order(self.signed(package, version, signer, **more), self.signed(self.before, "1.0")))
        return release
