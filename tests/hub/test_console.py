"""The console of a hub: one view of two sites, the same answers as a sensor's own tables, and users limited to one
site.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from psycopg import sql

from sensor.cli.main import main
from sensor.console.security.session import Refused
from sensor.hub.console.connections import Connections
from sensor.hub.console.scopes import SiteScopes
from sensor.hub.console.sources import HubSources
from sensor.hub.counts import merge_counts
from sensor.hub.database import Connection
from sensor.hub.views.backend import HubBackend
from sensor.hub.views.query import Reader
from sensor.views.alert_filter import AlertFilter
from sensor.views.backend import Backend, DatasetBackend
from sensor.views.dataset import open_log
from sensor.views.devices import DeviceFilter
from sensor.views.errors import Ambiguous, Malformed, NotReadable, Unknown
from sensor.views.incident_steps import incident_steps
from sensor.views.responses import responses, stored
from sensor.views.stories import StoryFilter
from tests.console.kit import Running, act, csrf_of, output_of
from tests.hub.hub_kit import PARIS, SITE, HubServers, hub_file
from tests.offices import EVENTS
from tests.waiting import until

DEVICES, ALERTS, INCIDENTS = 38, 7, 3


@pytest.fixture(scope="module")
def console(filled: HubServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("console")
    running = Running(folder, "--hub", str(hub_file(filled, folder)))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def browser(filled: HubServers, console: Running) -> Iterator[Any]:
    filled.limit(anna=["*"])
    with console.client() as client:
        yield client


def listed(client: Any, path: str, **given: str) -> dict[str, Any]:
    answer = client.get(f"/api/v1/{path}", params=given)
    assert answer.status_code == 200, answer.text
    return json.loads(answer.text)


def test_one_view_of_all_sites(browser: Any) -> None:
    """The overview has a row for each site; ``data`` selects one of them on every page."""
    page = browser.get("/").text
    for link in (f"/devices?data={PARIS}", f"/sensors?data={PARIS}", f"/incidents?data={PARIS}&amp;state=open"):
        assert f'href="{link}"' in page
    assert "<strong>2</strong> open critical alerts</a>" in page
    assert f'<a href="/alerts?state=open&amp;state=acknowledged">All {2 * ALERTS} open alerts</a>' in page
    rows = re.findall(r'<td class="first"><a href="/\?data=(\w+)">', page)
    assert sorted(rows) == [SITE, PARIS]
    for path, each in (("devices", DEVICES), ("alerts", ALERTS), ("incidents", INCIDENTS)):
        assert listed(browser, path)["total"] == 2 * each
        one = listed(browser, path, data=PARIS)
        assert one["total"] == each
        assert {row["record"]["sensor"]["site"] for row in one["items"]} == {PARIS}


def test_a_device_and_the_same_device_at_the_other_site(browser: Any) -> None:
    """The page shows the evidence, and a link to the other site's device."""
    row = listed(browser, "devices", type="camera", data=SITE)["items"][0]
    page = browser.get(f"/devices/{row['id']}")
    assert page.status_code == 200
    [other] = re.findall(r'<a href="(/devices/\d+\.dev-\w+)">', page.text.partition("At other sensors")[2])
    assert f"<dt>sensor</dt><dd>{SITE}/office-1</dd>" in page.text
    assert f"{PARIS}/paris-1" in page.text
    assert f"mac {row['mac']}" in page.text
    assert "mdns.instance" in page.text
    assert "/proof" not in page.text  # the frames are at the sensor
    back = browser.get(other)
    assert back.status_code == 200
    assert f"/devices/{row['id']}" in back.text


def test_every_page_answers_or_explains_what_a_hub_lacks(browser: Any) -> None:
    """Lists and single objects are shown; pages of packets and settings are an error with the reason."""
    alert, incident = listed(browser, "alerts")["items"][0]["id"], listed(browser, "incidents")["items"][0]["id"]
    there = ("/", "/alerts", "/devices", "/incidents", "/sensors", "/search?q=10.20.10.62", "/audit")
    for path in (*there, f"/alerts/{alert}", f"/incidents/{incident}", "/live"):
        assert browser.get(path).status_code == (204 if path == "/live" else 200), path
    for path in ("/users", "/tokens"):
        assert browser.get(path).status_code == 403, path
    for path in ("/map", "/posture", "/hunt", "/settings", f"/alerts/{alert}/packets.pcapng"):
        answer = browser.get(path)
        assert (answer.status_code, "sensor hub hunt" in answer.text) == (503, True), path
        assert not re.search(r'href="/(uploads|settings)', answer.text), path
    for path in ("/api/v1/posture", "/api/v1/events", "/api/v1/map", "/api/v1/traffic"):
        assert browser.get(path).json()["code"] == "unavailable"
    assert "sensor hub hunt" in browser.get("/api/v1/traffic").json()["detail"]
    assert browser.get("/devices/9.dev-nothing").status_code == 404


