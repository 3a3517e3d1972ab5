"""An alert that several sensors of a site raise is one alert in all lists and numbers of the hub."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from sensor.cli.main import main
from sensor.hub.batch import Message
from sensor.hub.counts import correct_alert_counts
from sensor.hub.database import Connection
from sensor.hub.duplicates import relist
from sensor.hub.intake import Intake
from sensor.hub.notes import Note, put_note
from sensor.hub.report_log import Span, write_log
from sensor.hub.rows import Row
from sensor.hub.sensors import move
from sensor.hub.views.backend import HubBackend
from sensor.hub.views.fleet import sites
from sensor.hub.views.query import Reader
from sensor.outputs.hub_protocol.messages import Head, batch_id, runs_of, sealed
from sensor.views.alert_filter import AlertFilter
from tests.hub.hub_kit import PARIS, SITE, HubServers
from tests.hub.test_states import NOW, alert, check, write, write_earlier
from tests.waiting import until

WRITERS = pytest.mark.parametrize("writer", [write, write_earlier])


@pytest.fixture
def base(servers: HubServers) -> Iterator[Connection]:
    with servers.with_three_sensors() as base:
        yield base


def scan(name: str, seq: int, sensor: int = 1, begin: float = 0, end: float = 10, **more: Any) -> Row:
    """A scan of one host by another; ``begin`` and ``end``: minutes."""
    usual = {"sensor": sensor, "first": at(begin), "last": at(end), "parties": ["s:10.1.2.3", "s:nas", "t:10.1.2.9"]}
    return alert(name, seq, **usual | more)


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def ids(base: Connection, wanted: AlertFilter | None = None, site: str | None = None) -> list[str]:
    """Ids in the list, of which facets and totals have the number."""
    page = HubBackend(Reader(base, None if site is None else (site,))).alerts(wanted or AlertFilter())
    assert page.total == len(page.rows) == sum(page.facets["severity"].values())
    return sorted(row.id for row in page.rows)


def others(base: Connection) -> dict[str, list[str] | None]:
    return {row.id: row.record["sensor"].get("others") for row in HubBackend(Reader(base)).alerts(AlertFilter()).rows}


def compare(base: Connection) -> None:
    relist(base, NOW)
    check(base)


def test_one_alert_of_two_sensors(base: Connection) -> None:
    """It is listed and counted once at its site, and names the other sensor; that of another site is another."""
    write(base, (), [scan("alert-a", 1), scan("alert-b", 2, 2, 5, 20, parties=["s:10.1.2.3", "t:10.1.2.9", "t:fs01"])])
    write(base, (), [scan("alert-c", 3, 3, site=PARIS)])
    assert ids(base) == ["1.alert-a", "2.alert-b", "3.alert-c"]
    compare(base)
    assert others(base) == {"1.alert-a": ["s2"], "3.alert-c": None}
    assert ids(base, site=SITE) == ["1.alert-a"]
    assert {one.site: sum(one.alerts.values()) for one in sites(Reader(base))} == {SITE: 1, PARIS: 1}
    found = HubBackend(Reader(base)).alert("2.alert-b")
    assert (found.alert.id, found.alert.record["sensor"]["others"]) == ("2.alert-b", ["s1"])
    assert relist(base, NOW) == 0


@pytest.mark.parametrize(
    "more",
    [
        {"begin": 11, "end": 20},
        {"detector": "discovery.address_scan"},
        {"parties": ["s:10.1.2.4", "t:10.1.2.9"]},
        {"parties": ["s:10.1.2.3", "t:10.1.2.8"]},
        {"parties": ["s:10.1.2.3"]},
        {"parties": []},
        {"severity": 4},
        {"sensor": 1},
        {"sensor": 3, "site": PARIS},
    ],
)
def test_different_alerts_stay_two(base: Connection, more: dict[str, Any]) -> None:
    """At other times, of another detection, actor, target, site; of the same sensor; a more severe one is listed."""
    write(base, (), [scan("alert-a", 1)])
    write(base, (), [scan("alert-b", 2, **{"sensor": 2} | more)])
    compare(base)
    expected = {"1.alert-a", f"{more.get('sensor', 2)}.alert-b"}
    assert set(ids(base)) == (expected if "severity" not in more else {"2.alert-b"})


def batch(sensor: str, seq: int, name: str, action: str = "close") -> Message:
    """A batch of one event: the sensor opens or closes an alert."""
    record = {
        "id": f"e{seq}", "ts": "2026-11-29T00:30:00.000000Z", "kind": "alert", "action": action, "severity": "medium",
        "sensor": {"id": sensor, "site": SITE, "seq": seq}, "src": {"ip": "10.1.2.3"}, "dst": {"ip": "10.1.2.9"},
        "alert": {"id": name, "detector": "discovery.port_scan", "first": "2026-11-29T00:00:00Z"},
    }  # fmt: skip
    text = json.dumps(record).encode()
    head = Head(sensor, SITE, "0.1.0", "e1", runs_of([seq]), int(NOW.timestamp()) * 10**9)
    return Message(sensor, batch_id(sensor, "e1", head.runs, [text]), "1", NOW, sealed(head, [text]))


def take(base: Connection, several: Sequence[Message]) -> None:
    assert {outcome.reason for outcome in Intake(base).take(several)} == {""}


@pytest.mark.parametrize(
    ("events", "listed"),
    [
        ([("s1", "alert-a", "close")], {"1.alert-a": "closed", "2.alert-b": "open"}),
        ([("s1", "alert-a", "close"), ("s2", "alert-b", "close")], {"1.alert-a": "closed"}),
        ([("s2", "alert-b", "close")], {"1.alert-a": "open"}),
        ([("s1", "alert-a", "update")], {"1.alert-a": "open"}),
    ],
)
def test_an_open_alert_is_not_hidden_by_a_closed_one(
    base: Connection, events: list[tuple[str, str, str]], listed: dict[str, str]
) -> None:
    """The sensor of the listed alert closes it: that of another sensor is listed at once if it is open."""
    take(base, [batch("s1", 1, "alert-a", "open"), batch("s2", 1, "alert-b", "open")])
    compare(base)
    assert ids(base) == ["1.alert-a"]
    take(base, [batch(sensor, 2, name, action) for sensor, name, action in events])
    check(base)
    shown = HubBackend(Reader(base)).alerts(AlertFilter()).rows
    assert {row.id: row.state for row in shown} == listed
    compare(base)
    assert ids(base) == ["2.alert-b" if "open" in listed.values() and "2.alert-b" in listed else "1.alert-a"]


def test_an_alert_that_an_operator_closed_stays_closed(base: Connection) -> None:
    """Its sensor closes it later: that of the other sensor is closed by the same note."""
    take(base, [batch("s1", 1, "alert-a", "open"), batch("s2", 1, "alert-b", "open")])
    compare(base)
    put_note(base, 1, Note("alert-a", "pia", "closed"))
    take(base, [batch("s1", 2, "alert-a")])
    assert ids(base) == ["1.alert-a"]


def test_an_alert_that_is_closed_during_a_comparison(base: Connection, servers: HubServers) -> None:
    """The worker that stores this waits for the comparison, and then finds what was hidden by it."""
    take(base, [batch("s1", 1, "alert-a", "open"), batch("s2", 1, "alert-b", "open")])
    with servers.base() as other:
        worker = threading.Thread(target=take, args=(other, [batch("s1", 2, "alert-a")]))
        with base.transaction():
            assert relist(base, NOW) == 1
            worker.start()
            waits = "SELECT FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
            until(lambda: servers.queried(waits, other.info.backend_pid))
        worker.join()
    assert ids(base) == ["1.alert-a", "2.alert-b"]
    check(base)


@WRITERS
def test_no_list_shows_less_than_a_sensor_reports(base: Connection, writer: Any) -> None:
    """What is open is not hidden behind a closed one, and what becomes more severe is listed."""
    write(base, (), [scan("alert-a", 1), scan("alert-b", 2, 2)])
    for change, listed in (
        (scan("alert-a", 3, closed=True), "2.alert-b"),
        (scan("alert-b", 4, 2, closed=True), "2.alert-b"),
        (scan("alert-a", 5, severity=4), "1.alert-a"),
        (scan("alert-b", 6, 2, severity=4, closed=True), "1.alert-a"),
    ):
        compare(base)
        writer(base, (), [change])
        check(base)
        compare(base)
        assert ids(base) == [listed]


def test_a_worker_lists_what_becomes_worse_at_once(base: Connection) -> None:
    """It does not wait for the next comparison: more severe, or open again."""
    write(base, (), [scan("alert-a", 1), scan("alert-b", 2, 2)])
    compare(base)
    write(base, (), [scan("alert-b", 3, 2, severity=4)])
    check(base)
    assert ids(base) == ["1.alert-a", "2.alert-b"]
    write(base, (), [scan("alert-b", 4, 2, severity=4, closed=True), scan("alert-a", 5, closed=True)])
    compare(base)
    assert ids(base) == ["2.alert-b"]
    write(base, (), [scan("alert-a", 6)])
    check(base)
    assert ids(base) == ["1.alert-a", "2.alert-b"]


def test_a_chain_of_alerts(base: Connection) -> None:
    """One sensor closes an alert and opens another within the time of the other sensor's: its own stay two."""
    write(
        base, (), [scan("alert-a", 1, closed=True), scan("alert-b", 2, begin=20, end=30), scan("alert-c", 3, 2, 5, 25)]
    )
    compare(base)
    assert others(base) == {"1.alert-a": None, "1.alert-b": ["s2"]}


