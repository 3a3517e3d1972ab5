"""docs/pictures are the current output of docs/pictures.py, and make no requests to other hosts."""

from __future__ import annotations

import re

import pytest

from docs.pictures import FOLDER, pictures

NAMES = sorted(path.name for path in FOLDER.glob("*.svg"))
# Drawn from labelled captures, which are not in the repository (docs/calibrate.py).
MEASURED = {"calibration.svg"}


@pytest.fixture(scope="module")
def drawn() -> dict[str, str]:
    """The pictures of the replayed office."""
    return pictures()


@pytest.mark.parametrize("name", sorted({*NAMES} - MEASURED))
def test_a_picture_is_up_to_date(name: str, drawn: dict[str, str]) -> None:
    """If not: python -m docs.pictures."""
    assert (FOLDER / name).read_text(encoding="utf-8") == drawn[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_needs_nothing_else(name: str) -> None:
    picture = (FOLDER / name).read_text(encoding="utf-8")
    assert set(re.findall(r"<(\w+)", picture)) <= {
        "svg",
        "title",
        "g",
        "rect",
        "text",
        "line",
        "circle",
        "defs",
        "marker",
        "path",
    }
    assert "href" not in picture


def test_the_office_has_its_alerts(drawn: dict[str, str]) -> None:
    assert drawn["office.svg"].count("10.20.10.106 →") == 5
    assert set(NAMES) - MEASURED == drawn.keys()
