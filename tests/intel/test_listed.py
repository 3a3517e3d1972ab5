"""Which lists of a folder contain a value."""

from __future__ import annotations

from pathlib import Path

from sensor.intel.listed import listed
from sensor.intel.names import ALLOW, SUFFIX


def test_every_list_that_has_it(tmp_path: Path) -> None:
    """A threat list, and an allow-list that overrides it; another list, and a value in none."""
    (tmp_path / f"bad{SUFFIX}").write_text("203.0.113.0/24,botnet\nevil.example,phishing\n")
    (tmp_path / f"{ALLOW}ours{SUFFIX}").write_text("203.0.113.66\n")
    (tmp_path / f"other{SUFFIX}").write_text("198.51.100.1\n")
    found = listed(tmp_path, "203.0.113.66")
    assert sorted((one.entry, one.allows) for one in found) == [("203.0.113.0/24", False), ("203.0.113.66", True)]
    assert [one.category for one in found if not one.allows] == ["botnet"]
    assert listed(tmp_path, "192.0.2.1") == []
    assert listed(tmp_path / "none", "203.0.113.66") == []
