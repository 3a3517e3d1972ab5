"""Lists of alerts against a slow reference that reads every record: any filter, any order, page by page."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sensor.core.severities import SEVERITIES
from sensor.tables.build import catch_up
from sensor.tables.lines import time_ns
from sensor.views import alert_numbers, alert_walk
from sensor.views.alert_filter import AlertFilter
from sensor.views.alerts import SORTS, AlertRow, alert, alerts
from sensor.views.backend import DatasetBackend, matching
from sensor.views.dataset import Data, open_folder, open_log
from sensor.views.errors import Ambiguous, Malformed, NotReadable, Unknown
from tests import sampling
from tests.perf.made_records import START, STEP, write_log

LOG = "events.jsonl"
Record = dict[str, Any]
MIDDLE = START + 2000 * STEP

CASES: dict[str, tuple[AlertFilter, Callable[[Record], bool]]] = {
    "all": (AlertFilter(), lambda _: True),
    "closed": (AlertFilter(state=("closed",)), lambda one: one["action"] == "close"),
    "severe of two sites": (
        AlertFilter(severity="high", site=("north", "plant")),
        lambda one: one["severity"] in ("high", "critical") and one["sensor"]["site"] != "south",
    ),
    "detectors": (
        AlertFilter(detector=("discovery.*",)),
        lambda one: one["alert"]["detector"].startswith("discovery."),
    ),
    "rare text": (AlertFilter(text="host-77"), lambda one: one["src"]["hostname"] == "host-77"),
    "frequent text": (AlertFilter(text="workstation DISCOVERY"), lambda _: True),
    "beginning": (AlertFilter(text="case1*"), lambda one: ".case1" in one["alert"]["detector"]),
    "source": (AlertFilter(source="10.0.3.7"), lambda one: one["src"]["ip"] == "10.0.3.7"),
    "network": (
        AlertFilter(device="10.0.0.0/18"),
        lambda one: ipaddress.ip_address(one["src"]["ip"]) in ipaddress.ip_network("10.0.0.0/18"),
    ),
    "target network": (AlertFilter(target="10.1.0.0/16"), lambda _: True),
    "name": (AlertFilter(source="HOST-77"), lambda one: one["src"]["hostname"] == "host-77"),
    "VLAN": (AlertFilter(vlan=30, severity="critical"), lambda one: one["severity"] == "critical"),
    "oldest": (AlertFilter(until=START + 900 * STEP), lambda one: time_ns(one["ts"]) < START + 900 * STEP),
    "text and network": (
        AlertFilter(text="discovery", source="10.0.0.0/17"),
        lambda one: ipaddress.ip_address(one["src"]["ip"]) in ipaddress.ip_network("10.0.0.0/17"),
    ),
    "two detectors at once": (AlertFilter(text="case3 case4"), lambda _: False),
    "another VLAN": (AlertFilter(vlan=31), lambda _: False),
    "time": (
        AlertFilter(since=MIDDLE, until=MIDDLE + 500 * STEP),
        lambda one: MIDDLE <= time_ns(one["ts"]) < MIDDLE + 500 * STEP,
    ),
    "all at once": (
        AlertFilter(text="workstation", severity="medium", device="10.0.0.0/17", since=MIDDLE, state=("open",)),
        lambda one: (
            one["severity"] in SEVERITIES[2:]
            and one["action"] != "close"
            and time_ns(one["ts"]) >= MIDDLE
            and ipaddress.ip_address(one["src"]["ip"]) in ipaddress.ip_network("10.0.0.0/17")
        ),
    ),
}
PLACES: dict[str, Callable[[int, Record], Any]] = {
    "last": lambda number, one: (time_ns(one["ts"]), number),
    "opened": lambda number, _: number,
    "risk": lambda number, one: (one["alert"]["risk"], time_ns(one["ts"]), number),
    "severity": lambda number, one: (SEVERITIES.index(one["severity"]), time_ns(one["ts"]), number),
}


@pytest.fixture(scope="module")
def records(made_folder: Path) -> list[Record]:
    return [json.loads(line) for line in (made_folder / LOG).read_bytes().splitlines()]


def all_pages(data: Data, wanted: AlertFilter, sort: str, *, backwards: bool, limit: int) -> list[AlertRow]:
    rows: list[AlertRow] = []
    cursor = ""
    while True:
        page = alerts(data, wanted, sort, backwards=backwards, limit=limit, cursor=cursor)
        assert len(page.rows) <= limit
        rows += page.rows
        if not page.cursor:
            return rows
        cursor = page.cursor


LIMITS = {
    "looks at all": {},
    "follows the order": {"FEW": 20, "FEW_TESTED": 20, "LISTED": 30, "LISTED_WHO": 30, "COUNTED": 20},
    "knows some numbers": {"FEW": 20, "FEW_TESTED": 20, "LISTED": 2_500, "LISTED_WHO": 2_500, "LISTED_SPARSE": 2_500},
    "gives up the order": {
        "FEW": 20,
        "FEW_TESTED": 20,
        "LISTED": 30,
        "LISTED_WHO": 30,
        "STEPS": 40,
        "TESTED": 40,
        "TRIED": 40,
    },
}


@pytest.fixture
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that lead to each way to find the first alerts."""
    for name, limit in LIMITS[request.param].items():
        for module in (alert_numbers, alert_walk):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, limit)


