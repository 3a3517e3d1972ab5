"""Principle 4: one unit, one file. Units are found in folders, without a list of them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import sensor.cli
import sensor.derived
import sensor.detectors
import sensor.dissectors
from sensor import registry
from sensor.core.deriver import Deriver
from sensor.core.detector import Detector
from sensor.core.dissector import Dissector

DISSECTOR = '''
"""Finger (RFC 1288): the name that is asked for."""
from sensor.core.dissector import Dissector, Interest

class Finger(Dissector):
    interest = Interest(tcp=(79,), stream=True)
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, ModuleType]]:
    """A package of units in a temporary folder."""
    folder = tmp_path / "temporary_units"
    (folder / "inner").mkdir(parents=True)
    for init in (folder, folder / "inner"):
        (init / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder, importlib.import_module("temporary_units")
    for name in [name for name in sys.modules if name.startswith(("temporary_units", "sensor_extra_"))]:
        del sys.modules[name]


def test_every_dissector_file_holds_one_dissector() -> None:
    """The registry finds exactly one in each file, with the name of the protocol."""
    found = registry.units(sensor.dissectors, Dissector)
    assert {"arp", "ndp", "dhcp", "dns", "mdns", "sip"} <= found.keys()


def test_every_detector_file_holds_one_detector() -> None:
    """The same for detectors, in folders by tactic."""
    found = registry.units(sensor.detectors, Detector)
    assert {
        "discovery.address_scan",
        "lateral_movement.admin_from_device",
        "command_and_control.malicious_address",
    } <= found.keys()


def test_every_deriver_file_holds_one_deriver() -> None:
    """The same for derivers."""
    assert "logins" in registry.units(sensor.derived, Deriver)


@pytest.mark.parametrize(
    "package", [sensor.dissectors, sensor.derived, sensor.detectors, sensor.cli], ids=lambda package: package.__name__
)
def test_units_of_a_package_are_files_of_its_folders(package: ModuleType) -> None:
    """The registry finds every file of the folders."""
    folder = Path(package.__path__[0])
    files = {
        ".".join(path.relative_to(folder).with_suffix("").parts)
        for path in folder.rglob("*.py")
        if not path.name.startswith("_") and registry.SHARED not in path.parts
    }
    assert {path for path, _ in registry.modules(package)} == files


def test_a_file_dropped_into_a_folder_is_found(package: tuple[Path, ModuleType]) -> None:
    """A new unit needs a new file and no other change; its folders are part of its id."""
    folder, module = package
    (folder / "finger.py").write_text(DISSECTOR)
    (folder / "inner" / "again.py").write_text(DISSECTOR)
    (folder / "_helper.py").write_text("raise AssertionError('helpers are no units')")
    importlib.invalidate_caches()
    found = registry.units(module, Dissector)
    assert list(found) == ["finger", "inner.again"]
    assert found["finger"].interest.tcp == (79,)


@pytest.mark.parametrize(
    ("text", "names"),
    [("", "none"), (DISSECTOR + DISSECTOR.replace("Finger(", "Thumb(").replace('"""', "#"), "Finger, Thumb")],
)
def test_a_file_with_no_unit_or_two_is_refused(package: tuple[Path, ModuleType], text: str, names: str) -> None:
    """The message names the file and the units in it."""
    folder, module = package
    (folder / "finger.py").write_text(text)
    importlib.invalidate_caches()
    with pytest.raises(registry.UnitCountError, match=rf"finger\.py: .*\bDissector\b.* {names}$"):
        registry.units(module, Dissector)
