"""The advice for each setting: complete, in texts that fit the record, and each fault reported with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.core.reader import clean
from sensor.core.record_parts import TEXT_LIMIT
from sensor.documents import DocumentErrors
from sensor.posture.recommendations.knowledge import load_advice
from tests.posture.recommendations.settings import FIXED, INSECURE, LOOKED

ENTRIES = load_advice()
GOOD = """\
recommendations:
  - setting: telnet
    title: Telnet in use
    severity: medium
    why: It hides nothing.
    fix: Switch it off.
    makers: {Axis: Update it.}
    test: The port is closed.
"""


def test_every_setting_has_a_story_and_every_story_is_known() -> None:
    """Each setting with advice has test messages and the reverse; those that can be seen fixed are among them."""
    assert set(INSECURE) | set(LOOKED) == set(ENTRIES)
    assert set(FIXED) <= set(ENTRIES)


@pytest.mark.parametrize("setting", ENTRIES)
def test_texts_are_whole_in_the_record(setting: str) -> None:
    """Texts are neither truncated nor sanitized in the record."""
    entry = ENTRIES[setting]
    for text in (entry.why, entry.fix, entry.test, *entry.makers.values()):
        assert clean(text, TEXT_LIMIT) == text
        assert text[0] in "\"'" or text[0].isupper()
        assert text.endswith((".", '."', '"'))


@pytest.mark.parametrize(
    ("old", "new", "place", "reported"),
    [
        ("severity: medium", "severity: grave", ":4:", "critical"),
        ("{Axis:", "{Axxis:", ":7:", "Axis"),
        ("    fix: Switch it off.\n", "", ":2:", "fix"),
        ("setting: telnet", "setting: Tel net", ":2:", "expected text like"),
        ("title:", "titel:", ":3:", "title"),
    ],
)
def test_mistakes_are_reported_with_their_place(tmp_path: Path, old: str, new: str, place: str, reported: str) -> None:
    """A fault has file, line, value and the nearest valid word."""
    (tmp_path / "mine.yaml").write_text(GOOD.replace(old, new))
    with pytest.raises(DocumentErrors) as raised:
        load_advice(tmp_path)
    assert f"mine.yaml{place}" in str(raised.value)
    assert reported in str(raised.value)


def test_a_setting_that_is_reported_twice_is_a_mistake(tmp_path: Path) -> None:
    """A setting that is defined twice is a fault, in any file."""
    for name in ("one.yaml", "two.yaml"):
        (tmp_path / name).write_text(GOOD)
    with pytest.raises(DocumentErrors, match=r"two\.yaml:2:.*\btelnet\b"):
        load_advice(tmp_path)
