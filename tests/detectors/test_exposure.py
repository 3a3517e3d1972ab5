"""Services reachable from the internet, and devices that reach it: the alert, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from tests.detectors.stories import TCP, UDP, Story, World, device, one, raised

INBOUND, OUTBOUND = "exposure.inbound_from_internet", "exposure.internet_access"
FAR, NEAR = "203.0.113.9", "10.0.0.41"


def flow(
    client: str, server: str, port: int, *, at: float = 0, proto: int = TCP, answered: bool = True, sport: int = 40000
) -> Story:
    return Story().flow(at, client, server, port, proto=proto, answered=answered, sport=sport, ended=1)


def test_services_that_answer_the_internet() -> None:
    """A service is low, an administration service medium, and on a fixed-function device high."""
    alert = one(raised(INBOUND, flow(FAR, NEAR, 8443)))
    assert (alert.actor.address, alert.target and alert.target.address, alert.severity) == (
        parse(FAR),
        parse(NEAR),
        Severity.low,
    )
    assert alert.techniques[0].technique == "T1133"
    assert one(raised(INBOUND, flow(FAR, NEAR, 443, sport=1025))).severity == Severity.low
    for port in (3389, 2375, 3260, 11211, 2404, 11112):
        assert one(raised(INBOUND, flow(FAR, NEAR, port))).severity == Severity.medium
    assert one(raised(INBOUND, flow(FAR, NEAR, 23), World(device("camera", NEAR)))).severity == Severity.high
    assert one(raised(INBOUND, flow(FAR, NEAR, 161, proto=UDP))).severity == Severity.low


@pytest.mark.parametrize(
    "story",
    [
        flow(FAR, NEAR, 3389, answered=False),
        flow(NEAR, FAR, 3389),
        flow("10.0.0.1", NEAR, 22),
        flow(FAR, NEAR, 51413),
        flow(FAR, NEAR, 11212),
        flow(FAR, NEAR, 9000, sport=443),
        flow(FAR, NEAR, 2759, sport=5228),
        flow(FAR, NEAR, 50000, proto=UDP),
    ],
)
def test_benign_inbound_is_quiet(story: Story) -> None:
    """Failed and outbound connections, internal ones, file sharing, mid-stream flows, and calls raise no alert."""
    assert raised(INBOUND, story) == []


def unseen(port: int, packets: int, *, server: str = NEAR, proto: int = TCP, size: int = 100) -> Story:
    """A flow of which the capture contains the client's packets only."""
    return Story().flow(0, FAR, server, port, proto=proto, sport=40000, ended=60, packets=(packets, 0), size=size)


def test_the_side_of_the_client() -> None:
    """A long connection was answered, although the capture does not contain the server: one step less severe. Repeated
    SYNs, as many as a flood has, datagrams and external servers raise no alert.
    """
    alert = one(raised(INBOUND, unseen(23, 30), World(device("camera", NEAR))))
    assert (alert.actor.address, alert.severity, alert.confidence) == (parse(FAR), Severity.medium, 0.6)
    assert one(raised(INBOUND, unseen(3389, 30))).severity == Severity.low
    for story in (
        unseen(23, 7),
        unseen(23, 500, size=54),
        unseen(161, 30, proto=UDP),
        unseen(23, 30, server="203.0.113.7"),
    ):
        assert raised(INBOUND, story) == []


def test_allowed_ports_are_quiet() -> None:
    assert raised(INBOUND, flow(FAR, NEAR, 443), allowed_ports=(443,)) == []


def test_devices_that_must_stay_inside() -> None:
    """Isolated devices are selected by type or network; the alert contains the name of the address."""
    world = World(device("industrial", NEAR))
    world.names = {parse(FAR): ("update.example.net",)}
    alert = one(raised(OUTBOUND, flow(NEAR, FAR, 443), world))
    assert (alert.severity, alert.techniques[0].technique) == (Severity.medium, "T1071")
    assert "update.example.net" in alert.summary
    assert one(raised(OUTBOUND, flow(NEAR, FAR, 443), World(device("ups", NEAR)))).severity == Severity.low
    assert one(raised(OUTBOUND, flow(NEAR, FAR, 443), networks=("10.0.0.0/24",))).severity == Severity.medium


def test_locks_that_call_their_maker_are_a_hint() -> None:
    """A door lock that connects to a named cloud service is low, to a bare address medium."""
    world = World(device("door_access", NEAR))
    assert one(raised(OUTBOUND, flow(NEAR, FAR, 443), world)).severity == Severity.medium
    world.names = {parse(FAR): ("api.locks.example",)}
    assert one(raised(OUTBOUND, flow(NEAR, FAR, 443), world)).severity == Severity.low


def test_benign_outbound_is_quiet() -> None:
    """Other device types, unknown hosts, NTP, DNS, and allowed destinations raise no alert."""
    assert raised(OUTBOUND, flow(NEAR, FAR, 443), World(device("tv", NEAR))) == []
    assert raised(OUTBOUND, flow(NEAR, FAR, 443)) == []
    assert raised(OUTBOUND, flow(NEAR, FAR, 123, proto=UDP), World(device("ups", NEAR))) == []
    assert raised(OUTBOUND, flow(NEAR, FAR, 443), World(device("ups", NEAR)), allowed=("203.0.113.0/24",)) == []


def test_repetition_is_one_finding() -> None:
    story = Story()
    for n in range(50):
        story.flow(n * 300, FAR, NEAR, 3389, answered=True, ended=1)
        story.flow(n * 300, NEAR, FAR, 443, answered=True, ended=1)
    assert len(raised(INBOUND, story)) == 1
    assert len(raised(OUTBOUND, story, World(device("medical", NEAR)))) == 1
