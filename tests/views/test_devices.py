"""Lists of devices of the office compared with the whole inventory; single devices; other views of the same dataset."""

from __future__ import annotations

import shutil
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from sensor.core.ids import short_id
from sensor.inventory.corrections import Correction
from sensor.inventory.store import rows
from sensor.inventory.store.operator_changes import OperatorChanges
from sensor.inventory.store.reader import Reader
from sensor.inventory.store.store import Store
from sensor.views import devices as views_of_devices
from sensor.views.dataset import Data, open_folder, open_log
from sensor.views.dataset_summary import DatasetSummary, dataset_summary
from sensor.views.devices import EACH, LISTED, SCANNED, SORTS, DeviceFilter, DeviceRow, _test, device, devices
from sensor.views.errors import Malformed, Unknown
from sensor.views.moments import TimelineFilter, health, search, timeline
from sensor.views.stories import StoryFilter, incident, incidents, recommendations
from tests.views.conftest import LOG


@pytest.fixture
def known(office_folder: Path) -> list[dict[str, Any]]:
    with closing(Reader(office_folder)) as reader:
        return [record["device"] for record in reader.records()]


def ids(data: Data, wanted: DeviceFilter) -> set[str]:
    page = devices(data, wanted, limit=1000)
    assert page.total == len(page.rows) == sum(page.facets["type"].values())
    return {row.id for row in page.rows}


def test_list_has_what_the_inventory_has(office: Data, known: list[dict[str, Any]]) -> None:
    """All devices with their rows; by type, VLAN, vendor, address and text."""
    page = devices(office, limit=1000)
    assert sorted(row.device["id"] for row in page.rows) == sorted(one["id"] for one in known)
    assert page.facets["type"]["printer"] == len([one for one in known if one["type"] == "printer"])
    assert ids(office, DeviceFilter(type=("printer", "camera"))) == {
        one["id"] for one in known if one["type"] in ("printer", "camera")
    }
    assert ids(office, DeviceFilter(address="10.20.30.0/24")) == {
        one["id"] for one in known if any(ip.startswith("10.20.30.") for ip in one.get("ips", ()))
    }
    assert (
        ids(office, DeviceFilter(vendor="KYOCERA"))
        == {one["id"] for one in known if "kyocera" in one.get("vendor", "").casefold()}
        != set()
    )
    (printer,) = (one for one in known if "KM1A2B3C" in one.get("names", [one.get("hostname")]))
    for text in ("km1a2B", "KM1A2B3C", printer["macs"][0][3:], printer["ips"][0]):
        assert printer["id"] in ids(office, DeviceFilter(text=text)), text
    assert printer["id"] in ids(office, DeviceFilter(mac=printer["macs"][0].upper().replace(":", "-")))
    assert ids(office, DeviceFilter(text="KM1A2B3C no-such-word")) == set()
    assert ids(office, DeviceFilter(text="%_")) == set()


@pytest.mark.parametrize("backwards", [True, False])
@pytest.mark.parametrize("sort", SORTS)
def test_pages_join_to_the_whole_list(office: Data, sort: str, backwards: bool) -> None:
    """Every order, in pages of seven."""
    whole = [row.id for row in devices(office, sort=sort, backwards=backwards, limit=1000).rows]
    rows: list[DeviceRow] = []
    cursor = ""
    while len(rows) < 100:
        page = devices(office, sort=sort, backwards=backwards, limit=7, cursor=cursor)
        rows += page.rows
        cursor = page.cursor
        if not cursor:
            break
    assert [row.id for row in rows] == whole
    if sort not in ("ip", "alerts"):
        values = [getattr(row, sort) for row in rows]
        assert values == sorted(values, reverse=backwards)


