"""Lists change while they are in use: the old state is used until the new one is complete."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sensor.intel.names import SUFFIX
from sensor.intel.renewer import Renewer
from sensor.intel.store import ThreatLists
from tests.golden import Golden
from tests.waiting import until

MANY = "".join(f"203.0.113.{n}\n" for n in range(100))


def write(path: Path, text: str) -> Path:
    """Write a list with a later modification time, also within one tick of the clock."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text)
    os.utime(path, ns=(before + 1_000_000_000,) * 2)
    return path


def renewed(renewer: Renewer) -> list[str]:
    """Check as a run does until changed lists are in use."""
    found: list[list[str] | None] = []

    def looked() -> bool:
        found.append(renewer.look())
        return found[-1] is not None

    until(looked)
    return found[-1] or []


def test_what_changed_counts_without_a_gap(tmp_path: Path) -> None:
    """An entry in both states is found at all times; the new state is used from the return of ``look`` on."""
    path = write(tmp_path / f"bad{SUFFIX}", "203.0.113.1\nold.example\n")
    lists = ThreatLists(folder=tmp_path)
    renewer = Renewer(lists)
    assert renewer.look() is None
    write(path, "203.0.113.1\nnew.example\n")
    refused: list[list[str] | None] = []

    def looked() -> bool:
        refused.append(renewer.look())
        assert lists.check("203.0.113.1") is not None
        assert (lists.check("new.example") is None) == (refused[-1] is None)
        return refused[-1] is not None

    until(looked)
    assert (refused[-1], lists.check("old.example")) == ([], None)
    assert renewer.look() is None
    renewer.close()


def test_lists_come_and_go(tmp_path: Path) -> None:
    """Files are added to the folder, or removed; an allow-list among them."""
    write(tmp_path / f"bad{SUFFIX}", MANY)
    lists = ThreatLists(folder=tmp_path)
    renewer = Renewer(lists)
    write(tmp_path / f"allow-ours{SUFFIX}", "203.0.113.7\n")
    assert renewed(renewer) == []
    assert (lists.check("203.0.113.7"), lists.check("203.0.113.8") is None) == (None, False)
    (tmp_path / f"bad{SUFFIX}").unlink()
    assert renewed(renewer) == []
    assert len(lists) == 0


@pytest.mark.parametrize(
    "broken",
    ["203.0.113.1\n", "<html>\n"],
)
def test_one_that_is_refused_stays_and_the_others_go_on(golden: Golden, tmp_path: Path, broken: str) -> None:
    """A list that lost most of its entries, or became invalid, keeps its old state until it is valid again; other lists
    are reloaded.
    """
    bad = write(tmp_path / f"bad{SUFFIX}", MANY)
    other = write(tmp_path / f"other{SUFFIX}", "c2.example botnet\n")
    lists = ThreatLists(folder=tmp_path)
    renewer = Renewer(lists)
    write(bad, broken)
    write(other, "d3.example botnet\n")
    refused = renewed(renewer)
    assert refused[0].startswith(str(bad))
    golden(refused)
    assert (lists.check("203.0.113.99") is None, lists.check("d3.example") is None, lists.check("c2.example")) == (
        False,
        False,
        None,
    )
    assert renewer.look() is None
    write(other, "e4.example\n")
    assert renewed(renewer) == []
    assert lists.check("203.0.113.99") is not None
    write(bad, MANY + "198.51.100.1\n")
    assert renewed(renewer) == []
    assert lists.check("198.51.100.1") is not None


def test_lists_that_cannot_be_read_are_counted_as_they_are_now(tmp_path: Path) -> None:
    """Missing, unchanged while another list changes, then present; one that becomes invalid keeps its old state."""
    other = write(tmp_path / f"other{SUFFIX}", "203.0.113.1\n")
    lists = ThreatLists(more=[tmp_path / "late.txt"], folder=tmp_path)
    write(other, "203.0.113.2\n")
    assert (lists.refresh(), lists.telemetry()["unread"]) == ([], 1)
    write(tmp_path / "late.txt", "203.0.113.3\n")
    write(tmp_path / f"new{SUFFIX}", "<html>\n")
    assert len(lists.refresh()) == 1
    assert [fault.path.name for fault in lists.unread] == [f"new{SUFFIX}"]
    write(other, "<html>\n")
    assert len(lists.refresh()) == 1
    assert (lists.telemetry()["unread"], lists.check("203.0.113.2") is not None) == (1, True)


def test_a_list_that_is_gone_is_kept_where_it_was_named(tmp_path: Path) -> None:
    """The old state of a file on an unavailable share is kept."""
    path = write(tmp_path / "named.txt", "203.0.113.1\n")
    lists = ThreatLists([path])
    path.unlink()
    [refused] = lists.refresh()
    assert "cannot be read" in refused
    assert lists.check("203.0.113.1") is not None
