"""Presets: their options exist and are valid, the file takes precedence, and their effect matches their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.config import detector_units, load_config
from sensor.core.alert import Severity
from sensor.documents import DocumentErrors
from sensor.presets import PRESETS


def written(folder: Path, text: str) -> Path:
    (folder / "sensor.yaml").write_text(text)
    return folder / "sensor.yaml"


@pytest.mark.parametrize("name", PRESETS)
def test_every_option_exists_and_is_allowed(name: str) -> None:
    """Presets are updated with the options of a detector."""
    for detector, options in PRESETS[name].options.items():
        unit = detector_units()[detector]
        found = unit.Options.model_validate(options)
        assert {name: getattr(found, name) for name in options} == options
    assert PRESETS[name].least in Severity.__members__


def test_balanced_is_the_default() -> None:
    config = load_config(None)
    assert (config.preset, config.least) == ("balanced", Severity.info)
    assert config.options("discovery.port_scan") == detector_units()["discovery.port_scan"].Options()


def test_the_file_wins_over_the_preset(tmp_path: Path) -> None:
    """The file overrides each option separately."""
    config = load_config(
        written(tmp_path, "preset: quiet\nalerts: {least: low}\ndetectors:\n  discovery.port_scan: {ports: 7}\n")
    )
    options = config.options("discovery.port_scan")
    assert (options.ports, options.slow_ports) == (7, 100)
    assert config.least == Severity.low


def test_quiet_is_later_and_paranoid_sooner() -> None:
    """Every threshold that both presets set is higher in quiet and lower in paranoid than the default."""
    quiet, paranoid = PRESETS["quiet"].options, PRESETS["paranoid"].options
    both = [
        (one, name)
        for one in quiet
        for name in quiet[one]
        if name in paranoid.get(one, {}) and name not in ("dispersion", "share_inside")
    ]
    assert len(both) >= 30
    usual = {(one, name): getattr(detector_units()[one].Options(), name) for one, name in both}
    assert not [(one, name) for one, name in both if not quiet[one][name] > usual[one, name] > paranoid[one][name]]


def test_paranoid_switches_on_what_is_noisy(tmp_path: Path) -> None:
    """Paranoid enables detectors that are off by default; a file may disable them again."""
    assert load_config(written(tmp_path, "preset: paranoid\n")).options("device.configuration_changed").enabled
    off = "preset: paranoid\ndetectors:\n  device.configuration_changed: {enabled: false}\n"
    assert not load_config(written(tmp_path, off)).options("device.configuration_changed").enabled


def test_compatible_reports_what_is_published() -> None:
    """The preset compatible sets values explicitly; at present all but one equal the defaults."""
    usual = {one: unit.Options() for one, unit in detector_units().items()}
    own = {
        (one, name)
        for one, options in PRESETS["compatible"].options.items()
        for name, value in options.items()
        if getattr(usual[one], name) != value
    }
    assert own == {("device.new", "randomised")}


def test_a_name_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(DocumentErrors, match="did you mean 'paranoid'"):
        load_config(written(tmp_path, "preset: paranoied\n"))
