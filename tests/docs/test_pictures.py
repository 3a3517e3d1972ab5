"""docs/pictures are what docs/pictures.py draws now, and ask no other host for anything."""

from __future__ import annotations

import re

import pytest

from docs.pictures import FOLDER, pictures

NAMES = sorted(path.name for path in FOLDER.glob("*.svg"))


@pytest.fixture(scope="module")
def drawn() -> dict[str, str]:
    """The pictures of the office, which is replayed for them."""
    return pictures()


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_up_to_date(name: str, drawn: dict[str, str]) -> None:
    """Otherwise: python -m docs.pictures."""
    assert (FOLDER / name).read_text(encoding="utf-8") == drawn[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_needs_nothing_else(name: str, drawn: dict[str, str]) -> None:
    assert set(re.findall(r"<(\w+)", drawn[name])) <= {
        "svg",
        "title",
        "g",
        "rect",
        "text",
        "line",
        "defs",
        "marker",
        "path",
    }
    assert "href" not in drawn[name]


def test_the_office_has_its_alerts(drawn: dict[str, str]) -> None:
    assert drawn["office.svg"].count("10.20.10.106 →") == 5
    assert set(NAMES) == drawn.keys()
