"""The distribution is complete: every package is listed, and a wheel installed elsewhere finds its kernels, its schema
and its fingerprints.
"""

from __future__ import annotations

import configparser
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from setuptools import Distribution

from tests import sampling
from tests.principles._source import ROOT, SENSOR, kernels

NOT_SOURCE = shutil.ignore_patterns(
    ".git", ".venv", "build", "dist", "tests", "*.so", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis"
)


def _listed() -> list[str]:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return config["options"]["packages"].split()


def test_every_package_is_listed() -> None:
    """A folder below sensor/ with an __init__.py is a package; setup.cfg lists each, plus the fingerprints and the
    systemd units.
    """
    there = {".".join(path.parent.relative_to(ROOT).parts) for path in SENSOR.rglob("__init__.py")}
    assert set(_listed()) == there | {"sensor.fingerprints_data", "sensor.units_data"}


def test_every_folder_with_modules_is_a_package() -> None:
    """Otherwise it would be omitted silently."""
    folders = {path.parent for path in SENSOR.rglob("*.py")}
    assert not [folder for folder in folders if not (folder / "__init__.py").is_file()]


def share_kernels(source: Path) -> None:
    """Put the compiled kernels of the checkout into the build folder of ``source``: those newer than their C are not
    compiled again, which saves three minutes of CPU.
    """
    build = Distribution().get_command_obj("build")
    build.ensure_finalized()
    sources = [path for path in kernels() if path.suffix == ".pyx"]
    for path in (*sources, SENSOR / "core" / "_shared.c"):
        kernel = path.with_suffix(sysconfig.get_config_var("EXT_SUFFIX"))
        place = source / build.build_platlib / kernel.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(kernel, place)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the checkout, without files of an earlier build except C that is newer than its
    kernel. `make test-endurance` compiles every kernel. It is built as pip does (PEP 517), which before reads the
    metadata in half of the time.
    """
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, folder / "source", ignore=NOT_SOURCE)
    if not sampling.ENDURANCE:
        share_kernels(folder / "source")
    build = f"from setuptools.build_meta import build_wheel; build_wheel({str(folder)!r})"
    subprocess.run([sys.executable, "-c", build], check=True, capture_output=True, cwd=folder / "source")
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another environment with the wheel. It uses the dependencies of this one, but not its installed sensor."""
    folder = tmp_path_factory.mktemp("elsewhere") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(python),
            "install",
            "--quiet",
            "--no-deps",
            "--no-index",
            "--no-compile",  # most modules are never imported
            str(wheel),
        ],
        check=True,
    )
    (site,) = folder.glob("lib/python*/site-packages")
    # a path line adds the folder alone; its .pth files, one of which adds the checkout, are not read
    (site / "lent.pth").write_text(str(Path(pytest.__file__).parents[1]))
    return folder


def _run(elsewhere: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command of that environment, in a folder outside of the checkout."""
    env = {"PATH": os.environ["PATH"], "HOME": str(elsewhere.parent)}
    return subprocess.run(
        [str(elsewhere / "bin" / words[0]), *words[1:]],
        cwd=elsewhere.parent,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.endurance
@pytest.mark.slow
def test_wheel_holds_everything(wheel: Path) -> None:
    """It contains modules, compiled kernels, stubs, the type marker, fingerprints, units and the license, but no
    captures or tests.
    """
    names = set(zipfile.ZipFile(wheel).namelist())
    kinds = ("*.py", "*.pyi", "*.json", "*.zst", "*.jinja", "*.css", "*.js", "*.svg")
    modules = {path.relative_to(ROOT).as_posix() for kind in kinds for path in SENSOR.rglob(kind)}
    fingerprints = {
        "sensor/fingerprints_data/" + path.relative_to(ROOT / "fingerprints").as_posix()
        for path in (ROOT / "fingerprints").rglob("*.yaml")
    }
    units = {f"sensor/units_data/{path.name}" for path in (ROOT / "packaging" / "systemd").iterdir()}
    assert fingerprints
    assert units
    assert sorted((modules | fingerprints | units | {"sensor/py.typed"}) - names) == []
    compiled = {name.split(".")[0] for name in names if name.endswith(".so")}
    assert compiled == {
        path.relative_to(ROOT).with_suffix("").as_posix() for path in kernels() if path.suffix == ".pyx"
    } | {"sensor/core/_shared"}
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests", "pcaps"))]


@pytest.mark.slow
def test_installed_elsewhere_it_is_not_the_checkout(elsewhere: Path) -> None:
    """The installed sensor runs there."""
    run = _run(elsewhere, "python", "-c", "import sensor.decode.frames as m; print(m.__file__)")
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(str(elsewhere))


@pytest.mark.slow
def test_installed_elsewhere_it_names_devices(elsewhere: Path) -> None:
    """It finds its fingerprints: a replay of the office identifies a printer and a camera, and raises alerts."""
    run = _run(
        elsewhere,
        "sensor",
        "replay",
        "--events",
        "-",
        "--intel",
        str(ROOT / "pcaps" / "office.intel.txt"),
        str(ROOT / "pcaps" / "office.pcapng"),
    )
    assert run.returncode == 0, run.stderr
    for word in ('"type":"printer"', '"type":"camera"', '"kind":"alert"'):
        assert word in run.stdout


@pytest.mark.slow
def test_installed_elsewhere_it_passes_its_own_test(elsewhere: Path) -> None:
    """The capture for `sensor selftest` is included and found; the test takes some seconds of CPU."""
    began = sum(os.times()[2:4])
    run = _run(elsewhere, "sensor", "selftest", "--json")
    assert run.returncode == 0, run.stdout + run.stderr
    assert sum(os.times()[2:4]) - began < 15
    found = {one["check"]: one["level"] for one in map(json.loads, run.stdout.splitlines())}
    assert {"kernels", "mac_registry", "devices", "alerts", "evidence", "log", "formats"} <= found.keys()
    assert "error" not in found.values()
