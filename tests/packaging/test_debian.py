"""The parts of the Debian package that can be checked without a build; `make test-systemd` builds, installs and removes
it.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import venv
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def build(root: Path) -> ModuleType:
    """The build script, as a module."""
    spec = importlib.util.spec_from_file_location("build_debian", root / "packaging" / "debian" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["postinst", "prerm", "postrm"])
def test_scripts_can_be_read_by_any_shell_and_stop_at_the_first_fault(root: Path, name: str) -> None:
    path = root / "packaging" / "debian" / name
    assert subprocess.run(["sh", "-n", str(path)], capture_output=True, check=False).stderr == b""
    assert path.read_text().startswith("#!/bin/sh\n")
    assert "\nset -e\n" in path.read_text()


def test_an_upgrade_starts_services_that_failed(root: Path, tmp_path: Path) -> None:
    """`try-restart` omits them; with the former version they may start again. A first installation starts nothing."""
    text = (root / "packaging" / "debian" / "postinst").read_text()
    script, called = tmp_path / "postinst", tmp_path / "called"
    script.write_text(text.replace("/usr/lib/sensor/bin/python", "true").replace("/run/systemd/system", str(tmp_path)))
    listed = "sensor.service loaded failed failed Passive network sensor"
    for name in ("systemd-sysusers", "chgrp", "chmod", "systemctl"):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\necho "$1 $2 $3" >> {called}\n[ "$1" != list-units ] || echo "{listed}"\n')
        program.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.defpath}"}
    subprocess.run(["sh", script, "configure", ""], env=environment, check=True, capture_output=True)
    assert not {"try-restart", "start"} & {line.split()[0] for line in called.read_text().splitlines()}
    subprocess.run(["sh", script, "configure", "0.2.0"], env=environment, check=True, capture_output=True)
    assert called.read_text().splitlines()[-1] == "start --no-block sensor.service"


def test_control_is_filled(build: ModuleType, root: Path) -> None:
    """The builder provides all values."""
    known = {
        "version": "1",
        "architecture": "amd64",
        "maintainer": build.MAINTAINER,
        "size": 1,
        "python": "3.13",
        "next_python": "3.14",
        "libc": "2.41",
    }
    text = (root / "packaging" / "debian" / "control").read_text().format(**known)
    assert "Depends: python3 (>= 3.13), python3 (<< 3.14), libc6 (>= 2.41)," in text
    assert text.startswith(f"Package: {build.NAME}\n")
    assert build.version() in (root / "setup.cfg").read_text()


def test_an_environment_forgets_where_it_was_made(
    build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its scripts have the final path; it contains only the sensor and Python."""
    root = tmp_path / "root"
    inside = root / build.PREFIX
    venv.create(inside, symlinks=True)
    for name in ("sensor", "f2py"):
        (inside / "bin" / name).write_text(f"#!{inside}/bin/python\nimport {name}\n")
    monkeypatch.setattr(build, "run", lambda *_: None)  # there is nothing to strip
    build.relocate(inside, root)
    assert (inside / "bin" / "sensor").read_text() == "#!/usr/lib/sensor/bin/python\nimport sensor\n"
    version = f"python3.{sys.version_info[1]}"
    assert {path.name for path in (inside / "bin").iterdir()} <= {"sensor", "python", "python3", version}
    assert str((inside / "bin" / "python").readlink()) == "/usr/bin/python3"
    texts = [path.read_bytes() for path in inside.rglob("*") if path.is_file() and not path.is_symlink()]
    assert [text for text in texts if str(tmp_path).encode() in text] == []