def test_notes_are_of_both(base: Connection) -> None:
    """An alert that an operator closes does not come back as that of the other sensor."""
    write(base, (), [scan("alert-a", 1), scan("alert-b", 2, 2)])
    compare(base)
    put_note(base, 1, Note("alert-a", "pia", "closed", "benign", None, "scanner"))
    check(base)
    compare(base)
    assert ids(base, AlertFilter(state=("open",))) == []
    assert ids(base, AlertFilter(verdict=("benign",))) == ["1.alert-a"]
    put_note(base, 2, Note("alert-b", "pia", "open", None, None, ""))
    assert ids(base, AlertFilter(state=("open",))) == ["1.alert-a"]


def test_a_search_finds_what_any_sensor_knows(base: Connection, servers: HubServers, capsys: Any) -> None:
    """A name or a device that only the other sensor knows finds the alert, in lists and with the command."""
    more = {"parties": ["s:10.1.2.3", "s:dev-b", "t:10.1.2.9"], "summary": "backstage scanned", "src": "backstage"}
    write(base, (), [scan("alert-a", 1), scan("alert-b", 2, 2, **more)])
    compare(base)
    for wanted in AlertFilter(text="backstage"), AlertFilter(device="2.dev-b"), AlertFilter(source="10.1.2.3"):
        assert ids(base, wanted) == ["1.alert-a"]
    assert ids(base, AlertFilter(device="3.dev-b")) == []
    listed = [("s1", ["s2"])]
    for arguments, found in (
        ((), listed),
        (("--sensor", "s2"), [("s2", [])]),
        (("--find", "dev-b"), listed),
        (("--find", "alert-b"), listed),
        (("--find", "10.1.2.9"), listed),
        (("--find", "NAS"), listed),
        (("--find", "discovery.port_scan"), listed),
        (("--find", "nas", "--sensor", "s2"), [("s2", [])]),
        (("--find", "10.1.2"), []),
    ):
        assert main(["hub", "alerts", "--json", *arguments, "--config", str(servers.config)]) == 0
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [(row["sensor"], row["others"]) for row in rows] == found, arguments


