"""Reverse SSH tunnels: the attack, similar benign connections, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.ssh import SshForwarding
from tests.detectors.stories import SECOND, START, World, detector, device, inspected, one

TUNNEL = "command_and_control.reverse_tunnel"
CLIENT, OUTSIDE, INSIDE = "10.0.0.66", "203.0.113.66", "10.0.0.5"


def forwarding(at: float = 0, server: str = OUTSIDE) -> Event:
    ends = {"src": parse(server), "dst": parse(CLIENT), "sport": 22, "dport": 40000}
    return SshForwarding(Packet(ts=START + int(at * SECOND), proto=6, **ends), 5)


@pytest.mark.parametrize(
    ("kind", "server", "severity"),
    [
        ("workstation", OUTSIDE, Severity.medium),
        ("workstation", INSIDE, Severity.low),
        ("camera", OUTSIDE, Severity.high),
    ],
)
def test_a_server_reaches_into_the_network(kind: str, server: str, severity: Severity) -> None:
    """An external server is more severe than an internal one, and a fixed-function device more than a workstation."""
    alert = one(inspected(detector(TUNNEL, World(device(kind, CLIENT))), [forwarding(server=server)]))
    assert (alert.severity, alert.actor.address, alert.techniques[0].technique) == (severity, parse(CLIENT), "T1572")


def test_remote_maintenance() -> None:
    """The servers of remote maintenance raise no alert."""
    assert inspected(detector(TUNNEL, servers=(f"{OUTSIDE}/32",)), [forwarding()]) == []


def test_repetition_is_reported_once_a_day() -> None:
    assert len(inspected(detector(TUNNEL), [forwarding(n * 60) for n in range(500)])) == 1
