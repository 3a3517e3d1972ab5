"""Several replays: names, replacement, leftovers of a failed one, and the number that is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.datasets import manage
from sensor.datasets.choose import datasets_in, named_in
from sensor.datasets.names import BadName, captures_of, checked, name_of
from sensor.datasets.replays import CannotCreate, NewReplay, new_replay, prune
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
    """The name is that of the file without suffixes, in characters that need no quoting, and never that of the live
    sensor.
    """
    assert name_of(captures) == name
    assert checked(name) == name


@pytest.mark.parametrize("name", ["", "live", ".hidden", "../up", "a b", "x" * 65, "-o", "a/b", "naïve"])
def test_names_that_are_none(name: str) -> None:
    """They are outside of the folder, or look like an option."""
    with pytest.raises(BadName):
        checked(name)


def test_captures_are_known_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are compared by absolute path, links resolved."""
    (tmp_path / "a.pcap").touch()
    (tmp_path / "link.pcap").symlink_to(tmp_path / "a.pcap")
    monkeypatch.chdir(tmp_path)
    assert captures_of(["a.pcap", "link.pcap", "-"]) == [str(tmp_path / "a.pcap")] * 2 + ["-"]


def test_another_capture_stands_beside(tmp_path: Path) -> None:
    """Another dataset is added, also for a file of the same name in another folder."""
    assert [made(tmp_path, path).name for path in ("/a/office.pcap", "/b/office.pcap", "/c/lab.pcap")] == [
        "office",
        "office-2",
        "lab",
    ]
    assert {one.name for one in datasets_in(tmp_path)} == {"office", "office-2", "lab"}


def test_the_same_capture_replaces_its_own(tmp_path: Path) -> None:
    """The former dataset is replaced, whatever its name."""
    made(tmp_path, "/a/office.pcap", alerts=7)
    again = made(tmp_path, "/a/office.pcap", alerts=2)
    assert (again.name, again.replaced) == ("office", True)
    assert again.log.read_text().count('"alert"') == 4  # kind and body of two
    assert sorted(path.name for path in (tmp_path / "datasets").iterdir()) == ["office"]


def test_what_came_from_a_pipe_is_never_the_same(tmp_path: Path) -> None:
    """The content of a pipe is unknown."""
    assert [made(tmp_path, "-").name for _ in range(2)] == ["stdin", "stdin-2"]


def test_a_replay_that_fails_leaves_the_former_one(tmp_path: Path) -> None:
    """The former dataset is unchanged."""
    former = made(tmp_path, "/a/office.pcap", alerts=7).log.read_bytes()
    again = new_replay(tmp_path, ["/a/office.pcap"])
    again.log.write_text("half")
    again.abandon()
    assert again.log.read_bytes() == former
    new_replay(tmp_path, ["/a/other.pcap"]).abandon()
    assert [one.name for one in datasets_in(tmp_path)] == ["office"]


def test_a_replay_that_is_cut_off_reports_so(golden: Golden, tmp_path: Path) -> None:
    """The dataset is marked as incomplete; the next replay removes leftovers."""
    made(tmp_path, "/a/office.pcap")
    write_log(new_replay(tmp_path, ["/a/office.pcap"]).log)
    found = named_in(datasets_in(tmp_path), "office")
    golden(found.missing, "replay")
    made(tmp_path, "/a/office.pcap")
    assert sorted(path.name for path in (tmp_path / "datasets").iterdir()) == ["office"]


def test_a_name_of_another_capture_is_refused(tmp_path: Path) -> None:
    """No dataset of another capture is overwritten."""
    made(tmp_path, "/a/office.pcap", name="before")
    with pytest.raises(CannotCreate, match=r"/a/office\.pcap"):
        new_replay(tmp_path, ["/b/other.pcap"], "before")
    assert made(tmp_path, "/a/office.pcap", name="before").replaced


def test_one_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    """It is neither replaced, nor removed, nor renamed."""
    one = made(tmp_path, "/a/office.pcap")
    with running(one.folder):
        with pytest.raises(CannotCreate):
            new_replay(tmp_path, ["/a/office.pcap"])
        for change in (manage.remove, lambda state, dataset: manage.rename(state, dataset, "other")):
            with pytest.raises(CannotCreate):
                change(tmp_path, datasets_in(tmp_path)[0])
    assert one.log.exists()


def test_the_oldest_make_room(tmp_path: Path) -> None:
    """The selected dataset and one being written are kept."""
    for number in range(6):
        age(made(tmp_path, f"/a/{number}.pcap").folder, 100 - number)
    manage.use(tmp_path, "0")
    with running(tmp_path / "datasets" / "1"):
        age(tmp_path / "datasets" / "1", 99)
        assert prune(tmp_path, 2, "5") == ["3", "2"]
    assert {one.name for one in datasets_in(tmp_path)} == {"0", "1", "4", "5"}
    assert prune(tmp_path, 2, "5") == ["1"]


def test_what_is_made_is_private(tmp_path: Path) -> None:
    """A capture shows who communicates with whom."""
    folder = made(tmp_path, "/a/office.pcap").folder
    assert [path.stat().st_mode & 0o777 for path in (folder, folder.parent)] == [0o700, 0o700]
