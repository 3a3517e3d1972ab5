"""Replays side by side: names, replacement, what is left of one that failed, and how many are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.datasets import manage
from sensor.datasets.choose import datasets_in, named_in
from sensor.datasets.names import BadName, captures_of, checked, name_of
from sensor.datasets.replays import NewReplay, Taken, new_replay, prune
from tests.datasets._folders import age, running, write_log
from tests.golden import Golden

FIRST, LAST = "2026-11-24T08:00:00.000000Z", "2026-11-24T08:20:00.000000Z"


def made(state: Path, *captures: str, name: str = "", alerts: int = 1) -> NewReplay:
    one = new_replay(state, captures, name)
    write_log(one.log, alerts=alerts)
    one.keep(FIRST, LAST)
    return one


@pytest.mark.parametrize(
    ("captures", "name"),
    [
        (["/pcaps/office.pcapng"], "office"),
        (["/pcaps/Week 47.pcap.gz"], "Week-47"),
        (["/pcaps/a.pcap", "/pcaps/b.pcap", "/pcaps/c.pcap"], "a-and-2-more"),
        (["/pcaps/day"], "day"),
        (["-"], "stdin"),
        (["/pcaps/live.pcap"], "live-capture"),
        (["/pcaps/\x1b[2J.pcap"], "2J"),
        (["/pcaps/…"], "capture"),
        (["/pcaps/" + "x" * 300], "x" * 60),
    ],
)
def test_names(captures: list[str], name: str) -> None:
    """Of the file without its endings, in characters that need no quoting; never that of the live sensor. Each may be
    chosen by hand as well.
    """
    assert name_of(captures) == name
    assert checked(name) == name


@pytest.mark.parametrize("name", ["", "live", ".hidden", "../up", "a b", "x" * 65, "-o", "a/b", "naïve"])
def test_names_that_are_none(name: str) -> None:
    """They would lead out of the folder, or could not be told from an option."""
    with pytest.raises(BadName):
        checked(name)


def test_captures_are_known_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By their absolute path, links resolved."""
    (tmp_path / "a.pcap").touch()
    (tmp_path / "link.pcap").symlink_to(tmp_path / "a.pcap")
    monkeypatch.chdir(tmp_path)
    assert captures_of(["a.pcap", "link.pcap", "-"]) == [str(tmp_path / "a.pcap")] * 2 + ["-"]


def test_another_capture_stands_beside(tmp_path: Path) -> None:
    """Also one of the same name from another folder."""
    assert [made(tmp_path, path).name for path in ("/a/office.pcap", "/b/office.pcap", "/c/lab.pcap")] == [
        "office",
        "office-2",
        "lab",
    ]
    assert {one.name for one in datasets_in(tmp_path)} == {"office", "office-2", "lab"}


def test_the_same_capture_replaces_its_own(tmp_path: Path) -> None:
    """Whatever it was called."""
    made(tmp_path, "/a/office.pcap", alerts=7)
    again = made(tmp_path, "/a/office.pcap", alerts=2)
    assert (again.name, again.replaced) == ("office", True)
    assert again.log.read_text().count('"alert"') == 4  # kind and body of two
    assert sorted(path.name for path in (tmp_path / "datasets").iterdir()) == ["office"]


def test_what_came_from_a_pipe_is_never_the_same(tmp_path: Path) -> None:
    """Nobody knows what it was."""
    assert [made(tmp_path, "-").name for _ in range(2)] == ["stdin", "stdin-2"]


def test_a_replay_that_fails_leaves_the_former_one(tmp_path: Path) -> None:
    """As if it had never been."""
    former = made(tmp_path, "/a/office.pcap", alerts=7).log.read_bytes()
    again = new_replay(tmp_path, ["/a/office.pcap"])
    again.log.write_text("half")
    again.abandon()
    assert again.log.read_bytes() == former
    new_replay(tmp_path, ["/a/other.pcap"]).abandon()
    assert [one.name for one in datasets_in(tmp_path)] == ["office"]


def test_a_replay_that_is_cut_off_reports_so(golden: Golden, tmp_path: Path) -> None:
    """Nobody takes it for the whole; the next one tidies up."""
    made(tmp_path, "/a/office.pcap")
    write_log(new_replay(tmp_path, ["/a/office.pcap"]).log)
    found = named_in(datasets_in(tmp_path), "office")
    golden(found.missing, "replay")
    made(tmp_path, "/a/office.pcap")
    assert sorted(path.name for path in (tmp_path / "datasets").iterdir()) == ["office"]


def test_a_name_of_another_capture_is_refused(tmp_path: Path) -> None:
    """Nothing is overwritten that somebody may still want."""
    made(tmp_path, "/a/office.pcap", name="before")
    with pytest.raises(Taken, match=r"/a/office\.pcap"):
        new_replay(tmp_path, ["/b/other.pcap"], "before")
    assert made(tmp_path, "/a/office.pcap", name="before").replaced


def test_one_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    """Neither replaced, nor removed, nor renamed."""
    one = made(tmp_path, "/a/office.pcap")
    with running(one.folder):
        with pytest.raises(Taken):
            new_replay(tmp_path, ["/a/office.pcap"])
        for change in (manage.remove, lambda state, dataset: manage.rename(state, dataset, "other")):
            with pytest.raises(Taken):
                change(tmp_path, datasets_in(tmp_path)[0])
    assert one.log.exists()


def test_the_oldest_make_room(tmp_path: Path) -> None:
    """But not the one that commands were told to read, and not one that is being written."""
    for number in range(6):
        age(made(tmp_path, f"/a/{number}.pcap").folder, 100 - number)
    manage.use(tmp_path, "0")
    with running(tmp_path / "datasets" / "1"):
        age(tmp_path / "datasets" / "1", 99)
        assert prune(tmp_path, 2, "5") == ["3", "2"]
    assert {one.name for one in datasets_in(tmp_path)} == {"0", "1", "4", "5"}
    assert prune(tmp_path, 2, "5") == ["1"]


def test_what_is_made_is_private(tmp_path: Path) -> None:
    """A capture tells who talked to whom."""
    folder = made(tmp_path, "/a/office.pcap").folder
    assert [path.stat().st_mode & 0o777 for path in (folder, folder.parent)] == [0o700, 0o700]
