"""Units are found by scanning folders."""

from __future__ import annotations

from pathlib import Path

import sensor.dissectors
from sensor.core.dissector import Dissector
from sensor.registry import units


def test_the_folder_is_the_list() -> None:
    """Every file of the dissectors' folder is a dissector with the name of the file."""
    found = units(sensor.dissectors, Dissector)
    folder = Path(sensor.dissectors.__path__[0])
    assert set(found) == {file.stem for file in folder.glob("*.py") if not file.name.startswith("_")}
    assert list(found) == sorted(found)
