"""Remote control with screen transfer: the attack, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from tests.detectors.stories import Story, World, device, one, raised

CONTROL = "command_and_control.remote_control"


def uploads(
    count: int = 6,
    server: str = "203.0.113.9",
    port: int = 4433,
    sizes: tuple[int, ...] = (930, 900, 910),
    back: int = 30,
    every: float = 10,
    ended: float = 1,
) -> Story:
    story = Story()
    for n in range(count):
        packets = (sizes[n % len(sizes)], back)
        story.flow(n * every, "10.0.0.66", server, port, answered=True, ended=ended, packets=packets)
    return story


def test_pictures_of_a_screen() -> None:
    """The fourth such flow raises an alert; an internal peer is low."""
    alert = one(raised(CONTROL, uploads()))
    assert (alert.actor.address, alert.target and alert.target.address) == (parse("10.0.0.66"), parse("203.0.113.9"))
    assert (alert.numbers["uploads"], alert.severity, alert.techniques[0].technique) == (4, Severity.medium, "T1219")
    assert one(raised(CONTROL, uploads(server="10.0.0.5"))).severity == Severity.low


@pytest.mark.parametrize(
    "story",
    [
        uploads(port=443),
        uploads(sizes=(930, 300, 4000)),
        uploads(back=400),
        uploads(sizes=(20,)),
        uploads(every=400),
        uploads(count=3),
        uploads(count=20, every=0.01, ended=5),
    ],
)
def test_benign_twins_are_quiet(story: Story) -> None:
    """Usual ports, varying sizes, downloads, small flows, few flows, and parallel ones of a speed test raise no
    alert.
    """
    assert raised(CONTROL, story) == []


def test_a_camera_and_its_recorder_are_quiet() -> None:
    assert raised(CONTROL, uploads(server="10.0.0.5"), World(device("camera", "10.0.0.66"))) == []
    assert one(raised(CONTROL, uploads(), World(device("camera", "10.0.0.66")))).severity == Severity.high


def test_repetition_is_one_finding() -> None:
    assert one(raised(CONTROL, uploads(50)))
