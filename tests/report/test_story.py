"""What a log reports over time: changes of devices, capture statistics, and health."""

from __future__ import annotations

from typing import Any

import pytest

from sensor.report.model import Period
from sensor.report.story import CHANGES_KEPT, Story
from tests.report.sites import at

ALL = Period(since=at(0), until=at(1439), label="the day")


def text(minute: int, kind: str, action: str, severity: str = "info", **parts: Any) -> dict[str, Any]:
    return {
        "ts": at(minute),
        "kind": kind,
        "action": action,
        "severity": severity,
        "msg": f"{kind} {action}",
        "sensor": {"id": "hq", "version": "1"},
        **parts,
    }


def device(minute: int, action: str, *changes: tuple[str, str, str], **parts: Any) -> dict[str, Any]:
    fields = [{"field": field, "old": old, "new": new} for field, old, new in changes]
    return text(minute, "device", action, device={"id": "dev-1"}, changes=fields, **parts)


def summary(minute: int, packets: int, dropped: int = 0) -> dict[str, Any]:
    return text(
        minute,
        "sensor",
        "summary",
        capture={"source": "eth0", "packets": packets, "bytes": packets * 100, "dropped": dropped},
    )


def reported(*records: dict[str, Any], until: str = "") -> Story:
    story = Story(until)
    for record in records:
        story.take(record)
    return story


@pytest.mark.parametrize(
    ("record", "kinds"),
    [
        (device(1, "changed", ("firmware", "1.0", "1.1")), ["firmware"]),
        (device(1, "changed", ("firmware", "", "1.1")), []),
        (device(1, "address_changed", ("ips", "10.0.0.1", "10.0.0.2")), ["address"]),
        (device(1, "address_changed", ("ips", "", "10.0.0.2")), []),
        (device(1, "changed", ("type", "camera", "nvr")), ["other"]),
        (device(1, "changed", ("services", "ssh/22", "ssh/22, http/80")), []),
        (device(1, "split"), ["split"]),
        (device(1, "new"), []),
        ({"ts": at(1), "kind": "device", "action": "split", "device": "odd"}, []),
    ],
)
def test_what_was_nothing_before_is_learned_and_no_change(record: dict[str, Any], kinds: list[str]) -> None:
    """A changed firmware version is a change; one that became known is not."""
    assert [change.kind for change in reported(record).changes] == kinds


def test_each_run_counts_from_its_beginning() -> None:
    """Counts of a run are cumulative; for a run that began before the period, its counts until then are subtracted."""
    day = reported(
        summary(10, 100), summary(20, 250, 5), text(30, "sensor", "started"), summary(40, 70), summary(50, 90, 1)
    )
    (found,) = day.sources(ALL)
    assert (found.name, found.packets, found.bytes, found.lost) == ("eth0", 340, 34_000, 6)
    (late,) = day.sources(Period(since=at(15), until=at(45), label=""))
    assert (late.packets, late.lost) == (220, 5)
    assert day.sources(Period(since=at(60), until=at(70), label="")) == []


def test_health_is_reported_by_what_was_looked_at() -> None:
    """The number of findings, the highest severity, and the last time are listed; notices without a problem are not."""
    loss = {"check": "sensor.packet_loss"}
    day = reported(
        text(1, "sensor", "health", "medium", facts=loss),
        text(2, "sensor", "health", "low", facts=loss),
        text(3, "sensor", "health", "info", facts={"check": "sensor.traffic_resumed"}),
        text(4, "sensor", "health", "high", facts={"check": "sensor.disk_full"}),
    )
    assert [(one.check, one.severity, one.count, one.last) for one in day.health(ALL)] == [
        ("sensor.disk_full", "high", 1, at(4)),
        ("sensor.packet_loss", "medium", 2, at(2)),
    ]


def test_what_comes_after_the_end_is_not_taken_in() -> None:
    """The state is that of the end of the period, and later records are known to exist."""
    story = Story(at(5))
    assert [story.take(device(minute, "split")) for minute in (1, 4, 5, 9)] == [True, True, False, False]
    assert (len(story.changes), story.first, story.last, story.later) == (2, at(1), at(4), True)


def test_the_surest_packet_sends_for_an_attribute() -> None:
    """Of two packets with the same confidence the later is used."""
    claims = [
        {"attribute": "model", "value": "M1", "seen": seen, "confidence": sure}
        for seen, sure in (("a", 0.5), ("b", 0.9), ("c", 0.9), ("d", 0.2))
    ]
    story = reported(
        device(1, "new", evidence=claims), device(2, "changed", evidence=[{"attribute": "serial", "value": "x"}])
    )
    assert {name: claim["seen"] for name, claim in story.claims["dev-1"].items()} == {"model": "c"}


def test_a_year_costs_no_more_than_a_day() -> None:
    """The newest records are kept."""
    story = Story()
    for _ in range(CHANGES_KEPT + 50):
        story.take(device(1, "split"))
    assert len(story.changes) == CHANGES_KEPT


@pytest.mark.parametrize(
    "more",
    [
        {"ts": 7},
        {"ts": "x"},
        {"kind": "sensor", "action": "summary", "capture": 7},
        {"kind": ["x"]},
        {"kind": "device", "device": 7},
    ],
)
def test_a_foreign_log_breaks_nothing(more: dict[str, Any]) -> None:
    """Invalid records are left to the fold."""
    assert reported({"ts": at(1), **more}).sources(ALL) == []
