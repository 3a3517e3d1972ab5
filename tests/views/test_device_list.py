"""All devices of a list, page by page."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sensor.eventlog.fold import Record
from sensor.inventory.store.reader import Reader
from sensor.views import device_list
from sensor.views.dataset import Data, open_log
from sensor.views.device_list import every_device, listed_devices
from sensor.views.device_terms import ALERTS, matching, sort_key, term_of
from tests.views.conftest import LOG

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


@pytest.mark.parametrize("page", [1, 7, 1000])
def test_pages_join_to_the_whole_inventory(office: Data, office_folder: Path, page: int, monkeypatch) -> None:
    """Each device is listed once, the last one seen at the end, for pages of any size."""
    monkeypatch.setattr(device_list, "PAGE", page)
    found = list(every_device(office, (), NOW))
    assert [record["device"]["last_seen"] for record in found] == sorted(
        record["device"]["last_seen"] for record in found
    )
    stored = {record["device"]["id"]: record for record in records_of(office_folder)}
    assert {one["device"]["id"]: {name: one[name] for name in one if name not in ALERTS} for one in found} == stored
    assert len(found) == len(stored)


@pytest.mark.parametrize(
    "words",
    [
        ["type=camera"], ["type=camera", "type=printer"], ["type!=camera"], ["type=unknown"], ["state=gone"],
        ["state=present", "vendor=hik"],
        ["criticality=high"], ["seen<10m"], ["confidence>0.8", "type=camera"], ["10.20.10."],
    ],
)  # fmt: skip
def test_terms_leave_what_they_leave_of_records(office: Data, office_folder: Path, words: list[str]) -> None:
    """The clauses of the database exclude no device that a term would match."""
    wanted = [term_of(word) for word in words]
    expected = {record["device"]["id"] for record in matching(records_of(office_folder), wanted, NOW)}
    assert {record["device"]["id"] for record in every_device(office, wanted, NOW)} == expected


def test_order(office: Data) -> None:
    """Sorting by any column, either way, lists the same devices."""
    names = [
        [record["device"]["id"] for record in listed_devices(office, (), sort_key(sort, ("vendor",)), NOW)]
        for sort in ("vendor", "-ip", None)
    ]
    assert set(names[0]) == set(names[1]) == set(names[2])
    addresses = [record["device"].get("ips", [""])[0] for record in listed_devices(office, (), ("ips", False), NOW)]
    assert addresses.index("10.20.10.5") < addresses.index("10.20.10.62") < addresses.index("10.20.10.106")


def test_log_alone_counts_ages_from_its_end(office_folder: Path) -> None:
    """Ages are relative to the end of an old log."""
    with open_log(office_folder / LOG) as data:
        assert list(every_device(data, [term_of("seen<1h")], datetime(2036, 1, 1, tzinfo=UTC)))
        assert not list(every_device(data, [term_of("seen>2h")], NOW))


def records_of(folder: Path) -> list[Record]:
    """The records of all devices, read at once."""
    with contextlib.closing(Reader(folder)) as reader:
        return list(reader.records())
