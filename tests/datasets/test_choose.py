"""Which dataset is read: the rules, in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.datasets import live, manage
from sensor.datasets.card import REPLAY, Card, write_card
from sensor.datasets.choose import NoDataset, UnknownDataset, choose, datasets_in
from tests.datasets._folders import age, running, write_inventory, write_log
from tests.golden import Golden


def replay(state: Path, name: str, seconds: int, **more: int) -> None:
    folder = state / "datasets" / name
    write_log(folder / "events.jsonl", **more)
    write_card(folder, Card(REPLAY, name, [f"/pcaps/{name}.pcap"]))
    age(folder, seconds)


def test_nothing_is_there(tmp_path: Path) -> None:
    """Neither an empty folder nor a missing one has a dataset."""
    for state in (tmp_path, tmp_path / "none"):
        with pytest.raises(NoDataset, match="sensor replay FILE"):
            choose(state)
    assert not (tmp_path / "none").exists()


def test_the_newest_replay(tmp_path: Path) -> None:
    """The newest by time of creation, not by name or packet time."""
    replay(tmp_path, "alpha", 10)
    replay(tmp_path, "beta", 30)
    assert [one.name for one in datasets_in(tmp_path)] == ["alpha", "beta"]
    assert choose(tmp_path).name == "alpha"


def test_one_that_is_named(tmp_path: Path) -> None:
    """An older one may be named; the error for an unknown name lists the valid ones."""
    replay(tmp_path, "alpha", 10)
    replay(tmp_path, "beta", 30)
    assert choose(tmp_path, "beta").name == "beta"
    with pytest.raises(UnknownDataset) as unknown:
        choose(tmp_path, "betta")
    assert (unknown.value.name, unknown.value.known) == ("betta", ["alpha", "beta"])


def test_a_sensor_that_runs_goes_before_a_newer_replay(tmp_path: Path) -> None:
    """A sensor that no longer runs does not."""
    write_log(tmp_path / "events.jsonl")
    write_inventory(tmp_path)
    age(tmp_path, 60)
    replay(tmp_path, "office", 10)
    assert choose(tmp_path).name == "office"
    with running(tmp_path):
        age(tmp_path, 60)
        found = choose(tmp_path)
    assert (found.name, found.kind, found.span) == (
        "live",
        "live",
        ("2026-11-24T08:00:00.000000Z", "2026-11-24T08:20:00.000000Z"),
    )


def test_a_sensor_that_is_installed_goes_before_a_newer_replay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule applies to the state folder of the service only, since the owner of other folders is unknown."""
    write_log(tmp_path / "events.jsonl")
    age(tmp_path, 60)
    replay(tmp_path, "office", 10)
    (tmp_path / "units").mkdir()
    (tmp_path / "units" / "sensor.service").touch()
    monkeypatch.setattr(
        live, "installed", lambda: live.UNIT_FOLDERS and (tmp_path / "units" / "sensor.service").exists()
    )
    assert choose(tmp_path).name == "office"
    monkeypatch.setattr("sensor.eventlog.paths.SYSTEM", tmp_path)
    assert choose(tmp_path).name == "live"


def test_units_of_the_service(tmp_path: Path) -> None:
    """Units of single interfaces count too."""
    assert not live.installed((tmp_path,))
    (tmp_path / "sensor-mirror@.service").touch()
    assert live.installed((tmp_path,))


def test_an_empty_one_is_never_preferred(golden: Golden, tmp_path: Path) -> None:
    """An inventory without devices and a log without records, as of a sensor without an interface, are read only by
    name.
    """
    write_inventory(tmp_path, devices=0)
    (tmp_path / "events.jsonl").touch()
    with pytest.raises(NoDataset) as raised:
        choose(tmp_path)
    golden(str(raised.value))
    replay(tmp_path, "office", 10**6)
    with running(tmp_path):
        assert choose(tmp_path).name == "office"
    assert choose(tmp_path, "live").empty


def test_a_sensor_that_received_nothing_hides_no_replay(tmp_path: Path) -> None:
    """Its log has only begin and end. While it runs it is read, since no traffic may be correct; afterwards the replay
    is.
    """
    replay(tmp_path, "office", 1000)
    write_log(tmp_path / "events.jsonl", devices=0, alerts=0)
    write_inventory(tmp_path, devices=0)
    assert choose(tmp_path).name == "office"
    with running(tmp_path):
        assert choose(tmp_path).name == "live"
    write_log(tmp_path / "events.jsonl", devices=1, alerts=0)
    age(tmp_path, 500)
    age(tmp_path / "datasets", 1000)
    assert choose(tmp_path).name == "live"


def test_what_a_person_chose(tmp_path: Path) -> None:
    """The choice precedes the newest dataset, until the dataset is removed or the choice is reset."""
    replay(tmp_path, "alpha", 10)
    replay(tmp_path, "beta", 30)
    manage.use(tmp_path, "beta")
    assert choose(tmp_path).name == "beta"
    manage.rename(tmp_path, choose(tmp_path, "beta"), "gamma")
    assert choose(tmp_path).name == "gamma"
    manage.remove(tmp_path, choose(tmp_path, "gamma"))
    assert choose(tmp_path).name == "alpha"
    manage.use(tmp_path, "alpha")
    manage.use(tmp_path, "")
    assert not (tmp_path / "datasets" / ".chosen").exists()


def test_a_choice_that_cannot_be_written(tmp_path: Path) -> None:
    """The error has the name of the file, not that of the temporary one, which is removed."""
    (tmp_path / "datasets" / ".chosen" / "taken").mkdir(parents=True)
    with pytest.raises(OSError, match="chosen") as caught:
        manage.use(tmp_path, "alpha")
    assert caught.value.filename == str(tmp_path / "datasets" / ".chosen")
    assert [path.name for path in (tmp_path / "datasets").iterdir()] == [".chosen"]


def test_what_is_missing(golden: Golden, tmp_path: Path) -> None:
    """Each missing part is named; an interrupted replay lacks its end."""
    write_inventory(tmp_path)
    assert choose(tmp_path).missing == ("event log", "evidence")
    folder = tmp_path / "datasets" / "cut"
    write_log(folder / "events.jsonl")
    write_card(folder, Card(REPLAY, "cut", complete=False))
    golden(choose(tmp_path, "cut").missing)


def test_the_span_of_an_inventory_without_a_log(tmp_path: Path) -> None:
    """From the first sighting of a device to the last."""
    write_inventory(tmp_path)
    first, last = choose(tmp_path).span
    assert first[:10] == "2023-11-14"
    assert first <= last


def test_a_damaged_card_and_a_damaged_inventory(tmp_path: Path) -> None:
    """The other files are still read; an unreadable store does not count as empty."""
    replay(tmp_path, "office", 10)
    (tmp_path / "datasets" / "office" / "dataset.json").write_bytes(b'{"kind": 7')
    found = choose(tmp_path)
    assert (found.name, found.kind, found.card.captures) == ("office", "replay", [])
    (tmp_path / "datasets" / "office" / "events.jsonl").unlink()
    (tmp_path / "datasets" / "office" / "inventory.db").write_bytes(b"no database" * 100)
    assert not choose(tmp_path).empty


def test_a_log_elsewhere(tmp_path: Path) -> None:
    """The folder records the configured location of the log."""
    log = write_log(tmp_path / "var" / "log.jsonl")
    write_inventory(tmp_path / "state")
    write_card(tmp_path / "state", Card(log=str(log)))
    assert choose(tmp_path / "state").log == log
    assert choose(tmp_path / "state").has_log
