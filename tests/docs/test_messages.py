"""The page for developers shows current code and existing files."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import DOCS, shown, text_of

PAGE = DOCS / "develop" / "messages.md"
SENSOR = DOCS.parent / "sensor"
PLACES = sorted(set(re.findall(r"`([a-z_]+(?:/[a-z_]+)*\.(?:pyx|pxd|py))`", text_of(PAGE))))


@pytest.mark.parametrize(
    ("language", "place"), [("cython", "native/ntp.pyx"), ("python", "detectors/discovery/zone_transfer.py")]
)
def test_an_example_is_the_file(language: str, place: str) -> None:
    """The example equals the file: copy it again if the file changed."""
    assert shown(PAGE, language) == [(SENSOR / place).read_text(encoding="utf-8")]


def test_files_are_named() -> None:
    assert len(PLACES) > 15


@pytest.mark.parametrize("place", PLACES)
def test_a_file_that_is_named_is_there(place: str) -> None:
    assert (SENSOR / place).is_file()
