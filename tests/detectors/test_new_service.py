"""New services of a device: the backdoor, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from tests.detectors.stories import Story, World, device, raised

SERVICE = "device.new_service"
HOUR, DAYS = 3600, 4 * 86_400
CAMERA, OTHERS, PC = "10.0.3.5", ("10.0.3.6", "10.0.3.7"), "10.0.0.9"


def watched(extra: Story | None = None) -> World:
    """Four days of cameras and a PC: a recorder reads video, the PC shares files."""
    world = World(
        *(device("camera", address) for address in (CAMERA, *OTHERS)),
        device("nvr", "10.0.3.2"),
        device("workstation", PC),
    )
    story = extra or Story()
    for hour in range(80):
        for n, address in enumerate((CAMERA, *OTHERS, PC)):
            story.converse(hour * HOUR + n, "10.0.3.2", address, 8000)
    return world.learned(story)


def test_a_port_that_a_camera_never_served_is_reported() -> None:
    """A new port after three days raises an alert with the device as actor and the client as target."""
    [alert] = raised(SERVICE, Story().converse(DAYS, "10.0.0.8", CAMERA, 4444), watched())
    assert alert.target is not None
    assert (alert.actor_port, alert.target.address, alert.severity) == (4444, parse("10.0.0.8"), Severity.medium)


def test_ports_of_computers_are_slight() -> None:
    """High ports of computers are informational, well-known ports low."""
    [alert] = raised(SERVICE, Story().converse(DAYS, "10.0.0.8", PC, 6881), watched())
    assert alert.severity == Severity.info
    [alert] = raised(SERVICE, Story().converse(DAYS, "10.0.0.8", PC, 22), watched())
    assert alert.severity == Severity.low


def test_what_its_type_serves_is_slight() -> None:
    """Ports of the default baseline of the type, or of two similar devices, are informational."""
    [alert] = raised(SERVICE, Story().converse(DAYS, "10.0.0.8", CAMERA, 554), watched())
    assert alert.severity == Severity.info
    others = Story().converse(HOUR, "10.0.3.2", OTHERS[0], 4444).converse(HOUR, "10.0.3.2", OTHERS[1], 4444)
    [alert] = raised(SERVICE, Story().converse(DAYS, "10.0.0.8", CAMERA, 4444), watched(others))
    assert (alert.severity, alert.why[1][:2]) == (Severity.info, "2 ")


def test_what_was_served_before_and_connection_attempts_are_quiet() -> None:
    """Known services, a scan of open ports, devices without enough baseline, external servers, and exempt devices raise
    no alert.
    """
    story = (
        Story()
        .converse(DAYS, "10.0.0.8", CAMERA, 8000)
        .flow(DAYS + 60, "10.0.0.8", CAMERA, 4444, answered=True, ended=1, packets=(3, 1))
    )
    story.converse(DAYS + 90, CAMERA, "203.0.113.5", 4444)
    assert raised(SERVICE, story, watched()) == []
    assert raised(SERVICE, Story().converse(DAYS, "10.0.0.8", CAMERA, 4444), World(device("camera", CAMERA))) == []
    assert raised(SERVICE, Story().converse(DAYS, "10.0.0.8", CAMERA, 4444), watched(), exempt=("10.0.3.0/24",)) == []


def test_a_port_is_reported_once_and_restless_devices_fall_silent() -> None:
    """Fifty clients of a port are one alert; a program that opens a port every minute causes four."""
    story = Story()
    for n in range(50):
        story.converse(DAYS + n, f"10.0.0.{n + 20}", CAMERA, 4444)
    assert len(raised(SERVICE, story, watched())) == 1
    ports = Story()
    for n in range(30):
        ports.converse(DAYS + 60 * n, "10.0.0.8", PC, 20000 + n)
    assert len(raised(SERVICE, ports, watched())) == 4