def test_results_of_a_search_name_their_sensors_and_the_help_has_the_pages_of_a_hub(browser: Any) -> None:
    devices = browser.get("/search?q=camera").text.partition("<tbody>")[2].partition("</tbody>")[0]
    for name in (f"{SITE}/office-1", f"{PARIS}/paris-1"):
        assert name in devices
    sections = re.findall(r'<section class="card" id="(\w+)">', browser.get("/help").text)
    assert {"overview", "alerts", "devices", "sensors", "reports"} <= set(sections)
    assert {"hunt", "map", "tickets", "settings", "uploads", "mutes"}.isdisjoint(sections)


def test_devices_of_a_vlan(browser: Any) -> None:
    """The number of devices of each VLAN leads to them; a VLAN that does not exist has none."""
    counts = listed(browser, "devices")["facets"]["vlan"]
    assert sum(counts.values()) == 2 * DEVICES
    for vlan, count in counts.items():
        found = listed(browser, "devices", vlan=vlan)
        assert (found["total"], {row["vlan"] for row in found["items"]}) == (count, {int(vlan)})
    assert listed(browser, "devices", vlan="4000")["total"] == 0
    for path, invalid in ("devices", {"vlan": "x"}), ("devices", {"vlan": 4095}), ("devices", {"type": "camra"}), (
        "alerts", {"detector": "discvery.*"}), ("alerts", {"site": "Pariss"}), ("alerts", {"assignee": "nobdy"}
    ):  # fmt: skip
        assert browser.get(f"/api/v1/{path}", params=invalid).status_code == 400
    assert 'aria-current="true">20 ' in browser.get("/devices?vlan=20").text


ALERT_FILTERS = [
    AlertFilter(),
    AlertFilter(severity="medium"),
    AlertFilter(severity="=medium"),
    AlertFilter(state=("open",), severity="low"),
    AlertFilter(state=("closed",)),
    AlertFilter(detector=("discovery.*",)),
    AlertFilter(detector=("discovery.port_scan", "discovery.address_scan")),
    AlertFilter(verdict=("none",), assignee=("nobody",)),
    AlertFilter(text="scanned"),
    AlertFilter(text="thr* list"),
    AlertFilter(text="nothing-like-this"),
    AlertFilter(source="10.20.10.106"),
    AlertFilter(target="203.0.113.66"),
    AlertFilter(device="203.0.113.66"),
    AlertFilter(source="203.0.113.66"),
    AlertFilter(since=1795508160_000000000),
    AlertFilter(until=1795508160_000000000, severity="medium"),
]
DEVICE_FILTERS = [
    DeviceFilter(),
    DeviceFilter(type=("camera",)),
    DeviceFilter(vendor="hik"),
    DeviceFilter(vendor="=Hikvision"),
    DeviceFilter(vendor="=hik"),
    DeviceFilter(vendor="=unknown"),
    DeviceFilter(vendor="no-such-vendor"),
    DeviceFilter(text="axis"),
    DeviceFilter(text="10.20.10.6"),
    DeviceFilter(text="AXIS camera"),
    DeviceFilter(text="no-such-thing"),
    DeviceFilter(state=("gone",)),
    DeviceFilter(address="10.20.10.62"),
    DeviceFilter(address="10.20.30.0/24"),
    DeviceFilter(mac="BC-AD-28-90-3E-66"),
    DeviceFilter(vlan=(20,)),
    DeviceFilter(vlan=(20, 0), type=("camera", "printer")),
    DeviceFilter(vlan=(4000,)),
]


@pytest.fixture(scope="module")
def both(filled: HubServers, office: Path) -> Iterator[tuple[Backend, Backend]]:
    """The sensor's own tables, and the hub's rows of that sensor."""
    with open_log(office) as data, filled.base() as base, base.transaction():
        yield DatasetBackend(data), HubBackend(Reader(base, (SITE,)))


