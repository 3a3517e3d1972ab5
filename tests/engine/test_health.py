"""The sensor's own health: silence, clock jumps, and high shares of faults."""

from __future__ import annotations

import numpy as np
import pytest

from sensor.capture.source import Tally
from sensor.core.flow import CHANGE, Change
from sensor.core.time_units import SECOND
from sensor.engine.health import FEWEST_CONNECTIONS, Finding, Health, Upstream
from tests.golden import Golden

MINUTE = 60


def found(findings) -> list[tuple[str, str]]:
    return [(one.check.removeprefix("sensor."), one.severity) for one in findings]


def ticks(*seconds: int) -> list[Finding]:
    health = Health(["a.pcap"], live=False)
    return [one for second in seconds for one in health.tick(second * SECOND)]


def test_silence_in_a_file() -> None:
    """Silence is reported when packets resume, with its start and duration. A minute without packets is no silence."""
    silence, again = ticks(100, 101, 161, 4000, 4001)
    assert (silence.check, silence.ts, silence.facts["silence_s"]) == ("sensor.no_traffic", 221 * SECOND, 3839)
    assert (again.check, again.ts, again.facts["silence_s"]) == ("sensor.traffic_resumed", 4000 * SECOND, 3839)


def test_a_clock_that_is_set_back_in_a_file() -> None:
    """Packets that are late by less are not a jump."""
    (jump,) = ticks(4000, 4001, 3950, 100, 101)
    assert (jump.check, jump.facts["step_s"]) == ("sensor.clock_jump", -3850)
    assert "back" in jump.msg


def test_two_clocks_in_one_file_do_not_fill_the_log() -> None:
    """The first, tenth and hundredth jump is reported; all are counted."""
    health = Health(["a.pcap"], live=False)
    result = [one for n in range(300) for one in health.tick((5000 if n % 2 else 100) * SECOND)]
    assert [one.facts["times"] for one in result if one.check == "sensor.clock_jump"] == [1, 10, 100]
    assert health.reported["sensor.clock_jump"] == 149


def test_silent_interfaces_live() -> None:
    """Each interface is reported once when it falls silent, and once when packets resume."""
    health, result = Health(["eth0", "eth1"], live=True), []
    for second in range(300):
        if not 100 <= second < 200:
            health.received(np.array([0, 0, 1], np.uint16), second)
        else:
            health.received(np.array([1], np.uint16), second)
        result += [
            (second, one.check, one.facts["source"]) for one in health.look((1_700_000_000 + second) * SECOND, second)
        ]
    assert result == [(159, "sensor.no_traffic", "eth0"), (200, "sensor.traffic_resumed", "eth0")]


def test_an_interface_that_never_sends(golden: Golden) -> None:
    """Silence counts from the start."""
    health = Health(["eth0"], live=True)
    result = [one for second in range(120) for one in health.look((1_700_000_000 + second) * SECOND, second)]
    golden([(one.msg, one.severity) for one in result])


@pytest.mark.parametrize(("step", "way"), [(-7200, "back"), (7200, "forward")])
def test_a_clock_that_is_set_live(step: int, way: str) -> None:
    """Wall clock and monotonic clock diverge; packet time, which follows the wall clock, adds no report."""
    health, result = Health(["eth0"], live=True), []
    for second in range(20):
        health.received(np.array([0], np.uint16), second)
        wall = 1_700_000_000 + second + (step if second > 9 else 0)
        result += [*health.tick(wall * SECOND), *health.look(wall * SECOND, second)]
    assert found(result) == [("clock_jump", "low")]
    assert (result[0].facts["step_s"], way in result[0].msg) == (step, True)


def test_losses_of_more_than_one_in_a_hundred() -> None:
    """Loss above 1 % is reported when it begins, each hour while it lasts, and when it ends."""
    health, tally, result = Health(["eth0"], live=True), Tally(dropped={"eth0": 0}), []
    for minute in range(200):
        tally.packets += 1000
        tally.dropped["eth0"] += 50 if 10 <= minute < 100 else 10
        result += [(minute, *found([one])[0]) for one in health.figures(tally, 0, minute * MINUTE)]
    assert result == [(10, "packet_loss", "medium"), (70, "packet_loss", "medium"), (100, "packet_loss", "info")]


