"""SYN floods: one alert for any number of sources, bounded memory, and no scan alerts for spoofed sources."""

from __future__ import annotations

import tracemalloc

import numpy as np
import numpy.typing as npt
import pytest

from sensor.alerts.aggregation import AlertAggregator
from sensor.core.alert import Alert
from sensor.core.flow import CHANGE, Change, Reason
from sensor.core.time_units import SECOND
from tests.detectors.stories import START, Story, alerts_of, detector, lit, one, raised

FLOOD = "impact.flood"


def flood(count: int, *, sources: int = 0, ended: bool = False, per_second: int = 10_000) -> npt.NDArray[np.void]:
    """SYNs to sixteen targets and five ports, from random or from ``sources`` internal addresses; as flows begin or,
    with ``ended``, as they are evicted.
    """
    rng = np.random.default_rng(11)
    changes = np.zeros(count, CHANGE)
    changes["ts"] = changes["first"] = START + np.arange(count) * (SECOND // per_second)
    v4 = np.uint64(0xFFFF << 32)
    changes["client_lo"] = (
        np.uint64(0x0A010000) + rng.integers(0, sources, count, dtype=np.uint64)
        if sources
        else rng.integers(1 << 24, 0xDF << 24, count, dtype=np.uint64)
    ) | v4
    changes["server_lo"] = np.uint64(0x0A000001) + rng.integers(0, 16, count, dtype=np.uint64) | v4
    changes["server_port"] = np.array([80, 443, 22, 445, 3389], np.uint16)[np.arange(count) % 5]
    changes["proto"], changes["client_port"], changes["flow"] = 6, 40000, np.arange(count)
    changes["kind"] = Change.ENDED if ended else Change.NEW
    if ended:
        changes["client_packets"], changes["reason"] = 1, Reason.EVICTED
    return changes


def folded(found: list[Alert]) -> list[str]:
    desk = AlertAggregator()
    return [action for alert in found for action, _ in desk.take(alert)]


@pytest.mark.parametrize("ended", [False, True])
def test_a_flood_from_everywhere_is_one_alert(ended: bool) -> None:
    """Two hundred thousand SYNs of as many sources are one alert, with and without other answers in the capture."""
    before = lit(Story()).changes() if not ended else np.zeros(0, CHANGE)
    found = alerts_of(detector(FLOOD), np.concatenate((before, flood(200_000, ended=ended))), 10_000)
    assert folded(found) in (["open"], ["open", "update"])
    minute = next(alert for alert in found if alert.numbers["window_s"] == 60)
    assert minute.numbers["flows"] == 3000
    assert int(found[0].numbers["sources_at_least"]) >= 100
    assert found[0].key == "impact.flood|10.0.0.0/24|tcp"
    assert [technique.technique for technique in found[0].techniques] == ["T1498.001", "T1499.001", "T1499"]


@pytest.mark.parametrize("answers_elsewhere", [False, True])
def test_a_flood_at_full_strength_is_reported_within_a_second(answers_elsewhere: bool) -> None:
    """Five hundred SYNs in 50 ms raise an alert, with and without answers in the capture; ten SYNs a second do not."""
    before = lit(Story()).changes() if answers_elsewhere else np.zeros(0, CHANGE)
    found = alerts_of(detector(FLOOD), np.concatenate((before, flood(500))))
    assert (one(found).numbers["flows"], one(found).numbers["window_s"]) == (400, 1)
    assert "within a second" in found[0].summary
    assert alerts_of(detector(FLOOD), np.concatenate((before, flood(500, per_second=10)))) == []


@pytest.mark.parametrize("scanner", ["discovery.address_scan", "discovery.port_scan"])
@pytest.mark.parametrize("sources", [0, 250])
def test_sources_of_a_flood_are_no_scanners(scanner: str, sources: int) -> None:
    """A million sources with one SYN each, and a few hundred that repeat, are no scanners."""
    changes = np.concatenate((lit(Story()).changes(), flood(150_000, sources=sources)))
    assert alerts_of(detector(scanner), changes, 10_000) == []


def test_a_scan_during_a_flood_is_still_seen() -> None:
    """A scan of another part of the network is detected during a flood."""
    scan = lit(Story())
    for n in range(60):
        scan.flow(1 + n * 0.1, "10.0.0.66", f"10.0.77.{n + 1}", 22, refused=True)
    both = np.concatenate((scan.changes(), flood(150_000)))
    alert = one(alerts_of(detector("discovery.address_scan"), both[np.argsort(both["ts"], kind="stable")], 10_000))
    assert "tcp/22" in alert.key


def test_memory_does_not_grow_with_the_flood() -> None:
    """Memory does not grow after the first hundred thousand sources."""
    units = [
        detector(path)
        for path in (FLOOD, "discovery.address_scan", "discovery.port_scan", "lateral_movement.admin_from_device")
    ]
    changes = np.concatenate((lit(Story()).changes(), flood(200_000)))
    for unit in units:
        alerts_of(unit, changes[:100_000], 10_000)
    tracemalloc.start()
    for unit in units:
        alerts_of(unit, changes[100_000:], 10_000)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 3_000_000


def test_benign_twins_are_quiet() -> None:
    """A busy server that answers, and a single scanner, are no flood."""
    story, busy = lit(Story()), Story()
    for n in range(4000):
        story.flow(1 + n * 0.01, f"203.0.{n % 100}.{n % 250 + 1}", "10.0.0.80", 443, answered=True)
        busy.flow(1 + n * 0.01, "10.0.0.66", f"10.0.1.{n % 250 + 1}", 1 + n)
    assert raised(FLOOD, story) == []
    assert raised(FLOOD, busy) == []


@pytest.mark.parametrize("proto", [2, 50, 255])
def test_a_flood_of_an_ip_protocol_without_ports(proto: int) -> None:
    """IGMP, ESP and unassigned protocols from thousands of sources are one alert; the peers of a gateway, which are
    answered or less than the threshold, and routers that send to a group, are none.
    """
    changes = flood(5000, per_second=2000)
    changes["proto"], changes["client_port"], changes["server_port"] = proto, 0, 0
    alert = one(alerts_of(detector(FLOOD), changes, 500))
    assert (alert.numbers["flows"], alert.numbers["window_s"], alert.target_port) == (400, 1, 0)
    answers = changes.copy()
    answers["kind"] = Change.ANSWERED
    assert alerts_of(detector(FLOOD), np.stack((changes, answers), axis=1).ravel()) == []
    assert alerts_of(detector(FLOOD), changes[:350]) == []
    changes["server_lo"] = 0xFFFFE0000012
    assert alerts_of(detector(FLOOD), changes) == []


def test_it_goes_on_as_the_same_alert() -> None:
    """A flood of five minutes is reported once a minute with one key."""
    found = alerts_of(detector(FLOOD), np.concatenate((lit(Story()).changes(), flood(60_000, per_second=200))), 10_000)
    assert 3 <= len(found) <= 7
    assert folded(found).count("open") == 1