LISTS = [
    (way, case, sort, backwards) for way in LIMITS for case in CASES for sort in SORTS for backwards in (True, False)
]


@pytest.mark.parametrize(
    ("way", "case", "sort", "backwards"), sampling.drawn(LISTS, 20, "lists of alerts"), indirect=["way"]
)
@pytest.mark.usefixtures("way")
def test_list_is_what_the_records_report(
    case: str, sort: str, backwards: bool, made: Data, records: list[Record]
) -> None:
    """Every page of every list equals that of the records, whichever way it was found."""
    wanted, fits = CASES[case]
    place = PLACES[sort]
    expected = [
        one
        for _, one in sorted(
            ((place(number, one), one) for number, one in enumerate(records) if fits(one)),
            key=lambda one: one[0],
            reverse=backwards,
        )
    ]
    rows = all_pages(made, wanted, sort, backwards=backwards, limit=701)
    assert [row.id for row in rows] == [one["alert"]["id"] for one in expected]
    page = alerts(made, wanted, sort, backwards=backwards)
    if page.exact:
        assert page.total == len(expected)
        assert sum(page.facets["severity"].values()) == len(expected)
    else:
        assert page.total <= len(expected)


def test_more_than_are_counted(made: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page shows that there may be more matches than its total, and the rows shown are included in the total."""
    monkeypatch.setattr(alert_numbers, "FEW", 100)
    monkeypatch.setattr(alert_numbers, "LISTED", 100)
    monkeypatch.setattr(alert_numbers, "LISTED_WHO", 100)
    monkeypatch.setattr(alert_numbers, "COUNTED", 80)
    page = alerts(made, AlertFilter(text="workstation"), limit=10)
    assert (page.total, page.exact) == (80, False)
    assert sum(page.facets["severity"].values()) == 80
    rare = alerts(made, AlertFilter(text="workstation", device="10.0.0.0/17", severity="critical"), limit=100)
    assert rare.total >= len(rare.rows) == 100


def test_row_and_facets(office: Data) -> None:
    """The office has seven alerts, the critical one first by severity, with its record."""
    page = alerts(office, sort="severity")
    assert page.total == 7
    first = page.rows[0]
    assert (first.severity, first.state, first.verdict, first.assignee) == ("critical", "open", "", "")
    assert first.record["alert"]["id"] == first.id
    assert page.facets["state"] == {"open": 7}
    assert page.facets["verdict"] == {"none": 7}
    details = alert(office, first.id[:-2])
    assert details.alert == first
    assert len(details.incidents) == 1


@pytest.mark.parametrize(
    ("wanted", "field", "near"),
    [
        (AlertFilter(state=("opne",)), "state", "open"),
        (AlertFilter(severity="hihg"), "severity", "high"),
        (AlertFilter(verdict=("benin",)), "verdict", "benign"),
        (AlertFilter(site=("nort",)), "site", "north"),
        (AlertFilter(detector=("discovery.case33",)), "detector", "discovery.case3"),
        (AlertFilter(assignee=("nobdy",)), "assignee", "nobody"),
    ],
)
def test_unknown_value_names_the_nearest(made: Data, wanted: AlertFilter, field: str, near: str) -> None:
    with pytest.raises(Unknown) as raised:
        alerts(made, wanted)
    assert (raised.value.field, raised.value.near) == (field, near)


def test_wrong_sort_limit_and_field(made: Data) -> None:
    """Each is an error of its own class."""
    with pytest.raises(Unknown) as raised:
        alerts(made, sort="severty")
    assert raised.value.near == "severity"
    with pytest.raises(Malformed):
        alerts(made, limit=0)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"sate": ["open"]}, AlertFilter)


def test_a_cursor_stays_valid_while_a_span_moves(made: Data) -> None:
    """The last 24 hours begin later for the second page than for the first one."""
    first = alerts(made, AlertFilter(since=1), limit=10)
    rest = alerts(made, AlertFilter(since=2), limit=10, cursor=first.cursor)
    assert first.rows + rest.rows == alerts(made, limit=20).rows
    with pytest.raises(Malformed):
        alerts(made, AlertFilter(since=1, severity="high"), cursor=first.cursor)


@pytest.mark.parametrize("cursor", ["x", "!!!", "WyIiLDEsMl0", "WzEsMiwzXQ", "\x00"])
def test_foreign_cursor_is_refused(made: Data, cursor: str) -> None:
    """A forged cursor, or one of another query."""
    with pytest.raises(Malformed):
        alerts(made, cursor=cursor)
    with pytest.raises(Malformed):
        alerts(made, sort="risk", cursor=alerts(made).cursor)


@pytest.mark.parametrize(
    "text",
    [
        '"',
        "a AND",
        "NEAR(",
        "x OR y*",
        "-",
        "*",
        "col:x",
        "'; DROP TABLE alerts; --",
        "\x00",
        "ü" * 5000,
        "10.0.0.0/99",
        "^a",
        "{}",
    ],
)
def test_hostile_text_is_only_a_text(made: Data, text: str) -> None:
    """No part of it is interpreted by the database."""
    assert alerts(made, AlertFilter(text=text)).total in (0, 4000)
    if text != "10.0.0.0/99":
        assert alerts(made, AlertFilter(source=text)).total == 0


@pytest.mark.parametrize("word", ["10.0.0.300", "10.0.0", "10.0.0.0/99", "1"])
def test_nearly_an_address_is_refused(made: Data, word: str) -> None:
    """A mistyped address is an error, not a name without matches."""
    for wanted in (AlertFilter(source=word), AlertFilter(target=word), AlertFilter(device=word)):
        with pytest.raises(Malformed):
            alerts(made, wanted)


def test_id_by_its_beginning(made: Data) -> None:
    """A unique prefix is found; an ambiguous one lists some ids; an unknown one lists similar ids."""
    assert alert(made, "alert-0000000000fa0").alert.id == "alert-0000000000fa0"
    with pytest.raises(Ambiguous) as several:
        alert(made, "alert-0000000000f")
    assert len(several.value.candidates) == 5
    with pytest.raises(Unknown):
        alert(made, "alert-zz")
    with pytest.raises(Unknown):
        alert(made, "")


def test_matching_is_bounded(made: Data) -> None:
    """An action on all matches applies to no more than the requested number."""
    assert (
        len(matching(DatasetBackend(made), AlertFilter(severity="critical"), 4000))
        == alerts(made, AlertFilter(severity="critical")).total
    )
    with pytest.raises(Malformed):
        matching(DatasetBackend(made), AlertFilter(), 100)


def test_nothing_is_not_no_alerts(tmp_path: Path) -> None:
    """A folder without a store, or with one of another version, is an error; a log alone is read."""
    with pytest.raises(NotReadable):
        open_folder(tmp_path)
    write_log(tmp_path / LOG, 5)
    with open_log(tmp_path / LOG) as data:
        assert alerts(data).total == 5
    catch_up(tmp_path, tmp_path / LOG)
    with open_folder(tmp_path) as data:
        assert (alerts(data).total, data.position.seq) == (5, 5)
        with pytest.raises(Exception, match="readonly"):
            data.base.execute("DELETE FROM alerts")
