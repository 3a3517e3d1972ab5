"""The alert processor: which alerts are reported, which are not, and bounds against floods."""

from __future__ import annotations

from typing import Any

from sensor.alerts.aggregation import PACKET_LIMIT, AlertAggregator
from sensor.alerts.mutes import Mute, Mutes
from sensor.alerts.processor import AlertProcessor
from sensor.alerts.scoring import AlertScorer
from sensor.core.alert import Alert, Severity
from sensor.core.record import Record, RecordMaker
from sensor.core.time_units import SECOND
from tests.alerts.test_incidents import made
from tests.detectors.stories import World, device

LAPTOP, CAMERA = "10.0.0.9", "10.0.0.7"


class Reported:
    """An alert processor, and the records it reported."""

    def __init__(self, **options: Any) -> None:
        self.reported: list[Record] = []
        self.muted: list[Record] = []
        world = World(device("camera", CAMERA))
        desk = AlertAggregator(suppression=100 * SECOND)
        self.alert_processor = AlertProcessor(
            desk,
            RecordMaker("s"),
            self.reported.append,
            world.device,
            scorer=AlertScorer(world),
            muted=self.muted.append,
            **options,
        )

    def take(self, *alerts: Alert) -> Reported:
        self.alert_processor.take(alerts)
        return self

    def actions(self, kind: str = "alert") -> list[str]:
        return [record.action for record in self.reported if record.kind == kind]


def test_an_alert_and_its_incident() -> None:
    """The alert comes first, then its incident; silence closes both, at the time of the tick."""
    one = Reported().take(made(1, LAPTOP))
    one.alert_processor.tick(200 * SECOND)
    assert [(record.kind, record.action) for record in one.reported] == [
        ("alert", "open"),
        ("incident", "open"),
        ("alert", "close"),
    ]
    assert one.reported[-1].ts == "1970-01-01T00:03:20.000000Z"
    opened, incident, closed = (record.alert if record.kind == "alert" else record.incident for record in one.reported)
    assert opened["id"] == closed["id"] == incident["story"][0]["alert"]  # type: ignore[index]
    assert opened["mute"] == ("sensor mute add --detector discovery.port_scan --src 10.0.0.9 --dst 10.0.0.5 --for 7d")  # type: ignore[index]


def test_it_is_weighed_before_it_is_folded() -> None:
    """The severity of an alert about a camera is raised."""
    assert [record.severity for record in Reported().take(made(1, CAMERA, usual=Severity.medium)).reported] == [
        "high",
        "high",
    ]


def test_what_is_too_slight_is_counted() -> None:
    """An alert below the minimum severity is in no incident either."""
    one = Reported(least=Severity.medium).take(made(1, LAPTOP, severity=Severity.low), made(2, LAPTOP))
    assert (one.actions(), one.alert_processor.below) == (["open"], 1)


def test_mutes_are_applied_before_anything_is_reported() -> None:
    """There is no alert and no incident; the log of muted alerts has one alert with a count and the mute."""
    quiet = Mutes([Mute(id="m1", src=LAPTOP, author="anna", reason="our scanner")])
    one = Reported(mutes=quiet).take(made(1, LAPTOP), made(2, LAPTOP), made(3, CAMERA))
    one.alert_processor.finish(4 * SECOND)
    assert [record.src["ip"] for record in one.reported] == [CAMERA, CAMERA]  # type: ignore[index]
    assert [(record.action, record.alert["count"], record.alert["muted"]["id"]) for record in one.muted] == [
        ("open", 1, "m1"),
        ("update", 2, "m1"),
    ]  # type: ignore[index]
    assert quiet.counts == {"m1": 2}


def test_the_operator_closes_an_alert() -> None:
    """The record has author and reason; the same finding later is a new alert; only open alerts can be closed."""
    one = Reported().take(made(1, LAPTOP))
    name = one.reported[0].alert["id"]  # type: ignore[index]
    assert one.alert_processor.close(name, "anna", "dealt with", 5 * SECOND)
    assert one.reported[-1].alert["closed"] == {"by": "anna", "reason": "dealt with"}  # type: ignore[index]
    assert not one.alert_processor.close(name, "anna", "", 6 * SECOND)
    one.take(made(7, LAPTOP))
    assert one.actions() == ["open", "close", "open"]
    assert one.reported[-2].alert["id"] != name  # type: ignore[index]


def test_a_flood_of_one_packet_is_cut() -> None:
    """At most 64 alerts per packet are kept; the rest is counted."""
    one = Reported().take(*(made(1, f"10.1.{n >> 8}.{n & 255}") for n in range(5000)))
    assert one.actions().count("open") == PACKET_LIMIT
    assert one.alert_processor.aggregator.dropped == 5000 - PACKET_LIMIT


def test_a_flood_of_one_finding_is_folded() -> None:
    """Ten thousand repeats in ten seconds give at most eleven lines, whichever targets they have."""
    one = Reported()
    for n in range(10_000):
        one.take(made(1 + n / 1000, LAPTOP, f"10.{n >> 8}.{n & 255}.1", severity=Severity(2 + n % 3)))
        if n % 1000 == 999:
            one.alert_processor.tick((2 + n // 1000) * SECOND)
    one.alert_processor.finish(20 * SECOND)
    assert len(one.actions()) <= 11
    last = [record for record in one.reported if record.kind == "alert"][-1]
    assert last.alert["count"] == 10_000  # type: ignore[index]
    assert len(last.targets) == 64  # type: ignore[arg-type]
    assert len(one.alert_processor.aggregator) == len(one.alert_processor.incidents) == 1


def test_randomised_actors_do_not_grow_memory() -> None:
    """Keys, incidents and parties stay within their bounds; evicted alerts are closed. A quarter of the keys is that of
    alerts below medium.
    """
    one = Reported()
    one.alert_processor.aggregator = AlertAggregator(keys=100)
    for n in range(9000):
        one.take(made(1 + n / 50, f"10.{n >> 8}.{n & 255}.1"))
    assert len(one.alert_processor.aggregator) == 75
    assert len(one.alert_processor.incidents) <= 8192
    assert one.actions().count("open") - one.actions().count("close") == 75
