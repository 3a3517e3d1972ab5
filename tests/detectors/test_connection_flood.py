"""One client that exhausts a service with answered connections: the attack, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Alert, Severity
from tests.detectors.stories import Story, World, device, one, raised

FLOOD = "impact.connection_flood"
CLIENT, SERVER = "10.0.0.66", "10.0.0.80"


def connections(count: int, *, per_second: float, lasts: float | None, clients: int = 1, port: int = 80) -> Story:
    """Answered connections to a service, from one client or in turn from several."""
    story = Story()
    for n in range(count):
        client = CLIENT if clients == 1 else f"10.0.1.{n % clients + 1}"
        story.flow(n / per_second, client, SERVER, port, answered=True, ended=lasts, sport=1024 + n)
    return story


def grades(alerts: list[Alert]) -> list[Severity]:
    return [alert.severity for alert in alerts]


def test_http_flood() -> None:
    """Continuous requests, each in its own connection, raise an alert."""
    [alert] = raised(FLOOD, connections(1500, per_second=250, lasts=0.1))
    assert (alert.actor.address, alert.target_port, alert.techniques[0].technique) == (parse(CLIENT), 80, "T1499.002")
    assert grades([alert]) == [Severity.low]


def test_slowloris() -> None:
    """Many connections that are opened and do not end raise an alert."""
    [alert] = raised(FLOOD, connections(300, per_second=50, lasts=None))
    assert (alert.target_port, alert.numbers["threshold"], alert.techniques[0].technique) == (80, 150, "T1499.002")


def test_a_camera_has_no_reason_to() -> None:
    """A flood by a fixed-function device is more severe."""
    story = connections(300, per_second=50, lasts=None)
    assert grades(raised(FLOOD, story, World(device("camera", CLIENT)))) == [Severity.medium]


@pytest.mark.parametrize(
    "story",
    [
        connections(400, per_second=4, lasts=5),
        connections(140, per_second=5, lasts=None),
        connections(1500, per_second=250, lasts=0.1, clients=20),
        connections(300, per_second=3, lasts=40),
    ],
    ids=["a busy client", "a browser with many tabs", "many clients", "connections that end"],
)
def test_benign_twins_are_quiet(story: Story) -> None:
    """Busy clients raise no alert."""
    assert raised(FLOOD, story) == []


def test_a_load_test_is_exempt() -> None:
    """A load test from an exempt source raises no alert."""
    assert raised(FLOOD, connections(1500, per_second=250, lasts=0.1), exempt=(f"{CLIENT}/32",)) == []


def test_repetition_is_one_finding() -> None:
    """A flood of a minute is one alert."""
    assert one(raised(FLOOD, connections(6000, per_second=250, lasts=0.1)))
