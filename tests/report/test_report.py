"""From a site to a report: what counts, what is grouped, what changed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sensor.core.alert import Severity
from sensor.core.ip_protocols import TCP
from sensor.core.recommendation import REIDENTIFIED
from sensor.inventory.habits import OUTSIDE, Habits
from sensor.posture.firewall.simulate import Seen
from sensor.posture.scores.trend import Day as TrendDay
from sensor.posture.tickets.ledger import Ledger, TicketEntry
from sensor.posture.vulnerabilities.sources import Source as Imported
from sensor.posture.weakness import Proof, Weakness
from sensor.report.build import Listed, Sources, report_of
from sensor.report.model import Report
from sensor.report.page import page
from sensor.report.period import period_spec
from sensor.report.story import Story
from tests.golden import Golden
from tests.posture.scores.sites import node, site, weakness
from tests.report.sites import NOON, at

SMB, WEB = TCP << 16 | 445, TCP << 16 | 443


def alert(number: int, first: int, last: int, severity: str = "high", **more: Any) -> dict[str, Any]:
    body = {
        "id": f"alert-{number:06}",
        "detector": "discovery.port_scan",
        "title": "Port scan",
        "first": at(first),
        "last": at(last),
        "risk": 70,
    }
    return {
        "ts": at(last),
        "kind": "alert",
        "action": "open",
        "severity": severity,
        "msg": f"alert number {number}",
        "alert": body,
        "src": {"ip": "10.0.0.9"},
        **more,
    }


def made(
    *nodes: Any,
    weak: list[Weakness] | None = None,
    alerts: list[dict[str, Any]] | None = None,
    spec: dict[str, str] | None = None,
    **more: Any,
) -> Report:
    """The report of a site that was last seen at noon."""
    seen = more.pop("seen", None)
    place = site(nodes, weak or (), alerts or (), now=at(720), seen=seen)
    return report_of(Sources(place, more.pop("story", Story()), **more), period_spec(**(spec or {})))


def proven(one: Weakness, why: str, seen: str, *, sure: bool = True) -> Weakness:
    return one._replace(why=why, sure=sure, proof=Proof(at(3), "http.response", seen))


# Devices and findings about them.


def test_a_finding_is_reported_once_with_its_reasons(golden: Golden) -> None:
    """A finding of three devices: two with the same reason, one that cannot be determined; each with its own packet."""
    weak = [
        proven(weakness("dev-1", "CVE-2024-1", 40), "5.4 is below 5.5", "Server: 5.4"),
        proven(weakness("dev-2", "CVE-2024-1", 40), "5.4 is below 5.5", "Server: v5.4"),
        proven(weakness("dev-3", "CVE-2024-1", 20), "no packet contained its firmware version", "", sure=False),
    ]
    report = made(node(1), node(2), node(3), weak=weak)
    (found,) = report.findings
    assert (found.devices, found.sure, found.points) == (3, True, 40)
    golden([(case.why, case.sure, [seat.device for seat in case.seats]) for case in found.cases])
    proofs = {one.id: one for one in report.proofs}
    assert [proofs[seat.proof].seen for seat in found.cases[0].seats] == ["Server: 5.4", "Server: v5.4"]
    assert [device.findings for device in report.devices] == [["CVE-2024-1"]] * 3


def test_who_is_gone_needs_nothing() -> None:
    """A device that left in the period is listed as gone and has no findings; one that left before it or appeared after
    it is not listed.
    """
    weak = [weakness(f"dev-{number}", "telnet", 30) for number in (1, 2, 3, 4)]
    nodes = [
        node(1, first_seen=at(100), last_seen=at(700)),
        node(2, first_seen=at(100), last_seen=at(650), gone=True),
        node(3, first_seen=at(100), last_seen=at(200), gone=True),
        node(4, first_seen=at(715), last_seen=at(720)),
    ]
    report = made(*nodes, weak=weak, spec={"since": at(600), "until": at(710)})
    assert [(device.id, device.gone) for device in report.devices] == [("dev-1", False), ("dev-2", True)]
    assert [seat.device for seat in report.findings[0].cases[0].seats] == ["dev-1"]
    assert [(change.kind, change.device) for change in report.changes] == [("gone", "dev-2")]


def test_what_comes_is_reported_and_what_is_learned_is_not() -> None:
    """A type that becomes known is not a change for a new device, but is one for a known device."""
    story = Story()
    for name in ("dev-1", "dev-2"):
        changes = [{"field": "type", "old": "iot", "new": "camera"}]
        story.take(
            {
                "ts": at(610),
                "kind": "device",
                "action": "changed",
                "msg": "type iot → camera",
                "device": {"id": name},
                "changes": changes,
            }
        )
    report = made(node(1, first_seen=at(605)), node(2, first_seen=at(100)), story=story, spec={"since": at(600)})
    assert [(change.kind, change.device) for change in report.changes] == [("new", "dev-1"), ("other", "dev-2")]


def test_a_network_that_is_new_is_no_list_of_changes(golden: Golden) -> None:
    """The inventory lists the new devices; devices that left are listed as changes too."""
    report = made(
        node(1, first_seen=at(605)), node(2, first_seen=at(606), last_seen=at(610), gone=True), spec={"since": at(600)}
    )
    assert [(change.kind, change.device) for change in report.changes] == [("gone", "dev-2")]
    golden(report.watched.notes)
    assert report.watched.notes[0] in page(report)


def test_packets_report_what_a_device_is() -> None:
    """Attributes from one packet share one proof; an outdated attribute has none."""
    text = {"observation": "http.server", "seen": "Axis P3245", "confidence": 0.9, "last": at(5)}
    claims = [
        {"attribute": "vendor", "value": "Axis", **text},
        {"attribute": "model", "value": "P3245", **text},
        {"attribute": "type", "value": "nvr", **text},
    ]
    story = Story()
    story.take({"ts": at(5), "kind": "device", "action": "new", "device": {"id": "dev-1"}, "evidence": claims})
    report = made(node(1, vendor="Axis", model="P3245"), story=story)
    (proof,) = report.proofs
    assert (report.devices[0].proofs, proof.event, proof.seen, proof.claim) == (
        ["p1"],
        "http.server",
        "Axis P3245",
        "vendor: Axis, model: P3245",
    )


# What happened.


def test_alerts_of_the_period_are_those_that_went_on_in_it() -> None:
    """Most severe first, of the same severity the latest; with their packets."""
    evidence = [
        {
            "event": "flow.refused",
            "ts": at(620),
            "src": {"ip": "10.0.0.9", "port": 4000},
            "dst": {"ip": "10.0.0.1"},
            "facts": {"client_packets": 3},
        }
    ]
    alerts = [
        alert(1, 500, 599),
        alert(2, 500, 650, "medium"),
        alert(3, 610, 620, evidence=evidence, packets={"file": "evidence/alert.pcapng", "frames": 3}),
        alert(4, 630, 640),
        alert(5, 701, 702, "critical"),
    ]
    report = made(node(1), alerts=alerts, spec={"since": at(600), "until": at(700)})
    assert [one.id for one in report.alerts] == ["alert-000004", "alert-000003", "alert-000002"]
    (proof,) = report.proofs
    assert (proof.event, proof.packets) == ("flow.refused", "evidence/alert.pcapng")
    assert proof.seen == "10.0.0.9 port 4000 → 10.0.0.1; client_packets: 3"


def test_work_that_was_done_in_the_period_is_reported() -> None:
    """Completed work is taken from the stored tickets."""
    notes = {
        name: TicketEntry(title=f"mend {name}", kind="setting", severity="low", priority="P4", done=done)
        for name, done in (("a", at(30)), ("b", at(650)))
    }
    report = made(node(1), ledger=Ledger(tickets=notes), spec={"since": at(600)})
    assert [(one.id, one.title) for one in report.done] == [("b", "mend b")]


def test_what_later_traffic_closed_is_done(golden: Golden) -> None:
    """Fixes have a reason; open recommendations, those closed before the period, and those that continue for the same
    device under another id are excluded.
    """
    body = {
        "id": "recommendation-1",
        "setting": "telnet",
        "title": "Telnet is used",
        "closed": "the port refuses since 10:30",
    }
    records = [
        {
            "ts": at(minute),
            "kind": "recommendation",
            "action": action,
            "severity": "high",
            "recommendation": body,
            "src": {"ip": "10.0.0.1", "hostname": "door"},
        }
        for minute, action in ((100, "close"), (650, "close"), (660, "update"))
    ]
    moved = {**body, "id": "recommendation-2", "closed": f"{REIDENTIFIED} dev-2 now"}
    records.append({**records[1], "recommendation": moved})
    place = site([node(1)], now=at(720))._replace(recommendations=tuple(records))
    report = report_of(Sources(place, Story()), period_spec(since=at(600)))
    golden([(one.when, one.title, one.why) for one in report.done])


def test_conversations_are_reported_in_groups() -> None:
    """Flows are grouped by type and segment and counted once; an external client is listed with its server."""
    camera, server = Habits("camera", "", NOON), Habits("server", "", NOON)
    camera.use("dev-2", SMB, NOON)
    camera.use(OUTSIDE, WEB, NOON)
    server.serve("dev-1", SMB, NOON)
    server.serve(OUTSIDE, WEB, NOON)
    report = made(
        node(1, segment="vlan 3"),
        node(2, "server", segment="vlan 4"),
        seen=Seen({}, {"dev-1": camera, "dev-2": server}),
    )
    assert [
        (conversation.client, conversation.server, conversation.count, conversation.services)
        for conversation in report.conversations
    ] == [
        ("camera, VLAN 3", "internet", 1, ["https/443"]),
        ("camera, VLAN 3", "server, VLAN 4", 1, ["smb/445"]),
        ("internet", "server, VLAN 4", 1, ["https/443"]),
    ]


def test_the_age_of_what_it_rests_on_is_reported(golden: Golden) -> None:
    """Age counts back from the end of the report, not from the clock; scores of earlier days are included."""
    feed = Imported("kev", "kev", "kev.json", "2026-11-01T00:00:00Z", "2026-11-24T00:00:00Z", 1400, 0, "", "", "")
    days = [TrendDay(day, at(0), 40.0, {"low": 3}, {}, {}) for day in ("2026-11-23", "2026-11-24", "2026-11-25")]
    lists = [Listed("drop", 900, "2026-11-23T09:00:00Z"), Listed("never", 0, "")]
    report = made(node(1), feeds=[feed], lists=lists, days=days)
    assert [(one.name, one.days, one.stale) for one in report.watched.feeds] == [
        ("kev", 23, True),
        ("drop", 1, False),
        ("never", 0, True),
    ]
    assert [(day.day, day.devices) for day in report.trend] == [("2026-11-23", 3), ("2026-11-24", 3)]
    assert [(day.day, day.devices) for day in made(node(1), days=days[:1]).trend] == [
        ("2026-11-23", 3),
        ("2026-11-24", 1),
    ]
    golden(report.watched.notes)


# Texts.


def test_the_headline_reports_what_is_there_what_is_worst_and_what_happened(golden: Golden) -> None:
    """The headline has one sentence for each of devices, worst finding and events."""
    weak = [weakness("dev-1", "telnet", 30), proven(weakness("dev-2", "CVE-2024-1", 10), "", "", sure=False)]
    report = made(node(1), node(2), node(3, "voip_phone"), weak=weak, alerts=[alert(1, 600, 610)])
    golden(report.headline)
    unknown_hosts = [node(number, "unknown") for number in range(10, 40)]
    golden(made(node(1), *unknown_hosts).headline[0])
    kinds = [node(number, kind) for number, kind in enumerate(("tv", "tv", "printer", "router", "nas", "camera"), 1)]
    golden(made(*kinds, *unknown_hosts).headline[0])
    golden(made().headline)


def test_the_most_severe_finding_is_that_of_the_highest_severity() -> None:
    """A medium setting with more points than a critical vulnerability is not the most severe finding."""
    setting = weakness("dev-1", "telnet", 30)._replace(severity=Severity.medium)
    flaw = weakness("dev-2", "CVE-2024-1", 24)._replace(severity=Severity.critical)
    report = made(node(1), node(2), weak=[setting, flaw])
    assert [one.name for one in report.findings] == ["telnet", "CVE-2024-1"]
    assert ("CVE-2024-1" in report.headline[1], "telnet" in report.headline[1]) == (True, False)


def test_what_a_user_has_closed_is_not_the_most_severe(golden: Golden) -> None:
    """The headline counts closed alerts, and names the most severe incident or alert of those that are left."""
    mine, other = alert(1, 600, 610, "critical"), alert(2, 600, 620, "low")
    mine["alert"]["closed"] = {"by": "jane", "reason": "our scanner"}
    incident = {
        "ts": at(610), "kind": "incident", "action": "open", "severity": "critical", "msg": "incident of the scanner",
        "incident": {"id": "incident-1", "first": at(600), "last": at(610), "story": [{"alert": "alert-000001"}]},
    }  # fmt: skip
    for alerts in ([mine, other], [mine]):
        place = site([node(1)], (), alerts, now=at(720))._replace(incidents=(incident,))
        report = report_of(Sources(place, Story()), period_spec())
        golden(report.headline[-1])
        assert ("closed" in page(report).split('<article id="i-incident-1">')[1].split("</p>")[0]) is True


@pytest.mark.parametrize(
    ("first", "last", "warned"),
    [(600, 659, False), (600, 630, True), (640, 660, True), (500, 590, True), (500, 658, False)],
)
def test_a_period_without_data_is_no_quiet_period(golden: Golden, first: int, last: int, warned: bool) -> None:
    """The headline begins with a warning if a part of the period has no records; a gap of minutes is none."""
    story = Story(at(660))
    for minute in (first, last, 700):
        story.take({"ts": at(minute), "kind": "sensor", "action": "summary"})
    report = made(node(1), story=story, spec={"since": at(600), "until": at(660)})
    assert len(report.headline) == 3 + warned
    if warned:
        golden(report.headline[0])


def test_a_log_that_ends_early_is_a_limit_of_the_report(golden: Golden) -> None:
    """A period that the log does not cover to its end is reported as such, unless the log continues after it."""
    story = Story(at(660))
    story.take({"ts": at(600), "kind": "sensor", "action": "summary"})
    golden(made(node(1), story=story, spec={"until": at(660)}).watched.notes)
    story.take({"ts": at(700), "kind": "sensor", "action": "summary"})
    golden(made(node(1), story=story, spec={"until": at(660)}).watched.notes)


def test_a_month_has_no_score_of_the_next() -> None:
    """The trend of a month ends with its last day, although the month ends with the first midnight of the next."""
    days = [TrendDay(day, "", 40.0, {"low": 3}, {}, {}) for day in ("2026-11-29", "2026-11-30", "2026-12-01")]
    place = site([node(1)], now="2026-12-03T10:00:00.000000Z")
    report = report_of(Sources(place, Story(), days=days), period_spec("2026-11"))
    assert [day.day for day in report.trend] == ["2026-11-29", "2026-11-30"]


# The previous report.


def test_what_became_of_things_since_the_last_report(golden: Golden) -> None:
    """New and removed devices, fixes on one device and new findings on another, the score, and work that is no longer
    needed. A removed device fixes nothing.
    """
    weak = [weakness("dev-1", "telnet", 60), weakness("dev-2", "ftp", 30), weakness("dev-3", "ftp", 30)]
    old = made(node(1), node(2), node(3), weak=weak)
    now = made(
        node(1), node(2), node(4), weak=[weakness("dev-2", "telnet", 60), weakness("dev-4", "ftp", 30)], older=old
    )
    since = now.difference
    assert since is not None
    assert ([one.split(" ")[0] for one in since.new], [one.split(" ")[0] for one in since.gone]) == (
        ["10.0.0.4"],
        ["10.0.0.3"],
    )
    assert since.fixed == [
        "telnet, about telnet: 10.0.0.1 (Hikvision DS-2CD2)",
        "ftp, about ftp: 10.0.0.2 (Hikvision DS-2CD2)",
    ]
    assert since.found == [
        "telnet, about telnet: 10.0.0.2 (Hikvision DS-2CD2)",
        "ftp, about ftp: 10.0.0.4 (Hikvision DS-2CD2)",
    ]
    assert since.worse == [
        f"10.0.0.2 (Hikvision DS-2CD2): {old.devices[1].score.points:g} → {now.devices[1].score.points:g}"
    ]
    assert since.done == []
    golden(now.headline[-1])
    repaired = made(node(1), node(2), node(3), older=old)
    assert repaired.difference.done == ["mend telnet", "mend ftp"]


def test_against_itself_nothing_is_different() -> None:
    """The period begins at the end of the older report."""
    old = made(node(1), weak=[weakness("dev-1", "telnet", 30)], alerts=[alert(1, 600, 610)])
    now = made(node(1), weak=[weakness("dev-1", "telnet", 30)], alerts=[alert(1, 600, 610)], older=old)
    since = now.difference
    assert [since.new, since.gone, since.found, since.fixed, since.worse, since.done] == [[]] * 6
    assert (now.period.since, now.alerts) == (old.period.until, [])


@pytest.mark.parametrize("severity", list(Severity))
def test_a_finding_is_as_severe_as_its_most_severe(severity: Severity) -> None:
    """The result does not depend on the order of devices."""
    weak = [weakness("dev-1", "telnet", 30, severity=severity), weakness("dev-2", "telnet", 30, severity=Severity.info)]
    assert made(node(1), node(2), weak=weak).findings[0].severity == severity.name


def test_the_report_is_plain_values() -> None:
    """A report is read as it was written."""
    report = made(node(1), weak=[weakness("dev-1", "telnet", 30)], alerts=[alert(1, 600, 610)])
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report
