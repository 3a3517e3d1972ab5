"""Assessments of a growing dataset: new records wait for the next calculation, changes of operators do not."""

from __future__ import annotations

import contextlib
import gc
import re
import weakref
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from sensor.console import assess
from sensor.console.assess import REST_S, Assessing, Assessments
from sensor.console.pages import overview
from sensor.console.sources import StateFolder
from sensor.inventory.store.database import FILE, connect
from sensor.posture import picture as assessments_module
from sensor.posture.picture import Picture
from sensor.posture.scores.trend import Day, keep
from sensor.posture.vulnerabilities.database import DatabaseError
from sensor.tables.position import position, put_position
from sensor.tables.tables import transaction
from sensor.views.errors import NotReadable
from sensor.views.posture import posture
from tests.console.kit import Running


class Clock:
    """Each reading takes ``step`` seconds, so that a calculation has a duration."""

    def __init__(self, step: float) -> None:
        self.now, self._step = 1000.0, step

    def __call__(self) -> float:
        self.now += self._step
        return self.now


@pytest.fixture
def assessed(own: Path) -> Callable[[float], tuple[Clock, Callable[[], Picture]]]:
    """Assessments of the office whose calculation takes some seconds, and the picture that a page gets."""
    sources = StateFolder(own)

    def started(step: float) -> tuple[Clock, Callable[[], Picture]]:
        clock = Clock(step)
        assessments = Assessments(own, Assessing(), clock)

        def picture() -> Picture:
            with sources.opened(sources.dataset()) as opened, assessments.of(opened) as found:
                return found

        return clock, picture

    return started


def grow(folder: Path) -> None:
    """The tables contain one more record, as while a sensor runs."""
    with contextlib.closing(connect(folder / FILE)) as base, transaction(base):
        there = position(base)
        put_position(base, there._replace(unusable=there.unusable + 1))


def correct(folder: Path) -> None:
    """An operator sets the criticality of a device."""
    with contextlib.closing(connect(folder / FILE)) as base:
        values = (1, "anna", "mac:00:17:c8:1a:2b:3c", "criticality", "critical", "", "said")
        base.execute(
            "INSERT INTO words (ts, author, key, field, value, reason, state) VALUES (?, ?, ?, ?, ?, ?, ?)", values
        )


def test_an_unchanged_dataset_is_calculated_once(assessed) -> None:
    _, picture = assessed(100.0)
    assert picture() is picture()


def test_new_records_wait_in_proportion_to_the_duration(own: Path, assessed) -> None:
    """A calculation of 0.1 seconds rests for two seconds."""
    clock, picture = assessed(0.1)
    first = picture()
    grow(own)
    assert picture() is first
    clock.now += 3
    assert picture() is not first


def test_a_long_calculation_rests_for_a_minute_at_most(own: Path, assessed) -> None:
    clock, picture = assessed(20.0)
    first = picture()
    grow(own)
    assert picture() is first
    clock.now += REST_S
    assert picture() is not first


def test_a_change_of_an_operator_counts_at_once(own: Path, assessed) -> None:
    _, picture = assessed(1.0)
    first = picture()
    correct(own)
    second = picture()
    assert second is not first
    assert picture() is second


def test_outdated_assessments_are_freed_without_a_collection(own: Path, assessed) -> None:
    """Those of a large site have some hundred MB."""
    _, picture = assessed(1.0)
    gc.disable()
    try:
        first = picture()
        posture(first)
        freed = [weakref.ref(one) for one in (first, first.known, first.fleet)]
        del first
        correct(own)
        picture()
        assert [one() for one in freed] == [None] * 3
    finally:
        gc.enable()


