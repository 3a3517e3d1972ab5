"""docs/pictures are what docs/pictures.py draws now, and ask no other host for anything."""

from __future__ import annotations

import re

import pytest

from docs.pictures import FOLDER, pictures

DRAWN = pictures()


@pytest.mark.parametrize("name", DRAWN)
def test_a_picture_is_up_to_date(name: str) -> None:
    """Otherwise: python -m docs.pictures."""
    assert (FOLDER / name).read_text(encoding="utf-8") == DRAWN[name]


@pytest.mark.parametrize("name", DRAWN)
def test_a_picture_needs_nothing_else(name: str) -> None:
    assert set(re.findall(r"<(\w+)", DRAWN[name])) <= {
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
    assert "href" not in DRAWN[name]


def test_the_office_has_its_alerts() -> None:
    assert DRAWN["office.svg"].count("10.20.10.106 →") == 5
    assert {path.name for path in FOLDER.glob("*.svg")} == set(DRAWN)
