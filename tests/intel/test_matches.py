"""Which lists contain a value, and whether an alert would follow."""

from __future__ import annotations

from pathlib import Path

from sensor.intel.matches import ALERTS, ALLOWS, EXPIRED, matches
from sensor.intel.names import ALLOW, SUFFIX

NOW = 1_767_225_600  # 2026-01-01


def found(folder: Path, value: str) -> list[tuple[str, str, str, bool]]:
    paths = sorted(folder.glob(f"*{SUFFIX}"))
    return [
        (one.entry.entry, one.entry.category, one.verdict, one.allows) for one in matches(paths, [value], NOW, print)
    ]


def test_every_list_that_has_it(tmp_path: Path) -> None:
    """A threat list, and an allow-list that overrides it; another list, and a value in none."""
    (tmp_path / f"bad{SUFFIX}").write_text("203.0.113.0/24,botnet\nevil.example,phishing\n")
    (tmp_path / f"{ALLOW}ours{SUFFIX}").write_text("203.0.113.66\n")
    (tmp_path / f"other{SUFFIX}").write_text("198.51.100.1\n")
    assert found(tmp_path, "203.0.113.66") == [
        ("203.0.113.66", "", ALLOWS, True), ("203.0.113.0/24", "botnet", "no: allowed", False),
    ]  # fmt: skip
    assert found(tmp_path, "203.0.113.67") == [("203.0.113.0/24", "botnet", ALERTS, False)]
    assert found(tmp_path, "192.0.2.1") == []
    assert found(tmp_path / "none", "203.0.113.66") == []


def test_a_valid_entry_before_a_closer_one_that_expired(tmp_path: Path) -> None:
    """Contact with it raises an alert; the expired one is shown only if it is alone."""
    (tmp_path / f"bad{SUFFIX}").write_text(
        "indicator,valid_until\na.evil.example,2025-01-01\nevil.example,2027-01-01\nold.example,2025-01-01\n"
    )
    assert found(tmp_path, "a.evil.example") == [("evil.example", "", ALERTS, False)]
    assert found(tmp_path, "old.example") == [("old.example", "", EXPIRED, False)]


def test_a_list_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    """The others are searched."""
    (tmp_path / f"bad{SUFFIX}").write_text("<html>\n")
    (tmp_path / f"good{SUFFIX}").write_text("evil.example\n")
    faults: list[object] = []
    paths = sorted(tmp_path.glob(f"*{SUFFIX}"))
    assert [one.value for one in matches(paths, ["evil.example"], NOW, faults.append)] == ["evil.example"]
    assert len(faults) == 1
