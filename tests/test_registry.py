"""Units are found by scanning; a file holds one."""

from __future__ import annotations

from pathlib import Path

import pytest

import sensor.dissectors
from sensor.core.dissector import Dissector
from sensor.registry import TwoUnits, load_file, units

ONE = "from sensor.core.dissector import Dissector, Interest\nclass Mine(Dissector):\n    interest = Interest(udp=(9,))\n"


def test_the_folder_is_the_list() -> None:
    """Every file of the dissectors' folder is a dissector under its own name."""
    found = units(sensor.dissectors, Dissector)
    folder = Path(sensor.dissectors.__path__[0])
    assert set(found) == {file.stem for file in folder.glob("*.py") if not file.name.startswith("_")}
    assert list(found) == sorted(found)


def test_a_file_from_elsewhere(tmp_path: Path) -> None:
    """An operator's own unit is loaded from its file."""
    file = tmp_path / "mine.py"
    file.write_text(ONE)
    assert load_file(file, Dissector).interest.udp == (9,)


@pytest.mark.parametrize("text", ["x = 1\n", ONE + ONE.replace("Mine", "Other").splitlines()[1] + "\n    pass\n"])
def test_none_or_two_units_are_an_error(tmp_path: Path, text: str) -> None:
    """A file without a unit, or with two, is named together with what was found."""
    file = tmp_path / "odd.py"
    file.write_text(text)
    with pytest.raises(TwoUnits, match=r"odd\.py: one Dissector a file, found"):
        load_file(file, Dissector)
