"""Campaigns: the same actor, list entry or technique at several sites within a day, and counterexamples."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from sensor.hub.campaigns import DAYS, HIGH, LISTED, MEDIUM, Finding, Key, campaigns_of, keys_of, refresh_campaigns
from sensor.hub.database import grant_reader
from sensor.hub.views.fleet import campaigns
from sensor.hub.views.query import Reader
from tests.hub.hub_kit import HubServers

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ACTOR, ENTRY = ("actor", "198.51.100.7"), ("entry", "203.0.113.66")


def finding(name: str, site: str, hours: float, *keys: Key, severity: int = MEDIUM, lasts: float = 0) -> Finding:
    first = NOON + timedelta(hours=hours)
    return Finding(name, site, severity, first, first + timedelta(hours=lasts), keys)


def test_one_actor_at_two_sites() -> None:
    """Alerts within a day are one campaign, with their time span and highest severity."""
    found = [finding("a", "Berlin", 0, ACTOR), finding("b", "Paris", 20, ACTOR, severity=HIGH, lasts=2)]
    [one] = campaigns_of(reversed(found))
    assert (one.kind, one.value) == ACTOR
    assert (one.sites, one.alerts, one.severity, one.total) == (["Berlin", "Paris"], ["a", "b"], HIGH, 2)
    assert (one.first, one.last) == (NOON, NOON + timedelta(hours=22))


def test_what_is_no_campaign() -> None:
    """Many alerts of one site, alerts more than a day apart, and two sites with nothing in common are no campaign."""
    assert campaigns_of([]) == []
    assert campaigns_of([finding(str(n), "Berlin", n, ACTOR) for n in range(30)]) == []
    assert campaigns_of([finding("a", "Berlin", 0, ACTOR), finding("b", "Paris", 24.1, ACTOR)]) == []
    assert campaigns_of([finding("a", "Berlin", 0, ACTOR), finding("b", "Paris", 0, ENTRY)]) == []


def test_a_long_alert_bridges_the_time() -> None:
    """The day starts at the end of the longest alert, even if shorter ones came after it."""
    found = [finding("a", "Berlin", 0, ACTOR, lasts=40), finding("b", "Berlin", 1, ACTOR)]
    found.append(finding("c", "Paris", 50, ACTOR))
    assert [one.total for one in campaigns_of(found)] == [3]


def test_an_actor_that_comes_back_later_is_another_campaign() -> None:
    """Each campaign has its own alerts, of which a bounded number is listed."""
    again = [finding(f"{hours}{n}", site, hours, ENTRY) for hours in (0, 60) for n, site in enumerate(("B", "P") * 20)]
    found = campaigns_of(again)
    assert [(one.total, len(one.alerts)) for one in found] == [(40, LISTED)] * 2


@pytest.mark.parametrize(
    ("record", "severity", "expected"),
    [
        ({"src": {"ip": "8.8.8.8"}}, MEDIUM, [("actor", "8.8.8.8")]),
        ({"src": {"ip": "8.8.8.8"}}, MEDIUM - 1, []),
        ({"src": {"ip": "10.20.10.106"}}, HIGH, []),
        ({"src": {"ip": "not an address"}}, HIGH, []),
        ({"src": {"ip": "2606:4700::1%" + "x" * 9000}}, HIGH, [("actor", "2606:4700::1%" + "x" * 243)]),
        ({"alert": {"numbers": {"list": "l", "entry": "203.0.113.66"}}}, 0, [ENTRY]),
        ({"alert": {"numbers": {"entry": 7}}}, HIGH, []),
        ({"alert": {"numbers": {"entry": "203.0.113.66\0"}}}, 0, [ENTRY]),
        ({"alert": {"attack": [{"technique": "T1071"}, {"technique": "T1071"}]}}, HIGH, [("technique", "T1071")]),
        ({"alert": {"attack": [{"technique": "T1071"}]}}, MEDIUM, []),
        ({"alert": "no object"}, HIGH, []),
        ([], HIGH, []),
    ],
)
def test_keys_of_a_record(record: object, severity: int, expected: list[Key]) -> None:
    """Private addresses are no actors; invalid records have no keys; keys fit into an index of PostgreSQL."""
    assert list(keys_of(json.dumps(record), severity)) == expected


def test_campaigns_in_the_database(servers: HubServers) -> None:
    """Campaigns are found from recent alerts, again without a change; a user of one site does not see the others."""
    servers.empty()
    record = json.dumps({"alert": {"numbers": {"entry": "203.0.113.66"}}})
    with servers.base() as base:
        for sensor, site, days in ((1, "Berlin", 1), (2, "Paris", 1), (3, "Paris", DAYS + 1)):
            base.execute(
                "INSERT INTO alerts (sensor, id, site, log, seq, first, last, closed, severity, risk, count, detector, "
                "title, summary, src, dst, record) SELECT %s, 'alert-x', %s, 1, 1, at, at, false, 2, 1, 1, 'd', 't', "
                "'s', '', '', %s FROM (SELECT now() - make_interval(days => %s) AS at) one",
                [sensor, site, record, days],
            )
        for _ in range(2):
            assert refresh_campaigns(base, datetime.now(UTC)) == 1
        [one] = campaigns(Reader(base))
        assert (one.kind, one.value, one.sites, one.total) == ("entry", "203.0.113.66", ["Berlin", "Paris"], 2)
        assert one.alerts == ["1.alert-x", "2.alert-x"]
        assert campaigns(Reader(base, ("Lyon",))) == []
        if not base.execute("SELECT 1 FROM pg_roles WHERE rolname = 'hub_reader'").fetchone():
            base.execute("CREATE ROLE hub_reader NOLOGIN")
        grant_reader(base, "hub_reader", ["*"])
        for sites, expected in (("{Paris}", 0), ("{Berlin,Paris}", 1)):
            with base.transaction():
                base.execute("SELECT set_config('sensor.sites', %s, true)", [sites])
                base.execute("SET LOCAL ROLE hub_reader")
                assert len(campaigns(Reader(base))) == expected
