"""Guessed paths of camera streams: the attack, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.dissectors.rtsp import RtspRequest, RtspResponse
from tests.detectors.login_stories import CLIENT, SERVER, ends
from tests.detectors.stories import detector, inspected, one

GUESSING = "camera.stream_guessing"


def tried(at: float, path: str, status: int = 404, credentials: str = "") -> list[Event]:
    flow, uri = int(at * 100) + 1, f"rtsp://{SERVER}:554/{path}"
    return [
        RtspRequest(ends(at, 554, answer=False, flow=flow), "DESCRIBE", uri, 2, "x", credentials, ""),
        RtspResponse(ends(at + 0.01, 554, answer=True, flow=flow), status, "", 2, "", (), ""),
    ]


def test_a_list_of_paths() -> None:
    """Ten paths that do not exist are guessed, whatever the camera calls the error."""
    for status in (404, 400, 454):
        alert = one(inspected(detector(GUESSING), [each for n in range(12) for each in tried(n, f"live{n}", status)]))
        assert (alert.actor.address, alert.target and alert.target.address) == (parse(CLIENT), parse(SERVER))
        assert (alert.severity, alert.numbers["paths"], alert.techniques[0].technique) == (
            Severity.medium,
            10,
            "T1595.003",
        )


def word(n: int) -> str:
    """Another name without digits for each number."""
    return "".join(chr(97 + int(digit)) for digit in f"{n:03}")


def test_a_list_of_paths_that_need_a_password() -> None:
    """Twenty paths, each refused without a password, are guesses; those of a client with a password, which requests
    each without it first, are none.
    """
    story = [each for n in range(40) for each in tried(n, word(n), 401)]
    assert one(inspected(detector(GUESSING), story)).numbers == {"paths": 20, "threshold": 20, "window_s": 60}
    entitled = [
        each
        for n in range(40)
        for each in (*tried(n, word(n), 401), *tried(n + 0.1, word(n), 200, credentials="digest"))
    ]
    assert inspected(detector(GUESSING), entitled) == []


def test_benign_twins_are_quiet() -> None:
    """A recorder that opens each of many channels, one that requests a password, a player that tries a missing path
    again and again, and slow guesses raise no alert.
    """
    for status in (200, 401, 404):
        story = [each for n in range(64) for each in tried(n / 10, "a" if status == 404 else f"ch{n}", status)]
        assert inspected(detector(GUESSING), story) == []
    assert inspected(detector(GUESSING), [each for n in range(40) for each in tried(n * 60, f"live{n}")]) == []


def test_repetition_has_one_key() -> None:
    """A list of a thousand paths is one finding, and low of a manager."""
    story = [each for n in range(1000) for each in tried(n / 5, f"live{n}")]
    assert one(inspected(detector(GUESSING), story))
    assert one(inspected(detector(GUESSING, managers=(CLIENT,)), story)).severity == Severity.low
