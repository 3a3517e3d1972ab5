"""Proxies inside the network: pivots, reverse proxies, and the organization's own."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.dissectors.http import HttpRequest
from sensor.dissectors.socks import SocksRequest
from tests.detectors.call_stories import CLIENT, SERVER, packet
from tests.detectors.stories import detector, inspected, one

PROXY, OUTSIDE, INNER = "command_and_control.internal_proxy", "203.0.113.9", "10.0.0.7"


def socks(wanted: str, *, at: float = 0, src: str = CLIENT, dst: str = SERVER, from_client: bool = True) -> Event:
    named = not wanted[0].isdigit()
    address, name = (0, wanted) if named else (parse(wanted), "")
    return SocksRequest(packet(at, src=src, dst=dst), 5, "connect", address, name, 445, from_client)


def connect(wanted: str) -> Event:
    return HttpRequest(packet(), "CONNECT", wanted, wanted, "curl/8", "", "", "", "", -1, False)


@pytest.mark.parametrize(
    ("event", "severity", "technique"),
    [
        (socks(INNER), Severity.medium, "T1090.001"),
        (connect(f"{INNER}:445"), Severity.medium, "T1090.001"),
        (connect("[fd00::7]:22"), Severity.medium, "T1090.001"),
        (socks(INNER, src=OUTSIDE), Severity.high, "T1090.002"),
        (socks(INNER, src=OUTSIDE, dst=CLIENT, from_client=False), Severity.high, "T1090.002"),
        (socks(OUTSIDE), Severity.low, "T1090.001"),
        (socks("www.example"), Severity.low, "T1090.001"),
        (socks("www.example", dst=OUTSIDE), Severity.low, "T1090.002"),
    ],
)
def test_proxies(event: Event, severity: Severity, technique: str) -> None:
    """A pivot to an internal host is medium, a proxy for or from the internet high; SOCKS for browsing is low."""
    alert = one(inspected(detector(PROXY), [event]))
    assert (alert.severity, alert.techniques[0].technique) == (severity, technique)
    assert alert.actor.address == event.packet.src


def test_ordinary_proxies_are_quiet() -> None:
    """HTTPS through a proxy, other methods, names, and listed SOCKS proxies raise no alert."""
    wanted = (f"{INNER}:443", f"{OUTSIDE}:22", "git.example:22", f"{INNER}:", f"{INNER}:99999999", "", "x")
    assert inspected(detector(PROXY), [*map(connect, wanted)]) == []
    assert inspected(detector(PROXY, proxies=(SERVER,)), [socks(INNER), socks("www.example")]) == []
    plain = HttpRequest(packet(), "GET", SERVER, f"{INNER}:445", "", "", "", "", "", -1, False)
    assert inspected(detector(PROXY), [plain]) == []


def test_repetition_is_reported_once_an_hour() -> None:
    """A scan through a proxy is one alert."""
    story = [socks(f"10.0.0.{n}", at=n) for n in range(7, 200)]
    assert len(inspected(detector(PROXY), story)) == 1
