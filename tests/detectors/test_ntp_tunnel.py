"""NTP tunnels: the attack, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Alert
from tests.detectors.stories import UDP, Story, alerts_of, detector, one

CLIENT, FAR, SERVER = "10.0.0.66", "203.0.113.9", "10.0.0.5"


def queries(count: int, lasts: float, *, client: str = CLIENT, server: str = FAR, port: int = 123) -> Story:
    return Story().flow(0, client, server, port, proto=UDP, answered=True, ended=lasts, packets=(count, count))


def reported(story: Story) -> list[Alert]:
    changes = story.changes()
    changes["last"] = changes["ts"]
    return alerts_of(detector("command_and_control.ntp_tunnel"), changes)


def test_a_message_every_second() -> None:
    """Actor is the client, target the external server."""
    alert = one(reported(queries(400, 400)))
    assert (alert.actor.address, alert.target and alert.target.address) == (parse(CLIENT), parse(FAR))
    assert (alert.numbers["packets"], alert.numbers["window_s"], alert.techniques[0].technique) == (400, 400, "T1572")


@pytest.mark.parametrize(
    "story",
    [
        queries(5400, 86400),
        queries(8, 2),
        queries(99, 20),
        queries(4000, 60, server=SERVER),
        queries(4000, 60, client=FAR, server=CLIENT),
        queries(4000, 60, port=53),
    ],
)
def test_benign_twins_are_quiet(story: Story) -> None:
    """A day of queries every 16 seconds, a burst, few queries, an internal server, external clients, and other
    protocols raise no alert.
    """
    assert reported(story) == []


def test_repetition_is_reported_once_an_hour() -> None:
    story = Story()
    for n in range(20):
        story.flow(n * 200, CLIENT, FAR, 123, proto=UDP, answered=True, ended=150, packets=(200, 200), sport=40000 + n)
    assert len(reported(story)) == 2
