"""Smurf and Fraggle attacks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sensor.core.addresses import parse
from sensor.core.flow import CHANGE, Change
from sensor.core.time_units import SECOND
from tests.detectors.stories import START, alerts_of, detector

SMURF = "impact.smurf"


def ping(
    client: str, server: str, *, at: float = 0, count: int = 0, seconds: float = 1, group: bool = False
) -> npt.NDArray[np.void]:
    """A ping as its flow begins, or, with a ``count``, as it ends."""
    change = np.zeros(1, CHANGE)
    a, b = parse(client), parse(server)
    change["client_hi"] = a >> 64
    change["client_lo"] = a & 2**64 - 1
    change["server_hi"] = b >> 64
    change["server_lo"] = b & 2**64 - 1
    change["proto"], change["server_port"] = (58, 128) if ":" in client else (1, 8)
    change["first"], change["ts"] = START + int(at * SECOND), START + int((at + seconds * bool(count)) * SECOND)
    change["client_packets"], change["kind"] = count, Change.ENDED if count else Change.NEW
    change["server_mac"] = 0xFFFFFFFFFFFF if group else 2
    return change


def test_a_source_that_is_a_group() -> None:
    """One ping with a multicast or broadcast source raises an alert, over IPv4 and IPv6."""
    for source, target in (
        ("ff02::1", "ff02::1"),
        ("ff02::1", "fe80::1"),
        ("224.0.0.1", "10.0.0.5"),
        ("255.255.255.255", "10.0.0.5"),
    ):
        [alert] = alerts_of(detector(SMURF), ping(source, target))
        assert alert.techniques[0].technique == "T1498.002"
        assert source in alert.summary


def test_pings_to_a_group_without_pause() -> None:
    """The spoofed source is the victim."""
    [alert] = alerts_of(detector(SMURF), ping("10.0.0.9", "10.0.0.255", count=5000, seconds=60, group=True))
    assert (alert.numbers["pings"], alert.actor.address) == (5000, parse("10.0.0.9"))
    assert parse("10.0.0.9") in [target.address for target in alert.targets]


def echo(port: int, count: int, *, group: bool = True) -> npt.NDArray[np.void]:
    """Datagrams to a UDP service, as their flow ends."""
    change = ping("10.0.0.9", "10.0.0.255" if group else "10.0.0.1", count=count, seconds=10, group=group)
    change["proto"], change["server_port"] = 17, port
    return change


def test_fraggle() -> None:
    """UDP echo and CHARGEN raise an alert; other services, one host, and a few datagrams do not."""
    for port in (7, 19):
        [alert] = alerts_of(detector(SMURF), echo(port, 500))
        assert (alert.techniques[0].technique, alert.numbers["protocol"]) == ("T1498.002", "udp")
    quiet = (echo(137, 500), echo(7, 500, group=False), echo(7, 20))
    assert [alerts_of(detector(SMURF), story) for story in quiet] == [[], [], []]


def test_benign_twins_are_quiet() -> None:
    """Continuous usual pings, a few to a group, and one within a host raise no alert."""
    quiet = [
        ping("127.0.0.1", "10.0.0.5"),
        ping("10.0.0.9", "10.0.0.1"), ping("10.0.0.9", "10.0.0.1", count=100000, seconds=10),
        ping("fe80::9", "ff02::1", count=20, seconds=20, group=True),
        ping("fe80::9", "ff02::1", count=86400, seconds=86400, group=True),
    ]  # fmt: skip
    assert alerts_of(detector(SMURF), np.concatenate(quiet)) == []


def test_random_sources_are_one_sender() -> None:
    """A flood with random sources has many multicast ones: one alert a minute for its MAC, one for each where no frame
    shows the MAC.
    """
    for mac, alerts in ((0x88B111356980, 1), (0, 100)):
        story = np.concatenate([ping(f"230.1.2.{n}", "10.0.0.5", at=n / 10) for n in range(100)])
        story["client_mac"] = mac
        found = alerts_of(detector(SMURF), story)
        assert (len(found), len({alert.key for alert in found})) == (alerts, alerts)


def test_repetition_is_one_alert_a_minute() -> None:
    """The same source is reported once a minute with one key."""
    found = alerts_of(detector(SMURF), np.concatenate([ping("ff02::1", "ff02::1", at=n) for n in range(100)]))
    assert (len(found), len({alert.key for alert in found})) == (2, 1)
