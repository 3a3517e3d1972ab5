"""Mutes in lists: a copy of the operator's file, with the alerts that they suppressed."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from sensor.alerts.mutes import Mute, save_mutes
from sensor.cli.main import main
from sensor.inventory.store.database import FILE, connect
from sensor.tables.build import rebuild
from sensor.tables.ready import make_ready
from sensor.views.dataset import open_folder, open_log
from sensor.views.errors import Malformed, Unknown
from sensor.views.mutes import EVERY_MUTE, MutedFilter, MuteFilter, every_muted, fault_of_mutes, muted, mutes, silenced
from tests.offices import CAPTURE
from tests.views.conftest import LOG

NOW = 1_780_000_000 * 10**9
SCANS = Mute(
    id="m1", detector="discovery.*", author="anna", reason="our scanner", created="2026-11-01T00:00:00Z",
)  # fmt: skip
OVER = Mute(
    id="m2", src="10.0.0.9", vlan=30, author="ben", reason="move", expires="2026-01-01T00:00:00Z",
)  # fmt: skip
MORE = Mute(id="m3", detector="exfiltration.*", port=443, author="anna", reason="backup at night")


@pytest.fixture(scope="session")
def quiet_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The office with two mutes, one of which is expired."""
    folder = tmp_path_factory.mktemp("quiet")
    save_mutes(folder / "mutes.yaml", [SCANS, OVER])
    assert main(["replay", *CAPTURE, "--state", str(folder), "--events", str(folder / LOG)]) == 0
    assert make_ready(folder, folder / LOG).usable
    return folder


@pytest.fixture
def quiet(quiet_folder: Path, tmp_path: Path) -> Path:
    """A copy that tests may change, with its own file of mutes."""
    folder = shutil.copytree(quiet_folder, tmp_path / "quiet")
    with closing(connect(folder / FILE)) as base:
        base.execute("UPDATE meta SET value = ? WHERE name = 'mutes'", (str(folder / "mutes.yaml"),))
    assert make_ready(folder, folder / LOG).usable
    return folder


def ids(folder: Path, wanted: MuteFilter = EVERY_MUTE, sort: str = "place") -> list[str]:
    with open_folder(folder) as data:
        return [row.id for row in mutes(data, wanted, sort, now=NOW).rows]


def test_a_mute_shows_what_it_suppressed(quiet: Path) -> None:
    """The scans of the office are in the list of suppressed alerts, each with its mute."""
    with open_folder(quiet) as data:
        first, second = mutes(data, now=NOW).rows
        suppressed = muted(data, sort="severity")
        assert silenced(data) == {"m1": sum(row.count for row in suppressed.rows)}
    assert (first.scope, first.author, first.state, first.expires) == (SCANS.scope, "anna", "active", 0)
    assert (first.silenced, first.last) == (
        sum(row.count for row in suppressed.rows), max(row.last for row in suppressed.rows),
    )  # fmt: skip
    assert (second.state, second.vlan, second.silenced) == ("expired", 30, 0)
    assert suppressed.total == len(suppressed.rows) > 0
    assert {row.mute for row in suppressed.rows} == {"m1"}
    assert all(row.detector.startswith("discovery.") for row in suppressed.rows)


def test_filters_sorts_and_pages(quiet: Path) -> None:
    """Every filter returns its matches; pages join to the whole list; an invalid value is an error with its field."""
    assert ids(quiet, MuteFilter(state=("expired",))) == ["m2"]
    assert ids(quiet, MuteFilter(author="Anna")) == ["m1"]
    assert ids(quiet, MuteFilter(text="scanner discovery")) == ["m1"]
    assert ids(quiet, sort="silenced") == ["m1", "m2"]
    with open_folder(quiet) as data:
        everything = muted(data)
        first = muted(data, limit=1)
        rest = muted(data, cursor=first.cursor)
        assert [row.alert for row in (*first.rows, *rest.rows)] == [row.alert for row in everything.rows]
        assert everything.facets["mute"] == {"m1": everything.total}
        assert muted(data, MutedFilter(mute=("m2",))).total == 0
        assert muted(data, MutedFilter(until=everything.rows[-1].last)).total == 0
        with pytest.raises(Unknown, match="state"):
            mutes(data, MuteFilter(state=("actve",)), now=NOW)
        with pytest.raises(Malformed):
            muted(data, cursor="none")


def test_an_edited_file_is_followed(quiet: Path) -> None:
    """Mutes edited by hand count as those of a command; if the file is invalid, the former mutes stay."""
    path = quiet / "mutes.yaml"
    save_mutes(path, [MORE, SCANS])
    make_ready(quiet, quiet / LOG)
    assert ids(quiet) == ["m3", "m1"]
    path.write_text("mutes: [{ip: 10.0.0.9}]\n")
    make_ready(quiet, quiet / LOG)
    assert ids(quiet) == ["m3", "m1"]
    with open_folder(quiet) as data:
        assert str(path) in fault_of_mutes(data)
        assert "10.0.0.9" not in fault_of_mutes(data)
    path.unlink()
    make_ready(quiet, quiet / LOG)
    assert ids(quiet) == []
    with open_folder(quiet) as data:
        assert (fault_of_mutes(data), set(silenced(data))) == ("", {"m1"})


def test_rebuilt_tables_are_equal(quiet: Path) -> None:
    """The tables are rebuilt from the file of mutes and the logs; a log alone gives the same."""
    with open_folder(quiet) as data:
        before = mutes(data, now=NOW).rows, every_muted(data)
    rebuild(quiet, quiet / LOG)
    with open_folder(quiet) as data:
        assert (mutes(data, now=NOW).rows, every_muted(data)) == before
    with open_log(quiet / LOG) as data:
        assert (mutes(data, now=NOW).rows, every_muted(data)) == before


def test_another_log_of_suppressed_alerts_replaces_the_first(quiet: Path) -> None:
    """A replay writes a new log: rows of the former one are deleted."""
    log = quiet / "events.muted.jsonl"
    first, *_ = log.read_text().splitlines()
    log.write_text(first.replace('"m1"', '"m9"').replace('"id":"01', '"id":"02') + "\n")
    make_ready(quiet, quiet / LOG)
    with open_folder(quiet) as data:
        assert set(silenced(data)) == {"m9"}