def test_a_sensor_that_moves_and_old_alerts(base: Connection) -> None:
    """The alert of a moved sensor is that of its new site; alerts of more than two days ago are not compared again."""
    write(base, (), [scan("alert-a", 1), scan("alert-b", 2, 2)])
    relist(base, NOW + timedelta(days=3))
    assert ids(base) == ["1.alert-a", "2.alert-b"]
    compare(base)
    move(base, "s1", PARIS)
    relist(base, NOW + timedelta(days=3))
    check(base)
    assert ids(base, site=SITE) == ["2.alert-b"]


def test_wrong_counts_are_corrected(base: Connection) -> None:
    """Such as after the upgrade of several workers, of which one did not know listed rows."""
    write(base, (), [scan("alert-a", 1), scan("alert-b", 2, 2)])
    compare(base)
    base.execute("INSERT INTO alert_counts VALUES ('HQ', 'open', 2, 'discovery.port_scan', '', '', 3)")
    correct_alert_counts(base)
    check(base)


def test_a_report_has_it_once(base: Connection, tmp_path: Any) -> None:
    """Reports of a site read the same rows as lists."""
    body = b'{"ts":"2026-11-29T00:00:00Z","kind":"alert","alert":{"id":"%s"}}'
    rows = (
        scan(f"alert-{one}", number, number, record=body % f"alert-{one}".encode())
        for number, one in ((1, "a"), (2, "b"))
    )
    write(base, (), list(rows))
    compare(base)
    with base.transaction():
        write_log(base, Span(SITE, NOW - timedelta(days=1), NOW + timedelta(days=1)), tmp_path / "log")
    records = [json.loads(line) for line in (tmp_path / "log").read_bytes().splitlines()]
    assert [one["alert"]["id"] for one in records if one.get("kind") == "alert"] == ["1.alert-a"]
