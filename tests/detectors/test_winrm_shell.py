"""WinRM sessions: the attack, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.http import HttpRequest
from tests.detectors.stories import START, detector, inspected, one

WINRM = "lateral_movement.winrm_shell"
WINDOWS = "Microsoft WinRM Client"


def request(path: str, agent: str = WINDOWS, *, at: float = 0, method: str = "POST") -> Event:
    packet = Packet(
        ts=START + int(at * SECOND), src=parse("10.0.0.5"), dst=parse("10.0.0.6"), sport=50000, dport=5985, proto=6
    )
    return HttpRequest(packet, method, "10.0.0.6:5985", path, agent, "", "", "", "", -1, False, ("host",), "")


@pytest.mark.parametrize("path", ["/wsman", "/wsman?PSVersion=5.1.19041.1", "/wsman/", "/WSMan"])
def test_a_session_is_reported(path: str) -> None:
    """A session of any client raises an alert; libraries are more severe than Windows itself."""
    [alert] = inspected(detector(WINRM), [request(path)])
    assert (alert.techniques[0].technique, alert.severity, alert.actor.address) == (
        "T1021.006",
        Severity.medium,
        parse("10.0.0.5"),
    )
    assert (
        inspected(detector(WINRM), [request(path, "Ruby WinRM Client (2.8.3, ruby 2.7.4)")])[0].severity
        == Severity.high
    )
    assert inspected(detector(WINRM, managers=("10.0.0.5",)), [request(path)])[0].severity == Severity.low


@pytest.mark.parametrize(
    "path",
    [
        "/wsmania",
        "/wsman.html",
        "/wsman/SubscriptionManager/WEC",
        "/wsman/subscriptions/1A/1",
        "/wsman-anon/identify",
        "/",
    ],
)
def test_benign_twins_are_quiet(path: str) -> None:
    """Event forwarding, an Identify request, and other pages raise no alert."""
    assert inspected(detector(WINRM), [request(path)]) == []
    assert inspected(detector(WINRM), [request("/wsman", method="GET")]) == []


def test_repetition_is_one_finding() -> None:
    """A session of many requests is one alert."""
    assert one(inspected(detector(WINRM), [request("/wsman", at=n) for n in range(100)]))
