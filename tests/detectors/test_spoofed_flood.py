"""Floods with spoofed source addresses, and hosts with an impossible address."""

from __future__ import annotations

import numpy as np

from sensor.core.alert import Severity
from tests.detectors.stories import Story, alerts_of, detector, one, raised

FLOOD, ILLEGAL = "impact.spoofed_flood", "device.illegal_address"
MADE_UP = [
    f"{first}.1.2.{n + 3}"
    for n, first in enumerate((230, 241, 10, 255, 127, 20, 239, 250, 90, 224, 246, 3, 232, 0, 254, 233, 243))
]


def flood(rounds: int = 1) -> Story:
    story = Story()
    for n in range(rounds):
        for i, source in enumerate(MADE_UP):
            story.flow(n * 20 + i * 0.01, source, f"198.51.100.{i + 1}", 80)
    return story


def test_land() -> None:
    """An equal source and destination socket is a LAND attack; equal addresses alone are a fault."""
    lan = Story().flow(0, "10.0.0.5", "10.0.0.5", 139, sport=139)
    fault = Story().flow(0, "10.0.0.5", "10.0.0.5", 139)
    for story, severity, techniques in ((lan, Severity.medium, ["T1499.004", "T1498.001"]), (fault, Severity.low, [])):
        changes = story.changes()
        changes["server_mac"] = 0x020000000001
        [alert] = alerts_of(detector(ILLEGAL), changes)
        assert (alert.severity, [each.technique for each in alert.techniques]) == (severity, techniques)


def test_sources_that_no_host_has() -> None:
    """Impossible source addresses raise an alert about the segment, since the MACs are spoofed as well."""
    alert = one(raised(FLOOD, flood()))
    assert (alert.severity, alert.numbers["impossible_sources"], alert.numbers["threshold"]) == (Severity.high, 12, 12)
    assert alert.techniques[0].technique == "T1498.001"
    assert "this segment" in alert.summary


def test_it_is_reported_under_one_key() -> None:
    """A flood of any duration has one key."""
    assert len({alert.key for alert in raised(FLOOD, flood(10))}) == 1


def test_benign_twins_are_quiet() -> None:
    """Many real sources behind a gateway, and one faulty host, are no flood."""
    many, broken = Story(), Story()
    for n in range(200):
        many.flow(n * 0.01, f"198.51.{n}.7", "10.0.0.80", 443, answered=True)
        broken.flow(n * 0.01, "240.0.0.1", f"10.0.0.{n + 1}", 53)
    assert raised(FLOOD, many) == []
    assert raised(FLOOD, broken) == []
    assert raised(ILLEGAL, many) == []


def test_an_impossible_address_is_reported_once() -> None:
    """An impossible address is low, reported once for the MAC."""
    story = Story()
    for n in range(50):
        story.flow(n, "127.0.0.1", f"10.0.0.{n + 1}", 53)
    [alert] = raised(ILLEGAL, story)
    assert (alert.severity, alert.numbers["address"]) == (Severity.low, "127.0.0.1")


def test_changing_macs_are_a_few_alerts() -> None:
    """Of a flood with a new MAC for each frame (macof), the first eight are reported; another VLAN has its own."""
    changes = flood(10).changes()
    changes["client_mac"] = 0x88B111000000 + np.arange(len(changes), dtype=np.uint64)
    assert len(alerts_of(detector(ILLEGAL), changes)) == 8
    changes["vlan"] = np.arange(len(changes)) % 2
    assert len(alerts_of(detector(ILLEGAL), changes)) == 16


def test_clients_without_an_address_are_ordinary() -> None:
    """DHCP requests from 0.0.0.0 raise no alert."""
    assert raised(ILLEGAL, Story().flow(0, "0.0.0.0", "255.255.255.255", 67, group=True)) == []
