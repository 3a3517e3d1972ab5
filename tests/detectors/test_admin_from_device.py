"""Administration sessions opened by fixed-function devices."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.counting.flow_detector import FlowDetector
from tests.detectors.stories import Story, World, alerts_of, detector, device, raised

ADMIN = "lateral_movement.admin_from_device"


@pytest.mark.parametrize(
    ("port", "service", "technique"),
    [
        (22, "SSH", "T1021.004"),
        (23, "Telnet", "T1021"),
        (445, "SMB", "T1021.002"),
        (3389, "RDP", "T1021.001"),
        (5903, "VNC", "T1021.005"),
        (5985, "WinRM", "T1021.006"),
        (2375, "Docker", "T1021"),
    ],
)
def test_a_camera_that_administers_is_reported(port: int, service: str, technique: str) -> None:
    """An attempt is medium, an answered session high; the alert contains device, service, technique and ends."""
    found = raised(
        ADMIN,
        Story().flow(1, "10.0.0.5", "10.0.1.9", port, answered=True, ended=60),
        World(device("camera", "10.0.0.5", "CAM-1")),
    )
    assert [alert.severity for alert in found] == [Severity.medium, Severity.high]
    alert = found[-1]
    assert alert.target is not None
    assert (alert.actor.address, alert.target.address, alert.target_port) == (
        parse("10.0.0.5"),
        parse("10.0.1.9"),
        port,
    )
    assert alert.techniques[0].technique == technique
    assert alert.summary == f"camera CAM-1 (10.0.0.5) opened {service} to 10.0.1.9"
    assert len({alert.key for alert in found}) == 1


def test_a_type_that_is_not_certain_makes_it_less_severe() -> None:
    """A device type of low confidence lowers the severity, with the reason: it may be a computer."""
    story = Story().flow(1, "10.0.0.5", "10.0.1.9", 22, answered=True, ended=60)
    found = raised(ADMIN, story, World(device("iot", "10.0.0.5", sure=0.5)))
    assert [alert.severity for alert in found] == [Severity.low, Severity.medium]


def test_scan_to_folder_is_low() -> None:
    """A printer that stores scans on a file server is low; a camera that records to one is medium."""
    share = Story().flow(1, "10.0.0.5", "10.0.1.9", 445, answered=True)
    found = raised(ADMIN, share, World(device("printer", "10.0.0.5")))
    assert {alert.severity for alert in found} == {Severity.low}
    found = raised(ADMIN, share, World(device("camera", "10.0.0.5"), device("nas", "10.0.1.9")))
    assert {alert.severity for alert in found} == {Severity.medium}


def test_ordinary_machines_and_ordinary_services_are_quiet() -> None:
    """An administrator, an unknown host, a printer that answers, a camera's web and video, and connections to external
    hosts raise no alert.
    """
    world = World(device("workstation", "10.0.0.7"), device("printer", "10.0.0.5"), device("camera", "10.0.0.6"))
    story = Story()
    for port in (22, 445, 3389):
        story.flow(1, "10.0.0.7", "10.0.1.9", port, answered=True).flow(
            1, "10.0.0.8", "10.0.1.9", port, answered=True
        ).flow(1, "10.0.0.7", "10.0.0.5", port, answered=True)
    story.flow(2, "10.0.0.6", "10.0.1.9", 443, answered=True).flow(2, "10.0.0.6", "10.0.1.9", 554, answered=True)
    story.flow(2, "10.0.0.6", "203.0.113.5", 22, answered=True).flow(2, "10.0.0.6", "10.0.1.9", 22, proto=17)
    assert raised(ADMIN, story, world) == []


def test_a_pair_is_reported_once() -> None:
    """Repeated attempts of a device are one alert for each target and service."""
    story = Story()
    for n in range(500):
        story.flow(n * 60, "10.0.0.5", "10.0.1.9", 22, ended=30)
    assert len(raised(ADMIN, story, World(device("camera", "10.0.0.5")))) == 1
    story.flow(40_000, "10.0.0.5", "10.0.1.10", 22)
    assert len(raised(ADMIN, story, World(device("camera", "10.0.0.5")))) == 2


def test_a_device_known_only_later_is_reported_then() -> None:
    """A device type that becomes known during a session raises the alert then."""
    changes = Story().flow(1, "10.0.0.5", "10.0.1.9", 22, answered=True, ended=600).changes()
    world = World()
    unit: FlowDetector = detector(ADMIN, world)
    assert alerts_of(unit, changes[:2]) == []
    world.devices[parse("10.0.0.5")] = device("camera", "10.0.0.5")
    [alert] = alerts_of(unit, changes[2:])
    assert alert.severity == Severity.high


def test_exempt_types_stay_quiet() -> None:
    """Device types of the option raise no alert."""
    world = World(device("building", "10.0.0.5"))
    assert (
        raised(ADMIN, Story().flow(1, "10.0.0.5", "10.0.1.9", 3306, answered=True), world, exempt_types=("building",))
        == []
    )
