"""Default logins: the shipped data, and faults in files."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.documents import DocumentErrors
from sensor.intel.defaults import load_defaults
from sensor.intel.store import ThreatLists

HEAD = "logins:\n  - {user: admin, of: some cameras, seals: "


def test_our_data_knows_what_all_knows() -> None:
    """With seals of this length and this many entries, another login matches once in a million."""
    known = load_defaults()
    assert 200 < len(known) < 1000
    assert all(entry.of and entry.user == entry.user.lower() for entry in known.values())


def test_looked_up_by_its_seal(tmp_path: Path) -> None:
    """The lookup needs only the seal; an empty seal matches nothing."""
    (tmp_path / "a.yaml").write_text(HEAD + "['0123456']}\n")
    [entry] = load_defaults(tmp_path).values()
    assert (entry.user, entry.of) == ("admin", "some cameras")
    assert ThreatLists().default_login("") is None


@pytest.mark.parametrize(
    ("text", "place"), [("['0123456', '0123456']}", ":2:"), ("['secret']}", ":2:"), ("[]}", ":2:")]
)
def test_faults_are_reported_with_their_place(tmp_path: Path, text: str, place: str) -> None:
    """A repeated seal, an invalid one, and an entry without any."""
    (tmp_path / "a.yaml").write_text(HEAD + text + "\n")
    with pytest.raises(DocumentErrors) as caught:
        load_defaults(tmp_path)
    assert place in str(caught.value)