def names(rows: list[Any]) -> list[str]:
    return [row.id.rpartition(".")[2] for row in rows]


@pytest.mark.parametrize("wanted", ALERT_FILTERS, ids=str)
@pytest.mark.parametrize("sort", ["last", "risk", "severity", "opened"])
def test_both_back_ends_list_the_same_alerts(both: tuple[Backend, Backend], wanted: AlertFilter, sort: str) -> None:
    """Rows, total and facets are equal; also the order, except for rows of equal rank."""
    own, hub = (one.alerts(wanted, sort) for one in both)
    assert sorted(names(hub.rows)) == sorted(names(own.rows))
    assert (hub.total, hub.exact) == (own.total, True)
    for name in ("state", "severity", "detector", "verdict", "assignee"):
        assert hub.facets[name] == own.facets[name]
    if sort != "opened":
        assert [(row.severity, row.risk, row.last) for row in hub.rows] == [
            (row.severity, row.risk, row.last) for row in own.rows
        ]


@pytest.mark.parametrize("wanted", [one for one in ALERT_FILTERS if one.text or one.source or one.device], ids=str)
def test_frequent_words_give_the_same_alerts(
    both: tuple[Backend, Backend], wanted: AlertFilter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For words with many expected matches rows are filtered sequentially; the result is the same."""
    monkeypatch.setattr("sensor.hub.views.query.FREQUENT", -1)
    own, hub = (one.alerts(wanted, "severity") for one in both)
    assert [row.last for row in hub.rows] == [row.last for row in own.rows]
    assert (hub.total, hub.exact) == (own.total, True)
    monkeypatch.setattr("sensor.hub.views.query.COUNTED_FREQUENT", 1)
    bounded = both[1].alerts(wanted)
    assert (bounded.total, bounded.exact) == ((1, False) if own.total else (0, True))
    assert len(bounded.rows) == own.total


@pytest.mark.parametrize("wanted", DEVICE_FILTERS, ids=str)
def test_both_back_ends_list_the_same_devices(both: tuple[Backend, Backend], wanted: DeviceFilter) -> None:
    own, hub = (one.devices(wanted) for one in both)
    assert sorted(names(hub.rows)) == sorted(names(own.rows))
    assert (hub.total, hub.exact) == (own.total, True)
    for name in ("type", "state", "criticality", "vlan"):
        assert hub.facets[name] == own.facets[name]


def test_both_back_ends_show_the_same_objects(both: tuple[Backend, Backend]) -> None:
    """An alert with its incidents, an incident and a device are found by full ids and by prefixes."""
    own, hub = both
    for row in own.alerts().rows:
        there = hub.alert(row.id)
        assert (there.alert.title, there.alert.count) == (row.title, row.count)
        assert [one.rpartition(".")[2] for one in there.incidents] == own.alert(row.id).incidents
    for story in own.incidents().rows:
        assert hub.incident(story.id[:-3]).summary == story.summary
    assert names(hub.incidents(StoryFilter(severity="medium")).rows) == names(
        own.incidents(StoryFilter(severity="medium")).rows
    )
    for device in own.devices().rows:
        assert hub.device(device.id)["device"].get("macs") == own.device(device.id)["device"].get("macs")


class CountingReader(Reader):
    """Counts its searches."""

    statements: list[Any] = []

    def rows(self, statement: Any, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        self.statements.append(statement)
        return super().rows(statement, values)


def test_the_alerts_of_an_incident_are_one_search(filled: HubServers) -> None:
    """For its steps and its responses; the records are those of single alerts. Ids of other forms, and alerts of other
    sites, are unknown.
    """
    with filled.base() as base, base.transaction():
        hub, reader = HubBackend(Reader(base)), CountingReader(base)
        story = max(hub.incidents().rows, key=lambda row: len(row.record["incident"]["story"]))
        reader.statements.clear()
        alert_of = stored(HubBackend(reader).alert_records, story.record)
        steps = incident_steps(story.record, alert_of)
        assert responses(story.record, alert_of)
        assert len(steps) > len(reader.statements) == 1
        assert all(step.known for step in steps)
        for step in steps:
            whole, found = hub.alert(step.alert).alert.record, alert_of(step.alert)
            assert found == whole | {"sensor": found["sensor"]}
        invalid = ("", "alert-x", "1.alert-zzzz", "'", f"{'9' * 18}.alert-x", steps[0].alert.partition(".")[2])
        assert HubBackend(reader).alert_records(invalid) == {}
        other = HubBackend(Reader(base, ("nowhere",)))
        assert other.alert_records([steps[0].alert]) == {}


@pytest.mark.parametrize(
    ("backwards", "sort"), [(True, "last"), (False, "last"), (True, "severity"), (False, "risk"), (True, "opened")]
)
def test_pages_of_alerts_have_each_row_once(filled: HubServers, sort: str, backwards: bool) -> None:
    """Pages have the same order as one long page, also for rows of equal rank."""
    with filled.base() as base, base.transaction():
        hub = HubBackend(Reader(base))
        whole, found, cursor = hub.alerts(sort=sort, backwards=backwards), [], ""
        while True:
            page = hub.alerts(sort=sort, backwards=backwards, limit=3, cursor=cursor)
            found += page.rows
            cursor = page.cursor
            if not cursor:
                break
        assert [row.id for row in found] == [row.id for row in whole.rows]
        assert len(found) == 2 * ALERTS
        with pytest.raises(Malformed):
            hub.alerts(AlertFilter(severity="low"), cursor=hub.alerts(limit=3).cursor)


def test_pages_of_devices_and_incidents_have_each_row_once(filled: HubServers) -> None:
    with filled.base() as base, base.transaction():
        hub = HubBackend(Reader(base))
        for sort in hub.device_sorts:
            first = hub.devices(sort=sort, limit=40)
            rest = hub.devices(sort=sort, limit=40, cursor=first.cursor)
            assert len({row.id for row in (*first.rows, *rest.rows)}) == 2 * DEVICES
        first_two = hub.incidents(sort="severity", limit=2)
        more = hub.incidents(sort="severity", limit=10, cursor=first_two.cursor)
        assert len({row.id for row in (*first_two.rows, *more.rows)}) == 2 * INCIDENTS


def test_ids_of_several_sensors(filled: HubServers) -> None:
    """An id that two sensors use requires the sensor's number; filters that a hub lacks are errors."""
    with filled.base() as base, base.transaction():
        hub = HubBackend(Reader(base))
        name = hub.alerts(limit=1).rows[0].id
        assert hub.alert(name).alert.id == name
        with pytest.raises(Ambiguous):
            hub.alert(name.partition(".")[2])
        for missing in ("1.alert-zzzz", "alert-zzzz"):
            with pytest.raises(Unknown):
                hub.alert(missing)
        for text in ("", "'; DROP TABLE alerts", "alert-ü"):
            with pytest.raises(Malformed):
                hub.alert(text)
        for wanted in (AlertFilter(vlan=1), AlertFilter(source="10.0.0.0/8")):
            with pytest.raises(Malformed):
                hub.alerts(wanted)
        for refused in (DeviceFilter(address="10.20.30.0/23"), DeviceFilter(mac="x")):
            with pytest.raises(Malformed):
                hub.devices(refused)


def test_filters_with_special_characters(filled: HubServers) -> None:
    """In a pattern of detectors only ``*`` and ``?`` are wildcards; a filter that a hub lacks is an error."""
    with filled.base() as base, base.transaction():
        hub = HubBackend(Reader(base))
        name = hub.alerts(limit=1).rows[0].detector
        assert hub.alerts(AlertFilter(detector=(f"{name[:-1]}?", "voice.*"))).total
        for pattern in ("*%", "*\\"):
            assert hub.alerts(AlertFilter(detector=(pattern,))).total == 0
        for pattern in ("%", "%*", "_*", "\\*"):
            with pytest.raises(Unknown, match="detector"):
                hub.alerts(AlertFilter(detector=(pattern,)))
        with pytest.raises(Malformed, match="'rule'"):
            hub.incidents(StoryFilter(setting=("rule",)))


def test_notes_on_alerts_change_state_and_counts(filled: HubServers, browser: Any) -> None:
    """An alert is closed, reopened, and closed by the command: lists, facets and history agree each time."""
    name = listed(browser, "alerts", data=PARIS, severity="critical")["items"][0]["id"]

    def state() -> tuple[str, str, dict[str, int]]:
        row = listed(browser, f"alerts/{name}")["item"]["alert"]
        return row["state"], row["verdict"], listed(browser, "alerts", data=PARIS)["facets"]["state"]

    done = act(browser, action="close", verdict="benign", alert=[name], text="a test", back="alert")
    assert done.status_code == 303
    assert state() == ("closed", "benign", {"open": ALERTS - 1, "closed": 1})
    assert "<strong>1</strong> closed alert</a>" in browser.get("/").text
    notes = listed(browser, f"alerts/{name}")["item"]["notes"]
    assert [(note["author"], note["action"]) for note in notes] == [("anna", "verdict"), ("anna", "close")]
    with filled.base() as base:
        merge_counts(base)
    assert state()[2] == {"open": ALERTS - 1, "closed": 1}
    undo = re.search(r"done=([\w-]+)", done.headers["location"])
    assert undo is not None
    page = browser.get("/alerts").text
    assert browser.post("/alerts/undo", data={"csrf": csrf_of(page), "name": undo[1]}).status_code == 303
    assert state() == ("open", "", {"open": ALERTS})
    sensor, alert = name.split(".")
    command = ["hub", "note", alert, "--status", "acknowledged", "--config", str(filled.config)]
    assert main(command) == 1  # two sensors have an alert with this id
    with filled.base() as base:
        base.execute(
            "INSERT INTO alert_notes (sensor, alert, author, state) VALUES (%s, %s, 'eve', 'acknowledged')",
            [int(sensor), alert],
        )
    assert state() == ("acknowledged", "", {"open": ALERTS - 1, "acknowledged": 1})


def test_a_sensor_that_moves_takes_its_counts_along(filled: HubServers, browser: Any) -> None:
    """Facets come from counters, which follow every change of the rows."""
    assert main(["hub", "move", "paris-1", "--site", "Lyon", "--config", str(filled.config)]) == 0
    assert listed(browser, "devices", data="Lyon")["total"] == DEVICES
    assert listed(browser, "alerts")["facets"]["site"] == {SITE: ALERTS, "Lyon": ALERTS}
    assert browser.get("/api/v1/devices", params={"data": PARIS}).status_code == 404
    assert main(["hub", "move", "paris-1", "--site", PARIS, "--config", str(filled.config)]) == 0
    with filled.base() as base:
        merge_counts(base)
    assert listed(browser, "devices", data=PARIS)["total"] == DEVICES


def test_a_user_of_one_site_sees_nothing_of_another(console: Running, browser: Any) -> None:
    """No page, list, id or search shows another site; a token has the same limits."""
    hub = console.users
    foreign = [listed(browser, path, data=SITE)["items"][0]["id"] for path in ("devices", "alerts", "incidents")]
    with console.client("paul") as paul:  # a new user has no site
        assert [paul.get(path).status_code for path in ("/", "/alerts", "/api/v1/alerts", "/api/v1/events")] == [
            403
        ] * 4
    output_of("console", "sites", "paul", PARIS, *hub)
    output_of("console", "sites", "program", PARIS, *hub)
    with console.client("paul") as paul:
        for path in ("/", "/alerts", "/devices", "/incidents", "/sensors", "/search?q=10.20.10.62"):
            page = paul.get(path)
            assert (page.status_code, "office-1" in page.text, "paris-1" in page.text) == (200, False, True), path
        for kind, name in zip(("devices", "alerts", "incidents"), foreign, strict=True):
            assert paul.get(f"/{kind}/{name}").status_code == 404
        assert paul.get(f"/devices?data={SITE}").status_code == 404
        assert paul.get("/audit").status_code == paul.get(f"/audit?data={PARIS}").status_code == 403
        assert act(paul, action="close", alert=[foreign[1]]).status_code == 404
    assert listed(browser, f"alerts/{foreign[1]}")["item"]["alert"]["state"] == "open"
    headers = {"Authorization": f"Bearer {console.token()}"}
    with httpx.Client(base_url=console.url, headers=headers, timeout=60) as program:
        assert listed(program, "alerts")["total"] == ALERTS
        assert program.get(f"/api/v1/alerts/{foreign[1]}").status_code == 404
    output_of("console", "sites", "program", "*", *hub)
    with httpx.Client(base_url=console.url, headers=headers, timeout=60) as program:
        assert listed(program, "alerts")["total"] == 2 * ALERTS


def test_the_database_itself_limits_such_a_user(filled: HubServers, console: Running) -> None:
    """A query without a condition on sites only returns the user's sites: row-level security."""
    database, scopes = filled.hub.settings.database, SiteScopes(filled.shared.store)
    scopes.put("pia", [PARIS])
    connections = Connections(database)
    sources = HubSources(connections, scopes, console.state, "hub_reader")
    with sources.opened(sources.dataset("", "pia"), "pia") as opened:
        assert isinstance(opened.views, HubBackend)
        base = opened.views.reader.base
        for table in ("sensors", "events", "devices", "alerts", "incidents", "alert_counts", "device_counts"):
            every = sql.SQL("SELECT DISTINCT site FROM {}").format(sql.Identifier(table))
            assert base.execute(every).fetchall() == [(PARIS,)], table
    scopes.put("anna", ["*"])
    with sources.opened(sources.dataset("", "anna"), "anna") as opened:
        assert isinstance(opened.views, HubBackend)
        assert len(opened.views.reader.base.execute("SELECT DISTINCT site FROM alerts").fetchall()) == 2
    without = HubSources(connections, scopes, console.state, None)
    with pytest.raises(NotReadable):
        without.dataset("", "pia")
    for name in ("eve", ""):
        with pytest.raises(Refused):
            sources.dataset("", name)
    connections.close()


def test_a_page_reads_the_list_of_sites_once(filled: HubServers, console: Running) -> None:
    """Dataset, caveats and the menu of sites need it; each user has its own list. If it is read again, the page still
    uses one connection.
    """
    scopes, begun = SiteScopes(filled.shared.store), list[Connection]()

    class Counted(Connections):
        @contextlib.contextmanager
        def transaction(self) -> Iterator[Connection]:
            with super().transaction() as base:
                begun.append(base)
                yield base

    scopes.put("anna", ["*"])
    scopes.put("pia", [PARIS])
    connections = Counted(filled.hub.settings.database)
    sources = HubSources(connections, scopes, console.state, "hub_reader")
    with sources.opened(sources.dataset("", "anna"), "anna"):
        assert [one.name for one in sources.all("anna")] == ["all sites", SITE, PARIS]
    assert len(begun) == 2
    chosen = sources.dataset("", "anna")
    sources._read.clear()
    with sources.opened(chosen, "anna"):
        assert len(begun) == 4
    assert len(set(map(id, begun))) == 1
    assert [one.name for one in sources.all("pia")] == ["all sites", PARIS]
    connections.close()


def test_a_console_after_a_restart_of_the_database(filled: HubServers) -> None:
    """One request meets a lost connection; the others of before the restart are not used again."""
    connections = Connections(filled.hub.settings.database)
    with connections.transaction() as one, connections.transaction() as other:
        lost = [base.info.backend_pid for base in (one, other)]
    with filled.base() as base:
        base.execute("SELECT pg_terminate_backend(pid, 5000) FROM unnest(%s::int[]) pid", [lost])
    with pytest.raises(NotReadable), connections.transaction() as base:
        base.execute("SELECT 1")
    with connections.transaction() as base:
        assert base.execute("SELECT 1").fetchone() == (1,)
    connections.close()


def test_values_that_the_database_cannot_process(browser: Any) -> None:
    for path, name in (("alerts", "detector"), ("alerts", "source"), ("devices", "vendor"), ("devices", "type")):
        assert browser.get(f"/{path}", params={name: "a\0"}).status_code == 400
        assert browser.get(f"/api/v1/{path}", params={name: "a\0"}).status_code == 400
    assert browser.get("/alerts").status_code == 200


def test_sensors_with_their_faults(filled: HubServers, browser: Any) -> None:
    """Silence, gaps, an incorrect clock and rejected batches are shown; unknown values are shown as unknown."""
    assert ">0 with faults<" in browser.get("/sensors").text
    with filled.base() as base:
        base.execute("UPDATE sensors SET seen = now() - interval '3 hours', clock_ms = 90000 WHERE name = 'paris-1'")
        base.execute(
            "UPDATE logs l SET committed = %s FROM sensors s WHERE s.key = l.sensor AND s.name = 'paris-1'",
            [f"{{[5,10),[20,{EVENTS + 1})}}"],
        )
        base.execute(
            "INSERT INTO quarantine (id, subject, reason, detail, body) "
            "SELECT 'x', key, 'fork', 'a test', '' FROM sensors WHERE name = 'paris-1'"
        )
    page = browser.get("/sensors", params={"faults": "yes"}).text
    faults = re.findall(r'<div class="fault">([^<]+)</div>', page)
    assert len(faults) == 4
    assert "office-1" not in page.partition("<main")[2]
    until(lambda: len(re.findall(r'role="note"', browser.get("/alerts").text)) == 1)
    with filled.base() as base:
        base.execute("DELETE FROM quarantine")
        base.execute("UPDATE sensors SET seen = now(), clock_ms = 0")
        base.execute("UPDATE logs SET committed = %s", [f"{{[1,{EVENTS + 1})}}"])


def test_the_coverage_of_a_sensor_has_its_vlans(filled: HubServers, browser: Any) -> None:
    """From its last figures. A sensor of an earlier version does not report them: unknown, not none."""
    [(record,)] = filled.queried(
        "SELECT record FROM events WHERE kind = 'sensor' AND action = 'summary' AND site = %s", PARIS
    )
    assert json.loads(record)["capture"]["vlans"]

    def shown(vlans: Any) -> str:
        body = json.loads(record)
        body["capture"] |= {"vlans": vlans}
        with filled.base() as base:
            base.execute(
                "UPDATE events SET record = %s, ts = now() WHERE kind = 'sensor' AND action = 'summary' AND site = %s",
                [json.dumps(body), PARIS],
            )
        [text] = re.findall(r">VLAN: ([^<]*)<", browser.get("/sensors", params={"data": PARIS}).text)
        return text

    assert [shown(vlans) for vlans in ([1, 10, 11, 12, 4094], [], None, "1", [0, -1, 4096, "x", 7])] == [
        "1, 10-12, 4094", "untagged only", "unknown", "unknown", "7",
    ]  # fmt: skip


def test_texts_of_peers_stay_texts(filled: HubServers, browser: Any) -> None:
    """Markup and control characters of a device or an alert are escaped on all pages."""
    with filled.base() as base:
        base.execute("UPDATE devices SET name = E'<script>alert(1)</script>\\x1b[31m' WHERE type = 'camera'")
        base.execute("UPDATE alerts SET title = '<img src=x onerror=1>', summary = E'\\u202e<b>'")
    for path in ("/", "/devices?type=camera", "/alerts", "/search?q=camera"):
        page = browser.get(path).text
        assert not any(sign in page for sign in ("<script>alert", "<img src=x", "\x1b", "\u202e<b>")), path


@pytest.mark.parametrize("depth", [100, 400, 900])
def test_deeply_nested_records_of_a_sensor(filled: HubServers, browser: Any, depth: int) -> None:
    """One record does not prevent lists of the others."""
    record = '{"kind":"alert","x":' + '[{"y":' * (depth // 2) + "1" + "}]" * (depth // 2) + "}"
    with filled.base() as base, base.transaction():
        for table in ("alerts", "devices", "incidents"):
            update = sql.SQL("UPDATE {} SET record = %s WHERE sensor = 1").format(sql.Identifier(table))
            base.execute(update, [record])
    for path in ("/", "/alerts", "/devices", "/incidents"):
        assert browser.get(path).status_code == 200, path
        if path != "/":
            rows = listed(browser, path[1:])["items"]
            name = next(row["id"] for row in rows if row["id"].startswith("1."))
            assert [browser.get(f"{start}{path}/{name}").status_code for start in ("", "/api/v1")] == [200, 200], path


def test_a_console_without_a_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command exits with a code and an error of the catalogue, without the password."""
    (tmp_path / "hub.yaml").write_text(
        "nats: {servers: ['nats://127.0.0.1:1']}\ndatabase: {url: 'postgresql://a:secret@127.0.0.1:1/x'}\n"
    )
    command = ["console", "--state", str(tmp_path), "--hub"]
    assert main([*command, str(tmp_path / "hub.yaml")]) == 3
    shown = capsys.readouterr().err
    assert "[hub.no-database]" in shown
    assert "secret" not in shown
    assert main([*command, str(tmp_path / "none.yaml")]) == 2
    assert main(["console", "--state", str(tmp_path / "none"), "--hub", str(tmp_path / "hub.yaml")]) == 3
    assert "mode 0700" in capsys.readouterr().err
    assert main(["console", "sites", "paul", "--state", str(tmp_path)]) == 2