@pytest.mark.parametrize(
    "wanted",
    [
        DeviceFilter(text="10.20"), DeviceFilter(text="p"), DeviceFilter(text="10.20", type=("printer", "camera")),
        DeviceFilter(text="10.20 1", vendor="a", address="10.20.10.0/24"), DeviceFilter(text="10.20", since=0),
    ],
)  # fmt: skip
def test_text_that_many_have(office: Data, wanted: DeviceFilter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows, total and facets are the same with and without the text index."""
    expected = devices(office, wanted, "name", limit=1000)
    assert expected.rows
    monkeypatch.setattr(views_of_devices, "FREQUENT", 2)
    monkeypatch.setattr(views_of_devices, "MANY", 2)
    found = devices(office, wanted, "name", limit=1000)
    assert (found.rows, found.total) == (expected.rows, expected.total)
    assert {name: dict(sorted(values.items())) for name, values in found.facets.items()} == {
        name: dict(sorted(values.items())) for name, values in expected.facets.items()
    }


def test_one_device(office: Data) -> None:
    """All details are found by the id or a prefix of it."""
    (row,) = devices(office, DeviceFilter(text="KM1A2B3C")).rows
    reported = device(office, row.id[:-1])
    assert reported["device"]["id"] == row.id
    assert reported["evidence"]
    assert reported["leases"]


def test_text_is_found_whether_it_is_indexed_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts are indexed later, some at a time; a changed or deleted text is no longer found."""
    monkeypatch.setattr(rows, "PENDING", 20)
    monkeypatch.setattr(rows, "INDEXED_AT_ONCE", 30)
    store = Store(tmp_path)
    texts = {number: f"Gerät-{number} PRINTER" for number in range(100)}

    def save(some: dict[int, str]) -> None:
        rows.save_rows(
            store.base,
            [
                rows.ListedDevice(1, 2, False, {"id": f"dev-{number}", "hostname": text})
                for number, text in some.items()
            ],
        )
        rows.index_words(store.base)

    save(texts)
    assert store.base.execute("SELECT count(*) FROM device_rows WHERE indexed").fetchone()[0] == 30
    changed = {number: f"Kamera-{number}" for number in (3, 60)}  # one of each kind
    save(changed)
    texts |= changed
    rows.remove_rows(store.base, ["dev-5", "dev-90"])
    texts = {number: text for number, text in texts.items() if number not in (5, 90)}
    store.close()
    with open_folder(tmp_path) as data:
        wanted_texts = (
            "gerät-", "GERÄT-1", "printer", "kamera", "Gerät-5 ", "gerät-90", "ger printer 1", "t-3 pr", "%", "a-6",
        )  # fmt: skip
        for wanted, how in product(wanted_texts, (LISTED, SCANNED, EACH)):
            test, parameters = _test(data.base, DeviceFilter(text=wanted), how)
            found = {row[0] for row in data.base.execute(f"SELECT d.id FROM device_rows d WHERE {test}", parameters)}  # noqa: S608
            words = wanted.casefold().split()
            assert found == {
                f"dev-{number}"
                for number, text in texts.items()
                if all(word in f"dev-{number} {text}".casefold() for word in words)
            }, wanted


def test_corrections_are_in_the_list_at_once(office_folder: Path, tmp_path: Path) -> None:
    """A correction made while no sensor runs is in row, search and facets, and its undo as well."""
    folder = tmp_path / "copy"
    shutil.copytree(office_folder, folder)
    with open_folder(folder) as data:
        (row,) = devices(data, DeviceFilter(text="KM1A2B3C")).rows
    with closing(Reader(folder)) as reader:
        key = reader.key(row.id)
    changes = OperatorChanges(folder, "anna", 7)
    changes.correct(
        [
            Correction(key, "name", "Lobby printer"),
            Correction(key, "criticality", "high"),
            Correction(key, "tags", "lobby, leased"),
        ]
    )
    changes.close()
    with open_folder(folder) as data:
        wanted = DeviceFilter(text="lobby", criticality=("high",), tag=("leased",))
        (reported,) = devices(data, wanted).rows
        assert (reported.id, reported.name, reported.tags) == (row.id, "Lobby printer", ["lobby", "leased"])
        assert reported.device["hostname"] == "Lobby printer"
    changes = OperatorChanges(folder, "anna", 8)
    for number in ("1", "2", "3"):
        changes.undo(number)
    changes.close()
    with open_folder(folder) as data:
        assert devices(data, wanted).total == 0
        assert devices(data, DeviceFilter(text="KM1A2B3C")).rows == [row]


def test_invalid_values(office: Data) -> None:
    """Each error names the reason and the nearest valid value."""
    with pytest.raises(Unknown) as raised:
        devices(office, DeviceFilter(type=("camra",)))
    assert raised.value.near == "camera"
    with pytest.raises(Malformed) as bad:
        devices(office, DeviceFilter(address="10.0.0.300"))
    assert bad.value.field == "address"
    with pytest.raises(Malformed):
        devices(office, DeviceFilter(mac="00:17"))


def test_incidents_and_recommendations(office: Data) -> None:
    """Three incidents, the critical one first by severity; sixteen recommendations, page by page."""
    page = incidents(office, sort="severity")
    assert [row.severity for row in page.rows] == ["critical", "medium", "medium"]
    assert page.facets == {"state": {"open": 3}, "severity": {"medium": 2, "critical": 1}}
    assert incident(office, page.rows[0].id).record["incident"]["id"] == page.rows[0].id
    assert incidents(office, StoryFilter(severity="high")).total == 1
    assert incidents(office, StoryFilter(state=("closed",))).total == 0
    whole = recommendations(office, limit=1000)
    first = recommendations(office, limit=10)
    rest = recommendations(office, limit=10, cursor=first.cursor)
    assert first.rows + rest.rows == whole.rows
    assert whole.total == len(whole.rows) == 16
    assert not rest.cursor
    assert recommendations(office, StoryFilter(setting=("database_open",))).total == 0
    with pytest.raises(Unknown) as raised:
        recommendations(office, StoryFilter(setting=("telnet_opne",)))
    assert raised.value.near == "telnet_open"


def test_timeline_and_health(office: Data) -> None:
    """The timeline is in order of time, for one device only its records; health has the sensor's own metrics."""
    page = timeline(office, limit=1000)
    assert [one.ts for one in page.rows] == sorted((one.ts for one in page.rows), reverse=True)
    first = timeline(office, limit=100)
    assert first.rows + timeline(office, limit=100, cursor=first.cursor).rows == page.rows
    critical = timeline(office, TimelineFilter(kind=("alert",), severity="critical")).rows
    assert {one.severity for one in critical} == {"critical"}
    assert {one.kind for one in timeline(office, TimelineFilter(about=critical[0].about)).rows} == {"alert"}
    [camera] = [row.id for row in devices(office, DeviceFilter(text="10.20.10.62")).rows]
    actor = timeline(office, TimelineFilter(about=camera, kind=("alert", "recommendation")))
    assert critical[0] in actor.rows
    assert {one.kind for one in actor.rows} == {"alert", "recommendation"}
    with pytest.raises(Unknown):
        timeline(office, TimelineFilter(kind=("flow",)))
    assert timeline(office, TimelineFilter(about=short_id(critical[0].about))).rows[0].about == critical[0].about
    for about, error in (("alert-zzzzzz", Unknown), ("10.20.10.62", Malformed)):
        with pytest.raises(error):
            timeline(office, TimelineFilter(about=about))
    reported = health(office)
    assert reported.summary["packets"] == 5058
    assert reported.seq > 100


def test_search_everywhere(office: Data) -> None:
    """The address of a camera finds the device, its alerts and its incident."""
    hits = search(office, "10.20.10.62")
    assert hits.devices.total == 1
    assert hits.alerts.total >= 1
    assert hits.incidents.total >= 1


def test_how_it_stands(office: Data, office_folder: Path, tmp_path: Path) -> None:
    """Devices, the last record, and the last event of the sensor; a log alone has no inventory, an
    empty log no record.
    """
    found = dataset_summary(office)
    assert found.devices == devices(office).total
    assert found.newest is not None
    assert (found.newest.kind, found.newest.action, found.newest.ts <= found.last) == ("sensor", "stopped", True)
    with open_log(office_folder / LOG) as data:
        assert dataset_summary(data) == DatasetSummary(None, found.last, found.newest)
    (tmp_path / LOG).touch()
    with open_log(tmp_path / LOG) as data:
        assert dataset_summary(data) == DatasetSummary(None, 0, None)


def test_a_large_store_counts_the_first_matches_of_a_text(office: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows and order are the same, and the total is a lower bound; without a text all rows are counted."""
    texts = ("", "cam", "a", "10.20", "zz", "hikvision")
    exact = {text: devices(office, DeviceFilter(text=text), "name", limit=10) for text in texts}
    monkeypatch.setattr(views_of_devices, "LARGE", 10)
    monkeypatch.setattr(views_of_devices, "COUNTED", 4)
    for text in texts:
        found = devices(office, DeviceFilter(text=text), "name", limit=10)
        assert found.rows == exact[text].rows
        assert found.total == (exact[text].total if not text else min(exact[text].total, 4))
        assert found.exact == (not text or exact[text].total <= 4)
    assert exact["a"].total > 4 > exact["zz"].total
    assert views_of_devices.is_large(office)
    page = devices(office, DeviceFilter(text="a", type=("camera",)))
    assert {row.type for row in page.rows} == {"camera"}
