"""One host that floods one service: the attack, similar benign traffic, repetition."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Alert, Severity
from sensor.core.flow import CHANGE, Change
from sensor.core.time_units import SECOND
from tests.detectors.stories import START, Story, World, alerts_of, detector, device, lit, one

FLOOD = "impact.service_flood"


def attempts(
    count: int, *, per_second: int = 1000, answered: bool = False, server: str = "10.0.0.80"
) -> npt.NDArray[np.void]:
    """Connections of one host to one service, each from another port; answered at once, or never."""
    begun = np.zeros(count, CHANGE)
    begun["ts"] = begun["first"] = START + SECOND + np.arange(count) * (SECOND // per_second)
    begun["client_lo"] = parse("10.0.0.66")
    begun["server_lo"] = parse(server)
    begun["server_port"] = 80
    begun["proto"] = 6
    begun["client_port"], begun["flow"], begun["kind"] = 1024 + np.arange(count) % 60000, np.arange(count), Change.NEW
    if not answered:
        return begun
    back = begun.copy()
    back["ts"] = begun["ts"] + 1000
    back["kind"] = Change.ANSWERED
    back["answered"] = 1
    back["client_packets"] = 1
    back["server_packets"] = 1
    both: npt.NDArray[np.void] = np.concatenate((begun, back))
    return both[np.argsort(both["ts"], kind="stable")]


def datagrams(count: int, *, per_second: int = 1000, answered: bool = False) -> npt.NDArray[np.void]:
    """UDP datagrams of one host to changing ports of another."""
    changes = attempts(count, per_second=per_second, answered=answered)
    changes["proto"], changes["server_port"] = 17, 1024 + changes["flow"] % 60000
    return changes


def test_datagrams_to_ever_new_ports() -> None:
    """Datagrams to changing ports are one alert for the host; answered and fewer ones raise none."""
    alert = one(alerts_of(detector(FLOOD), datagrams(6000)))
    assert (alert.numbers["threshold"], alert.network["proto"], alert.target_port) == (3000, "udp", 0)
    assert alerts_of(detector(FLOOD), datagrams(6000, answered=True)) == []
    assert alerts_of(detector(FLOOD), datagrams(2000)) == []
    assert alerts_of(detector(FLOOD), datagrams(6000, per_second=200)) == []


def pings(count: int, seconds: int) -> npt.NDArray[np.void]:
    """A ping as its flow ends."""
    change = np.zeros(1, CHANGE)
    change["client_lo"] = parse("10.0.0.66")
    change["server_lo"] = parse("10.0.0.80")
    change["proto"] = 1
    change["server_port"] = 8
    change["first"] = START
    change["last"] = START + seconds * SECOND
    change["client_packets"] = count
    change["kind"] = Change.ENDED
    change["ts"] = change["last"] + 60 * SECOND
    return change


def stream(count: int, seconds: int, port: int, answers: int = 0) -> npt.NDArray[np.void]:
    """UDP datagrams from one port to another, as their flow ends."""
    change = pings(count, seconds)
    change["proto"], change["server_port"], change["server_packets"] = 17, port, answers
    return change


def shown(changes: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """The same in a capture that contains both directions."""
    both: npt.NDArray[np.void] = np.concatenate((lit(Story()).changes(), changes))
    return both


def test_connections_without_an_answer() -> None:
    """Two thousand attempts in two seconds raise an alert; a camera is more severe, a one-way capture is low."""
    for size in (1 << 30, 7, 100):
        alert = one(alerts_of(detector(FLOOD), shown(attempts(2000)), size))
        assert (alert.actor.address, alert.target and alert.target.address, alert.target_port) == (
            parse("10.0.0.66"),
            parse("10.0.0.80"),
            80,
        )
        assert (alert.numbers["count"], alert.severity, alert.techniques[0].technique) == (
            1000,
            Severity.medium,
            "T1498.001",
        )
    assert (
        one(alerts_of(detector(FLOOD, World(device("camera", "10.0.0.66"))), shown(attempts(2000)))).severity
        == Severity.high
    )
    assert one(alerts_of(detector(FLOOD), attempts(2000))).severity == Severity.low


def timed_out(count: int, *, packets: int = 1, per_second: int = 1000) -> npt.NDArray[np.void]:
    """The same attempts as their flows end, a minute later."""
    ended = attempts(count, per_second=per_second)
    ended["kind"], ended["last"], ended["client_packets"] = Change.ENDED, ended["first"], packets
    ended["ts"] += 60 * SECOND
    return ended


def test_connections_that_the_source_does_not_continue() -> None:
    """In one direction, connections that end after their first packets were not answered; others may have been, and
    fewer are retries.
    """
    for size in (1 << 30, 700, 100):
        alert = one(alerts_of(detector(FLOOD), timed_out(4000), size))
        assert (alert.severity, alert.numbers["count"], alert.numbers["window_s"]) == (Severity.medium, 3000, 60)
    assert one(alerts_of(detector(FLOOD), timed_out(4000, packets=3))).target_port == 80
    for story in (timed_out(4000, packets=5), timed_out(2500), timed_out(4000, per_second=40), shown(timed_out(4000))):
        assert alerts_of(detector(FLOOD), story) == []


def test_a_long_flood_in_one_direction() -> None:
    """Many times the threshold is a flood in any capture: low severity at first, then medium, for any batch size."""
    for size in (1 << 30, 7_000, 100):
        found = alerts_of(detector(FLOOD), attempts(60_000, per_second=2000), size)
        assert [alert.severity for alert in found] == [Severity.low, Severity.medium]
        assert found[1].numbers["count"] >= 10_000
    assert one(alerts_of(detector(FLOOD), attempts(15_000, per_second=500))).severity == Severity.low


def test_answers_that_are_seen_later_change_nothing() -> None:
    """Whether the capture contains both directions is evaluated at the time of the alert, for any batch size."""
    answered = attempts(1, answered=True)[-1:]
    answered["ts"] = START + 60 * SECOND
    for size in (1 << 30, 7, 100):
        assert (
            one(alerts_of(detector(FLOOD), np.concatenate((attempts(2000), answered)), size)).severity == Severity.low
        )


def test_pings_without_a_pause() -> None:
    """Ten thousand pings in ten seconds raise an alert."""
    alert = one(alerts_of(detector(FLOOD), pings(10_000, 10)))
    assert (alert.numbers["count"], alert.severity) == (10_000, Severity.medium)
    assert "with pings" in alert.summary


def test_large_pings() -> None:
    """Three hundred pings of 60,000 bytes in six seconds raise an alert; the same in a minute, or fewer, raise none."""

    def large(count: int, seconds: int) -> list[Alert]:
        change = pings(count, seconds)
        change["client_bytes"] = count * 60_000
        return alerts_of(detector(FLOOD), change)

    alert = one(large(300, 6))
    assert (alert.numbers["bytes"], alert.numbers["threshold"], alert.severity) == (
        18_000_000,
        10_000_000,
        Severity.medium,
    )
    assert large(300, 60) == large(100, 1) == []


def test_answers_to_a_flood_of_solicitations() -> None:
    """A router that answers each solicitation of a host floods nothing; advertisements to all hosts are a flood."""

    def advertised(server: str) -> list[Alert]:
        change, address = pings(6000, 3), parse(server)
        change["proto"], change["server_port"] = 58, 134
        change["server_hi"], change["server_lo"] = address >> 64, address & (1 << 64) - 1
        return alerts_of(detector(FLOOD), change)

    assert advertised("fe80::66") == []
    assert one(advertised("ff02::1")).numbers["count"] == 6000


def test_reports_of_multicast_groups_without_a_pause() -> None:
    """Twenty thousand reports of IGMP or MLD in ten seconds raise an alert; those of an hour, and pings to a group,
    which are reported elsewhere, do not.
    """

    def reports(proto: int, kind: int, group: int, seconds: int = 10) -> list[Alert]:
        change = pings(20_000, seconds)
        change["proto"], change["server_port"] = proto, kind
        change["server_hi"], change["server_lo"] = group >> 64, group & (1 << 64) - 1
        return alerts_of(detector(FLOOD), change)

    igmp, mld = one(reports(2, 0, parse("224.0.0.22"))), one(reports(58, 131, parse("ff02::2")))
    assert (igmp.numbers["count"], igmp.severity, mld.severity) == (20_000, Severity.medium, Severity.medium)
    assert reports(58, 131, parse("ff02::2"), 3600) == reports(58, 128, parse("ff02::1")) == []
    assert reports(1, 8, parse("224.0.0.1")) == []


@pytest.mark.parametrize("port", [53, 80, 123])
def test_datagrams_to_a_service_that_answers_none(port: int) -> None:
    """A flood from one UDP port (LOIC) raises an alert, of low severity where no packet of a server was captured; a
    service that answers, video, logs, and a resolver that is down raise none.
    """
    alert = one(alerts_of(detector(FLOOD), shown(stream(9_000, 6, port))))
    assert (alert.numbers["count"], alert.numbers["window_s"], alert.target_port) == (9_000, 6, port)
    assert alert.severity == Severity.medium
    assert one(alerts_of(detector(FLOOD), stream(9_000, 6, port))).severity == Severity.low
    assert alerts_of(detector(FLOOD), shown(stream(9_000, 6, port, answers=8_000))) == []
    assert alerts_of(detector(FLOOD), shown(stream(9_000, 6, 514))) == []
    assert alerts_of(detector(FLOOD), shown(stream(9_000, 60, 50_004))) == []
    assert alerts_of(detector(FLOOD), shown(stream(1_200, 600, port))) == []


def test_an_ip_protocol_that_no_host_uses() -> None:
    """Packets of IGMP or of an unassigned IP protocol by the thousand raise an alert; those of a tunnel (GRE, ESP), and
    of a protocol with answers, raise none.
    """

    def packets(proto: int, answers: int = 0) -> list[Alert]:
        changes = stream(9_000, 6, 0, answers)
        changes["proto"], changes["client_port"] = proto, 0
        return alerts_of(detector(FLOOD), shown(changes))

    assert [one(packets(proto)).numbers["count"] for proto in (2, 255)] == [9_000, 9_000]
    assert packets(47) == packets(50) == packets(255, answers=8_000) == []


def test_benign_twins_are_quiet() -> None:
    """A benchmark with answers, a client that retries every 100 ms, monitoring pings, and an exempt load test raise no
    alert.
    """
    assert alerts_of(detector(FLOOD), shown(attempts(5000, answered=True))) == []
    assert alerts_of(detector(FLOOD), shown(attempts(5000, per_second=10))) == []
    assert alerts_of(detector(FLOOD), pings(86_400, 86_400)) == []
    assert alerts_of(detector(FLOOD, exempt=("10.0.0.66",)), shown(attempts(2000))) == []
    assert alerts_of(detector(FLOOD), shown(attempts(2000, server="255.255.255.255"))) == []


def test_repetition_is_one_finding() -> None:
    """A flood of a minute is reported once."""
    assert len(alerts_of(detector(FLOOD), shown(attempts(60_000)), 10_000)) == 1
