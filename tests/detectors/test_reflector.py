"""Internal reflectors: the misuse, similar benign traffic, repetition."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.flow import CHANGE, Change
from sensor.core.time_units import SECOND
from tests.detectors.stories import START, World, alerts_of, detector, device, one

REFLECTOR = "impact.reflector"
OWN, VICTIM = "10.0.0.53", "203.0.113.9"


def answers(
    count: int, *, client: str = VICTIM, port: int = 53, requested: int = 60, sent: int = 40000, step: float = 0.5
) -> npt.NDArray[np.void]:
    """Flows as they end, with the bytes of requests and of answers."""
    ended = np.zeros(count, CHANGE)
    ended["first"], ended["ts"] = START, START + ((1 + np.arange(count) * step) * SECOND).astype(np.int64)
    ended["client_lo"], ended["server_lo"], ended["server_port"], ended["proto"] = parse(client), parse(OWN), port, 17
    ended["client_port"] = 1024 + np.arange(count)
    ended["flow"] = np.arange(count) + 1
    ended["row"] = np.arange(count)
    ended["kind"] = Change.ENDED
    ended["client_bytes"] = requested
    ended["server_bytes"] = sent
    ended["answered"] = 1
    ended["client_packets"] = 1
    ended["server_packets"] = 30
    return ended


def test_large_answers_to_outsiders() -> None:
    """Half a megabyte to external hosts within a minute raises an alert; a fixed-function device is more severe."""
    alert = one(alerts_of(detector(REFLECTOR), answers(30)))
    assert (alert.actor.address, alert.severity, alert.actor_port) == (parse(OWN), Severity.high, 53)
    assert alert.numbers["kilobytes"] == 539
    assert one(alerts_of(detector(REFLECTOR, World(device("camera", OWN))), answers(30))).severity == Severity.critical


def test_answers_smaller_than_a_kilobyte() -> None:
    """Thousands of answers of 500 bytes to requests with other ports each (chargen, SSDP, NetBIOS) are as many
    kilobytes; hundreds are not enough.
    """
    assert one(alerts_of(detector(REFLECTOR), answers(1500, port=19, sent=500, step=0.02))).numbers["kilobytes"] == 512
    assert alerts_of(detector(REFLECTOR), answers(900, port=19, sent=500, step=0.02)) == []


def test_requests_with_one_port_of_the_victim() -> None:
    """A single flow with half a megabyte a minute raises an alert; the same amount in an hour does not."""
    whole = answers(1, port=123, requested=4000, sent=1_200_000)
    whole["last"] = whole["first"] + 90 * SECOND
    assert one(alerts_of(detector(REFLECTOR), whole)).numbers["kilobytes"] == 780
    whole["last"] = whole["first"] + 3600 * SECOND
    assert alerts_of(detector(REFLECTOR), whole) == []


def test_benign_twins_are_quiet() -> None:
    """Internal clients, answers as small as requests, few or slow answers, and other services raise no alert."""
    for story in (
        answers(90, client="10.0.0.7"),
        answers(90, requested=20000),
        answers(10),
        answers(90, step=10),
        answers(90, port=443),
    ):
        assert alerts_of(detector(REFLECTOR), story) == []


def test_repetition_has_one_key() -> None:
    """Ten minutes of reflection are a few reports with one key."""
    found = alerts_of(detector(REFLECTOR), answers(1200))
    assert 1 <= len(found) <= 30
    assert len({alert.key for alert in found}) == 1
