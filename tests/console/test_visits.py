"""What changed since a user's last visit: in the log, and by other operators."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest

from sensor.console.security.store import StateStore
from sensor.console.visits import ENDS_S, STORED_S, Visit, Visits
from sensor.tables.build import catch_up
from sensor.views.dataset import open_folder
from sensor.views.since import RecentChanges, since
from tests.console.kit import Running, act

NOON = 1_800_000_000.0


def test_the_first_visit_has_none_before(tmp_path: Path) -> None:
    assert Visits(StateStore(tmp_path)).come("anna", "office", 10, NOON) is None


def test_a_visit_lasts_until_a_pause(tmp_path: Path) -> None:
    """Reloads compare with the visit before, not with the reload before."""
    visits = Visits(StateStore(tmp_path))
    visits.come("anna", "office", 10, NOON)
    later = NOON + ENDS_S + 60
    assert visits.come("anna", "office", 30, later) == Visit(10, NOON)
    assert visits.come("anna", "office", 40, later + 120) == Visit(10, NOON)
    assert visits.come("anna", "office", 50, later + ENDS_S + 300) == Visit(40, later + 120)


def test_a_page_that_updates_itself_is_no_visit(tmp_path: Path) -> None:
    """A page that is open all night does not hide what happened in it."""
    visits = Visits(StateStore(tmp_path))
    visits.come("anna", "office", 10, NOON)
    for minutes in range(1, 600):
        visits.come("anna", "office", 10 + minutes, NOON + 60 * minutes, reads=False)
    assert visits.come("anna", "office", 700, NOON + 36_000) == Visit(10, NOON)


def test_loads_within_a_minute_are_stored_once(tmp_path: Path) -> None:
    visits = Visits(StateStore(tmp_path))
    visits.come("anna", "office", 10, NOON)
    visits.come("anna", "office", 11, NOON + STORED_S / 2)
    assert visits.come("anna", "office", 99, NOON + ENDS_S + 60) == Visit(10, NOON)


def test_users_and_datasets_are_apart(tmp_path: Path) -> None:
    visits = Visits(StateStore(tmp_path))
    visits.come("anna", "office", 10, NOON)
    assert visits.come("berta", "office", 20, NOON + ENDS_S + 60) is None
    assert visits.come("anna", "plant", 20, NOON + ENDS_S + 60) is None


def test_later_records_are_counted_by_kind(own: Path) -> None:
    """The second half of the office's log; a repeated update of one alert counts once."""
    log = own / "events.jsonl"
    catch_up(own, log)
    records = [json.loads(line) for line in log.read_bytes().splitlines()]
    half = records[len(records) // 2]["sensor"]["seq"]
    with open_folder(own) as data:
        found = since(data, half, 0, "anna")
    assert found is not None
    expected: dict[tuple[str, str], set[str]] = {}
    for record in records:
        kind = record["kind"]
        if record["sensor"]["seq"] > half and kind != "sensor":
            expected.setdefault((kind, record["action"]), set()).add(record[kind]["id"])
    assert {(kind, action): count for kind, action, count in found.counts} == {
        key: len(ids) for key, ids in expected.items()
    }


def test_nothing_new_and_a_log_that_began_again(own: Path) -> None:
    catch_up(own, own / "events.jsonl")
    with open_folder(own) as data:
        last = data.position.seq
        assert since(data, last, 0, "anna") == RecentChanges([], 0, 0, more=False)
        assert since(data, last + 1, 0, "anna") is None


@pytest.fixture
def there(start, own: Path) -> Running:
    return start(own)


def section_of(client: httpx.Client) -> str:
    found = re.search(r'<section class="card" id="since">.*?</section>', client.get("/").text, re.DOTALL)
    return found[0] if found is not None else ""


def earlier(running: Running, name: str, seq: int) -> None:
    """The user's last visit was at a record, an hour before its only one."""
    Visits(StateStore(running.state)).come(name, "office", seq, NOON - 1e8)


def test_the_overview_lists_what_is_new_for_this_user(there: Running) -> None:
    """Anna visited before the last records; Berta was never here. A colleague closed an alert meanwhile."""
    earlier(there, "anna", 1)
    with there.client("anna") as anna, there.client("berta") as berta:
        name = anna.get("/api/v1/alerts").json()["items"][0]["id"]
        assert act(berta, action="close", alert=name).status_code == 303
        text = section_of(anna)
        assert "38 new" in text
        assert "Other operators changed 1 alert." in text
        link = re.search(r'href="(/timeline[^"]*kind=alert[^"]*)"', text)
        assert link is not None
        listed = anna.get(link[1].replace("&amp;", "&"))
        assert listed.status_code == 200
        assert "<tbody>" in listed.text
        assert section_of(berta) == ""
