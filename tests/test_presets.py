"""Presets: their options exist and are allowed, the file wins over them, and they are what their names say."""

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
    """A detector whose options changed takes its presets along."""
    for detector, options in PRESETS[name].options.items():
        unit = detector_units()[detector]
        assert unit.Options.model_validate(options).model_fields_set == set(options)
    assert PRESETS[name].least in Severity.__members__


def test_balanced_is_the_default() -> None:
    config = load_config(None)
    assert (config.preset, config.least) == ("balanced", Severity.info)
    assert config.options("discovery.port_scan") == detector_units()["discovery.port_scan"].Options()


def test_the_file_wins_over_the_preset(tmp_path: Path) -> None:
    """Option by option."""
    config = load_config(written(tmp_path, "preset: quiet\nalerts: {least: low}\ndetectors:\n  discovery.port_scan: {ports: 7}\n"))
    options = config.options("discovery.port_scan")
    assert (options.ports, options.slow_ports) == (7, 100)
    assert config.least == Severity.low


def test_quiet_is_later_and_paranoid_sooner() -> None:
    """For every count that both name."""
    quiet, paranoid = PRESETS["quiet"].options, PRESETS["paranoid"].options
    counts = ("targets", "ports", "slow_ports", "flows", "sources", "fewest")
    both = [(quiet[one][name], paranoid[one][name]) for one in quiet for name in counts if name in quiet[one] and name in paranoid.get(one, {})]
    assert len(both) >= 6
    assert all(late > soon for late, soon in both)


def test_a_name_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(DocumentErrors, match="did you mean 'paranoid'"):
        load_config(written(tmp_path, "preset: paranoied\n"))
