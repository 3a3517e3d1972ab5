"""Cameras that stream without a password: the attack, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Alert, Severity
from sensor.core.batch import Problem
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.rtsp import RtspRequest, RtspResponse
from tests.detectors.stories import START, Story, World, detector, device, inspected, one

STREAM = "camera.unauthenticated_stream"
CAMERA, NEIGHBOUR, OTHER, FAR = "10.0.3.5", "10.0.3.9", "10.0.7.66", "203.0.113.9"


def watched(
    client: str = OTHER,
    method: str = "DESCRIBE",
    *,
    status: int = 200,
    credentials: str = "",
    uri: str = "rtsp://10.0.3.5/live",
    at: float = 0,
    flow: int = 1,
    camera: str = CAMERA,
) -> list[Event]:
    ts = START + int(at * SECOND)
    there = Packet(ts=ts, src=parse(client), dst=parse(camera), sport=50000, dport=554, proto=6, flow=flow)
    back = Packet(ts=ts + 1, src=parse(camera), dst=parse(client), sport=554, dport=50000, proto=6, flow=flow)
    number = int(at)
    return [
        RtspRequest(there, method, uri, number, "VLC", credentials, ""),
        RtspResponse(back, status, "", number, "", (), ""),
    ]


def reported(events: list[Event], *devices: object, **options: object) -> list[Alert]:
    return inspected(detector(STREAM, World(*devices), **options), events)  # type: ignore[arg-type]


@pytest.mark.parametrize(("client", "severity"), [(OTHER, Severity.medium), (FAR, Severity.high)])
@pytest.mark.parametrize("method", ["DESCRIBE", "PLAY"])
def test_pictures_for_unknown_hosts(client: str, severity: Severity, method: str) -> None:
    """Streams to another segment, and to an external host, raise an alert with the client as actor."""
    alert = one(reported(watched(client, method), device("camera", CAMERA)))
    assert (alert.actor.address, alert.target and alert.target.address, alert.target_port) == (
        parse(client),
        parse(CAMERA),
        554,
    )
    assert alert.summary.endswith(f"watches camera ({CAMERA}) without a password")
    assert (alert.severity, alert.techniques[0].technique) == (severity, "T1125")


def test_recorders_and_servers_of_films_are_reported_low() -> None:
    """A recorder that reads, and a server that is not known as a camera, are low."""
    assert one(reported(watched(), device("nvr", OTHER), device("camera", CAMERA))).severity == Severity.low
    assert one(reported(watched())).severity == Severity.low
    assert one(reported(watched(), device("camera", CAMERA), managers=("10.0.7.0/24",))).severity == Severity.low


@pytest.mark.parametrize(
    "events",
    [
        watched(NEIGHBOUR),
        watched(status=401),
        watched(credentials="digest"),
        watched(credentials="digest") + watched(method="PLAY", at=1),
        watched(uri="rtsp://10.0.3.5/live?user=a&password=***"),
        watched(method="OPTIONS"),
        watched()[1:],
        [watched()[0], watched(at=5)[1]],
    ],
)
def test_ordinary_watching_is_quiet(events: list[Event]) -> None:
    """The same segment, a rejection, a password before or in the URL, an OPTIONS request, a one-way capture, and a
    response to another request raise no alert.
    """
    assert reported(events, device("camera", CAMERA)) == []


def requested(*methods: str, client: str = FAR, credentials: str = "", problem: int = Problem.ONE_SIDED) -> list[Event]:
    """The requests of one connection in a capture of the client's packets only."""
    there = Packet(
        ts=START, src=parse(client), dst=parse(CAMERA), sport=50000, dport=554, proto=6, flow=1, problem=problem
    )
    return [
        RtspRequest(there, method, "rtsp://10.0.3.5/live", number, "VLC", credentials, "")
        for number, method in enumerate(methods)
    ]


def test_the_side_of_the_client() -> None:
    """A client that continues with PLAY has a session, without credentials: one step less severe. Without SETUP before,
    with credentials, or if the camera's answers are captured, the requests alone raise no alert.
    """
    alert = one(reported(requested("DESCRIBE", "SETUP", "PLAY", "PLAY"), device("camera", CAMERA)))
    assert (alert.actor.address, alert.severity, alert.confidence) == (parse(FAR), Severity.medium, 0.6)
    assert alert.target_port == 554
    for events in (
        requested("DESCRIBE", "PLAY"),
        requested("DESCRIBE", "SETUP"),
        requested("DESCRIBE", "SETUP", "PLAY", credentials="digest"),
        requested("DESCRIBE", "SETUP", "PLAY", client=NEIGHBOUR),
        requested("DESCRIBE", "SETUP", "PLAY", problem=0),
    ):
        assert reported(events, device("camera", CAMERA)) == []


def test_players_are_no_cameras() -> None:
    """A television that receives a screen, and films of an external server, raise no alert."""
    assert reported(watched(method="PLAY"), device("tv", CAMERA)) == []
    there = Packet(src=parse(OTHER), dst=parse(FAR), sport=50000, dport=554, proto=6, flow=3)
    back = Packet(src=parse(FAR), dst=parse(OTHER), sport=554, dport=50000, proto=6, flow=3)
    assert (
        reported(
            [
                RtspRequest(there, "PLAY", "rtsp://films.example/1", 1, "", "", ""),
                RtspResponse(back, 200, "", 1, "", (), ""),
            ]
        )
        == []
    )


def test_public_addresses_without_configured_networks() -> None:
    """If neither end is internal, the client is not called external, and only a known camera is reported."""
    camera = "198.51.100.5"
    alert = one(reported(watched(FAR, camera=camera), device("camera", camera)))
    assert (alert.severity, alert.network["direction"]) == (Severity.medium, "external")
    assert "203.0.113.0/24" in " ".join(alert.why)
    assert reported(watched(FAR, camera=camera)) == []
    assert reported(watched(FAR, camera=camera), device("tv", camera)) == []


def test_repetition_is_one_finding_a_day() -> None:
    found = reported([event for n in range(100) for event in watched(at=n * 60, flow=n)])
    assert len(found) == 1


def test_a_recorder_of_many_cameras_is_one_finding() -> None:
    """A known client is a weakness only; a new one is more severe, and an external one counts per camera."""
    cameras = [f"10.0.3.{n}" for n in range(10, 20)]
    known = [device("camera", each) for each in cameras]
    story = Story()
    for each in cameras:
        story.converse(0, OTHER, each, 554)
    world = World(device("unknown", OTHER), *known).learned(story)
    watching = [event for n, each in enumerate(cameras) for event in watched(camera=each, at=200_000 + n, flow=n)]
    assert {alert.severity for alert in inspected(detector(STREAM, world), watching)} == {Severity.low}
    assert one(reported(watching, *known)).severity == Severity.medium
    far = [event for n, each in enumerate(cameras) for event in watched(FAR, camera=each, at=n, flow=n)]
    assert len({alert.key for alert in reported(far, *known)}) == len(cameras)
