"""Operators closed all alerts of an incident that its sensor still calls open: it is closed in all lists and numbers of
the hub, as in those of the sensor.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from sensor.cli.main import main
from sensor.hub import batch, rows
from sensor.hub.database import Connection
from sensor.hub.notes import Note, put_note
from sensor.hub.rows import Origin
from sensor.hub.schema_incident_alerts import INCIDENT_ALERTS
from sensor.hub.views.backend import HubBackend
from sensor.hub.views.fleet import sites
from sensor.hub.views.query import Reader
from sensor.views.stories import StoryFilter
from tests.hub.hub_kit import PARIS, SITE, HubServers
from tests.hub.test_duplicates import scan
from tests.hub.test_incident_duplicates import compare, incident, seen_twice, write
from tests.hub.test_states import NOW


@pytest.fixture
def base(servers: HubServers) -> Iterator[Connection]:
    with servers.with_three_sensors() as base:
        yield base


def note(base: Connection, state: str, *names: str, sensor: int = 1) -> None:
    for name in names:
        put_note(base, sensor, Note(name, "anna", state))


def states(base: Connection) -> dict[str, str]:
    """States in the list, which filters, facets, numbers of sites and the incident itself agree with."""
    hub = HubBackend(Reader(base))
    found = {row.id: row.state for row in hub.incidents(StoryFilter(), "last").rows}
    assert hub.incidents().facets["state"] == {state: list(found.values()).count(state) for state in {*found.values()}}
    for state in ("open", "closed"):
        page = hub.incidents(StoryFilter(state=(state,)), "last")
        assert {row.id for row in page.rows} == {name for name, one in found.items() if one == state}
        assert page.total == len(page.rows)
    assert sum(one.incidents for one in sites(Reader(base))) == list(found.values()).count("open")
    assert {name: hub.incident(name).state for name in found} == found
    return found


def test_an_incident_is_closed_with_its_last_alert_and_reopened_with_any(
    base: Connection, servers: HubServers, capsys: pytest.CaptureFixture[str]
) -> None:
    write(base, [scan("a1", 1), scan("a2", 2, detector="impact.flood")], [incident("story", 3, ["a1", "a2"])])
    assert states(base) == {"1.story": "open"}
    note(base, "closed", "a1")
    assert states(base) == {"1.story": "open"}
    note(base, "closed", "a2")
    assert states(base) == {"1.story": "closed"}
    assert main(["hub", "incidents", "--json", "--config", str(servers.config)]) == 0
    assert json.loads(capsys.readouterr().out)["closed"] is True
    note(base, "open", "a1")
    assert states(base) == {"1.story": "open"}


@pytest.mark.parametrize("count", [3, 0])
def test_the_recorded_state_counts_if_some_alerts_are_unknown(base: Connection, count: int) -> None:
    """An incident that lists only some of its alerts, or one with an alert that the hub does not have, stays open."""
    some = [incident("long", 3, ["a1"], count=count), incident("partial", 4, ["a1", "lost"])]
    write(base, [scan("a1", 1)], some)
    note(base, "closed", "a1")
    assert states(base) == {"1.long": "open", "1.partial": "open"}


def test_a_reader_of_another_site_learns_nothing(base: Connection) -> None:
    write(base, [scan("a1", 1)], [incident("story", 3, ["a1"])])
    note(base, "closed", "a1")
    assert [HubBackend(Reader(base, (site,))).incidents().total for site in (SITE, PARIS)] == [1, 0]


def test_both_sensors_of_an_incident_agree(base: Connection) -> None:
    """The note closes the alert at both sensors. An alert of its own reopens the other incident: both are listed."""
    seen_twice(base)
    note(base, "closed", "a1", "a2")
    compare(base)
    assert states(base) == {"1.first": "closed"}
    write(base, [scan("b3", 6, 2, detector="impact.wiper")], [incident("second", 7, ["b2", "b3"], sensor=2)])
    assert states(base) == {"1.first": "closed", "2.second": "open"}
    compare(base)
    assert states(base) == {"1.first": "closed", "2.second": "open"}


def test_alerts_of_incidents_from_the_record_and_before_the_upgrade(base: Connection) -> None:
    """Workers write the ids, each once; the upgrade finds them in stored records, and in no text of a peer."""
    story = [{"alert": f"alert-{one}", "msg": 'a "alert":"alert-x"'} for one in ("a1", "a2", "a1")]
    record = {"ts": "2026-11-24T08:00:00Z", "kind": "incident", "incident": {"id": "story", "count": 2, "story": story}}
    text = json.dumps(record, separators=(",", ":")).encode()
    event = batch.Event(7, NOW, batch.HubLine("", ""), text)._replace(line=batch._line(text))
    [row] = rows.state_rows([(Origin(1, SITE, 1), event)])[2]
    assert row[rows.INCIDENTS.index("alerts")] == ["alert-a1", "alert-a2"]
    write(base, [], [row])
    base.execute("ALTER TABLE incidents DROP COLUMN alerts")
    base.execute(INCIDENT_ALERTS)
    assert base.execute("SELECT alerts FROM incidents").fetchall() == [(["alert-a1", "alert-a2"],)]