def test_cut_frames() -> None:
    """A capture with a small snapshot length is reported; a few packets are not enough for a report."""
    tally = Tally(packets=1000, truncated=400)
    (cut,) = Health(["a.pcap"], live=False).figures(tally, 7, 0)
    assert (cut.check, cut.severity, cut.facts["share"]) == ("sensor.truncated_capture", "low", 0.4)
    assert list(Health(["a.pcap"], live=False).figures(Tally(packets=50, truncated=50), 7, 0)) == []
    assert list(Health(["a.pcap"], live=False).figures(Tally(), 7, 0)) == []


def ended(count: int, sent: int, back: int, *, proto: int = 6, kind: int = Change.ENDED) -> np.ndarray:
    """Ended connections with so many bytes and packets in each direction."""
    rows = np.zeros(count, CHANGE)
    rows["kind"], rows["proto"], rows["client_bytes"], rows["server_packets"] = kind, proto, sent, back
    rows["client_packets"] = 1
    return rows


def test_traffic_of_one_direction() -> None:
    """Connections with payload and without answers."""
    health = Health(["eth0"], live=False)
    health.changes(ended(FEWEST_CONNECTIONS, 5000, 0))
    (one,) = health.figures(Tally(packets=500), 7, 0)
    assert (one.check, one.severity, one.facts["count"]) == ("sensor.one_way_traffic", "medium", FEWEST_CONNECTIONS)


@pytest.mark.parametrize(
    "rows",
    [
        ended(1000, 240, 0),
        ended(1000, 5000, 0, proto=17),
        ended(1000, 5000, 0, kind=Change.NEW),
        ended(FEWEST_CONNECTIONS - 1, 5000, 0),
    ],
    ids=["scans", "UDP", "not over", "few"],
)
def test_what_is_no_traffic_of_one_direction(rows: np.ndarray) -> None:
    """Scans of unused addresses carry no payload, UDP streams are never answered."""
    health = Health(["eth0"], live=False)
    health.changes(rows)
    assert list(health.figures(Tally(packets=5000), 7, 0)) == []
    health.changes(ended(1000, 5000, 20))
    health.changes(ended(100, 5000, 0))
    assert list(health.figures(Tally(packets=9000), 7, 0)) == []


def test_what_lasts() -> None:
    """Open faults: their start and their latest report."""
    health = Health(["eth0"], live=True)
    for second in (0, 61, 62):
        list(health.look((1_700_000_000 + second) * SECOND, second))
    list(health.figures(Tally(packets=900, dropped={"eth0": 100}), 1_700_000_070 * SECOND, 70))
    assert set(health.ongoing) == {"sensor.no_traffic/eth0", "sensor.packet_loss"}
    since, finding = health.ongoing["sensor.no_traffic/eth0"]
    assert (since, finding.severity) == (1_700_000_061, "medium")
    list(health.figures(Tally(packets=1000, dropped={"eth0": 200}), 1_700_003_700 * SECOND, 3700))
    since, finding = health.ongoing["sensor.packet_loss"]
    assert (since, finding.facts["count"]) == (1_700_000_070, 100)
    assert finding.ts == 1_700_003_700 * SECOND, "told again, and it began when it began"
    health.received(np.array([0], np.uint16), 3701)
    list(health.look(1_700_003_701 * SECOND, 3701))
    list(health.figures(Tally(packets=9000, dropped={"eth0": 200}), 1_700_003_800 * SECOND, 3800))
    assert health.ongoing == {}


def test_nothing_lasts_of_an_output_that_is_gone() -> None:
    """A reload may remove an output while it is stalled; if added again, it is checked again."""
    health, stalled = Health(["eth0"], live=True), Upstream("siem", 1_700_000_000, "refused", 5)
    (result,) = health.upstream([stalled], 1_700_000_100 * SECOND)
    assert health.ongoing["sensor.upstream_stalled/siem"] == (1_700_000_100, result)
    assert list(health.upstream([], 1_700_000_110 * SECOND)) == []
    assert health.ongoing == {}
    assert len(list(health.upstream([stalled], 1_700_000_120 * SECOND))) == 1
