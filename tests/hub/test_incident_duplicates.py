"""An incident that several sensors of a site report is one incident in all lists and numbers of the hub."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from sensor.cli.main import main
from sensor.hub import rows
from sensor.hub.database import Connection
from sensor.hub.duplicates import relist
from sensor.hub.incident_duplicates import LOCK, relist_incidents
from sensor.hub.rows import Row
from sensor.hub.sensors import move
from sensor.hub.states import ALERTS, INCIDENTS, write_states
from sensor.hub.views.backend import HubBackend
from sensor.hub.views.fleet import sites
from sensor.hub.views.query import Reader
from sensor.views.stories import StoryFilter
from tests.hub.hub_kit import PARIS, SITE, HubServers
from tests.hub.test_duplicates import scan
from tests.hub.test_states import NOW


@pytest.fixture
def base(servers: HubServers) -> Iterator[Connection]:
    with servers.with_three_sensors() as base:
        yield base


def incident(name: str, seq: int, parts: Sequence[str], **more: Any) -> Row:
    usual: dict[str, Any] = {
        "sensor": 1, "id": name, "site": SITE, "log": 1, "seq": seq, "first": NOW, "last": NOW, "closed": False,
        "severity": 2, "risk": 5, "count": len(parts), "summary": "camera scanned",
        "alerts": list(parts), "record": b"{}",
    }  # fmt: skip
    return tuple((usual | more)[column] for column in rows.INCIDENTS)


def write(base: Connection, alerts: Sequence[Row], incidents: Sequence[Row]) -> None:
    with base.transaction():
        write_states(base, [(ALERTS, alerts), (INCIDENTS, incidents)])


def compare(base: Connection) -> None:
    relist(base, NOW)
    relist_incidents(base, NOW)


def shown(base: Connection, site: str | None = None) -> dict[str, list[str]]:
    """Ids in the list, of which facets and numbers of sites have the number, and the other sensors of each."""
    page = HubBackend(Reader(base, None if site is None else (site,))).incidents(StoryFilter(), "last")
    assert page.total == len(page.rows) == sum(page.facets["severity"].values())
    return {row.id: row.record["sensor"].get("others", []) for row in page.rows}


def seen_twice(base: Connection, **more: Any) -> None:
    """An attack with two alerts, of which sensor s2 sees the second."""
    write(base, [scan("a1", 1, detector="impact.flood"), scan("a2", 2)], [incident("first", 3, ["a1", "a2"])])
    write(base, [scan("b2", 4, 2)], [incident("second", 5, ["b2"], **{"sensor": 2} | more)])
    compare(base)


def test_one_incident_of_two_sensors(base: Connection) -> None:
    """It is listed and counted once at its site, and names the other sensor; the row of that one is found by its id."""
    seen_twice(base)
    assert shown(base) == shown(base, SITE) == {"1.first": ["s2"]}
    assert {one.site: one.incidents for one in sites(Reader(base))} == {SITE: 1, PARIS: 0}
    assert HubBackend(Reader(base)).incident("2.second").record["sensor"]["others"] == ["s1"]
    assert relist_incidents(base, NOW) == 0


def test_an_incident_with_an_alert_of_its_own_is_another(base: Connection) -> None:
    seen_twice(base)
    write(base, [scan("b3", 6, 2, detector="impact.wiper")], [incident("second", 7, ["b2", "b3"], sensor=2)])
    compare(base)
    assert set(shown(base)) == {"1.first", "2.second"}


@pytest.mark.parametrize(
    "more",
    [
        {"severity": 3},
        {"count": 33},
        {"alerts": []},
    ],
)
def test_what_cannot_be_compared_is_listed(base: Connection, more: dict[str, Any]) -> None:
    """A more severe incident, one that lists only some of its alerts, and one without alerts."""
    seen_twice(base, **more)
    assert set(shown(base)) == {"1.first", "2.second"}


@pytest.mark.parametrize("change", [{"closed": True}, {"severity": 1}])
def test_what_becomes_worse_is_listed_at_once(base: Connection, change: dict[str, Any]) -> None:
    """The listed incident is closed, or becomes less severe than the other: both are listed before the next comparison,
    and after it.
    """
    seen_twice(base)
    write(base, [], [incident("first", 8, ["a1", "a2"], **change)])
    assert set(shown(base)) == {"1.first", "2.second"}
    compare(base)
    assert set(shown(base)) == {"1.first", "2.second"}
    write(base, [], [incident("second", 9, ["b2"], sensor=2, **change)])
    compare(base)
    assert set(shown(base)) == {"1.first"}


def test_a_sensor_that_moves_takes_its_incidents_along(base: Connection) -> None:
    seen_twice(base)
    move(base, "s2", PARIS)
    assert set(shown(base)) == {"1.first", "2.second"}
    assert set(shown(base, PARIS)) == {"2.second"}


def test_one_process_compares_at_a_time(base: Connection, servers: HubServers) -> None:
    with servers.base() as other, other.transaction():
        other.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        assert relist_incidents(base, NOW) is None


def test_lists_of_the_command(base: Connection, servers: HubServers, capsys: pytest.CaptureFixture[str]) -> None:
    """The command lists the incident once, and each sensor's own with a filter by sensor."""
    seen_twice(base)
    found = {}
    for arguments in ([], ["--sensor", "s2"]):
        assert main(["hub", "incidents", *arguments, "--json", "--config", str(servers.config)]) == 0
        found[len(arguments)] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["id"], one["others"]) for one in found[0]] == [("first", ["s2"])]
    assert [(one["id"], one["others"]) for one in found[2]] == [("second", ["s1"])]
