"""Port mappings on the router: the attack, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.http import HttpPortMapping
from sensor.dissectors.pcp import PcpRequest
from sensor.dissectors.shared.nat_pmp import NatPmpRequest
from tests.detectors.stories import START, World, detector, device, inspected, one

MAPPING = "command_and_control.port_mapping"
HOST, OTHER, ROUTER = parse("10.0.0.66"), parse("10.0.0.41"), parse("10.0.0.1")


def packet(at: float = 0) -> Packet:
    return Packet(ts=START + int(at * SECOND), src=HOST, dst=ROUTER, sport=50000, dport=5351)


def upnp(port: int, client: int = HOST, at: float = 0) -> Event:
    return HttpPortMapping(packet(at), "AddPortMapping", client, "tcp", port, 40000, "something")


@pytest.mark.parametrize(
    "event",
    [
        upnp(3389),
        NatPmpRequest(packet(), "tcp", 3389, 3389, 3600),
        PcpRequest(packet(), "map", HOST, "tcp", 3389, 3389, 3600),
    ],
)
def test_an_administration_service_is_opened(event: Event) -> None:
    """Each of the three protocols raises an alert; a fixed-function device is more severe."""
    [alert] = inspected(detector(MAPPING), [event])
    assert (alert.actor.address, alert.target and alert.target.address, alert.severity) == (
        HOST,
        ROUTER,
        Severity.medium,
    )
    assert [technique.technique for technique in alert.techniques] == ["T1133", "T1090"]
    assert "RDP" in alert.summary
    [alert] = inspected(detector(MAPPING, World(device("camera", "10.0.0.66"))), [event])
    assert alert.severity == Severity.high


def test_a_hole_to_another_machine() -> None:
    """A mapping to another host has that host as target, too."""
    found = inspected(detector(MAPPING), [upnp(8000, OTHER), upnp(445, OTHER)])
    assert [alert.severity for alert in found] == [Severity.medium, Severity.high]
    assert {target.address for target in found[0].targets} == {OTHER, ROUTER}


def test_benign_twins() -> None:
    """Games and file sharing are low; deleted and outbound mappings raise no alert."""
    [alert] = inspected(detector(MAPPING), [NatPmpRequest(packet(), "udp", 6881, 6881, 3600)])
    assert alert.severity == Severity.low
    gone = [
        NatPmpRequest(packet(), "tcp", 22, 0, 0),
        PcpRequest(packet(), "map", HOST, "tcp", 22, 0, 0),
        PcpRequest(packet(), "peer", HOST, "tcp", 22, 0, 9),
    ]
    assert inspected(detector(MAPPING), gone) == []


def test_repetition_is_one_finding() -> None:
    assert one(inspected(detector(MAPPING), [upnp(3389, at=n * 600) for n in range(100)]))
    assert len(inspected(detector(MAPPING), [upnp(3389, at=n * 600) for n in range(100)])) == 1