def test_a_page_waits_for_its_own_assessments_only(
    own: Path, start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Firewall rules need no vulnerabilities. What cannot be read is an error of the pages that need it."""

    def damaged(*_: object) -> None:
        raise DatabaseError("vulnerabilities.db: damaged")

    monkeypatch.setattr(assessments_module, "Fleet", damaged)
    with start(own).client() as client:
        alert = client.get("/api/v1/alerts?limit=1").json()["items"][0]["id"]
        assert client.get(f"/alerts/{alert}/firewall").status_code == 200
        page = client.get("/vulnerabilities")
        assert (page.status_code, "damaged" in page.text) == (503, True)
        assert client.get(f"/alerts/{alert}/firewall").status_code == 200


@pytest.mark.parametrize(("limit", "what"), [("MOST", "devices"), ("ALERTS_MOST", "alerts")])
def test_a_large_dataset_is_left_to_the_commands(
    assessed, monkeypatch: pytest.MonkeyPatch, limit: str, what: str
) -> None:
    monkeypatch.setattr(assess, limit, 5)
    _, picture = assessed(1.0)
    with pytest.raises(NotReadable, match=what):
        picture()


DAY = Day("2026-11-23", "2026-11-23T06:00:00Z", 64.2, {"high": 3, "low": 35}, {"medium": 7}, {"vlan 20": 12.5})


@pytest.mark.parametrize("limits", [(assess, "MOST"), (assess, "ALERTS_MOST")])
def test_a_large_site_has_the_stored_score(
    own: Path, start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch, limits: tuple[ModuleType, str]
) -> None:
    """The overview and the page of scores show the last one with its time, and why it is not the present one."""
    monkeypatch.setattr(*limits, 5)
    monkeypatch.setattr(overview, "SCORED", 5)
    with start(own).client() as client:
        assert score_of(client.get("/").text) is None
        assert client.get("/posture").status_code == 503
        keep(own, DAY)
        front, page = client.get("/").text, client.get("/posture")
        assert score_of(front) == "64.2"
        assert '<time datetime="2026-11-23T06:00:00Z"' in tile_of(front)
        assert (page.status_code, page.text.count('class="notice"')) == (200, 1)
        assert {"64.2", "12.5"} <= set(re.findall(r"<td class=\"number\"[^>]*>([\d.]+)</td>", page.text))


def test_a_large_site_has_the_score_that_a_page_calculated(
    own: Path, start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The overview does not calculate it, and shows the last one with its time, unless a later one is stored."""
    monkeypatch.setattr(overview, "SCORED", 5)
    with start(own).client() as client:
        assert score_of(client.get("/").text) is None
        client.get("/vulnerabilities")
        assert score_of(client.get("/").text) is None
        shown = re.search(r"<strong>([\d.]+)</strong> of 100", client.get("/posture").text)
        assert shown is not None
        front = client.get("/").text
        assert 'id="unscored"' in front
        assert score_of(front) == shown[1]
        assert '<time datetime="2026-11-24T' in tile_of(front)
        keep(own, msgspec.structs.replace(DAY, day="2026-11-25", ts="2026-11-25T06:00:00Z"))
        assert score_of(client.get("/").text) == "64.2"


@pytest.mark.parametrize("limit", ["SCORED", "SCORED_ALERTS"])
def test_an_overview_states_what_it_leaves_out(
    own: Path, start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    """A large site has no number of vulnerabilities, which is not zero. All other numbers are those of a small one."""
    with start(own).client() as client:
        small = client.get("/").text
    monkeypatch.setattr(overview, limit, 2)
    with start(own).client() as client:
        large = client.get("/").text
    assert ('id="unscored"' in small, 'id="unscored"' in large) == (False, True)
    assert "/vulnerabilities?" in small
    assert "/vulnerabilities?" not in large
    assert len(numbers_of(small)) == len(numbers_of(large)) + 1 > 5
    assert numbers_of(large).items() < numbers_of(small).items()


def numbers_of(front: str) -> dict[str, str]:
    """The numbers of the overview by what they count, without the exposure score."""
    tiles = re.findall(r"<li[^>]*><a href=\"([^\"]*)\"><strong>([^<]*)</strong>", front)
    return {path: number for path, number in tiles if path != "/posture"}


def test_the_last_assessments_are_not_waited_for(own: Path) -> None:
    """There are none before they are computed, and while they are."""
    sources, assessments = StateFolder(own), Assessments(own, Assessing())
    with sources.opened(sources.dataset()) as opened:
        with assessments.at_hand(opened) as found:
            assert found is None
        with assessments.of(opened) as there, assessments.at_hand(opened) as found:
            assert found is None
        with assessments.at_hand(opened) as found:
            assert found is there


def score_of(front: str) -> str | None:
    """The score on the overview."""
    found = re.search(r"<strong>([\d.]+)</strong>", tile_of(front))
    return found[1] if found is not None else None


def tile_of(front: str) -> str:
    return front.partition('class="tiles"')[2].partition('href="/posture"')[2].partition("</a>")[0]


def test_a_small_site_has_the_present_score(own: Path, start: Callable[..., Running]) -> None:
    keep(own, DAY)
    with start(own).client() as client:
        assert score_of(client.get("/").text) not in (None, "64.2")
