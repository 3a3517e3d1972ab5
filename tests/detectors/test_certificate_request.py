"""Certificates requested by tools: the attack, similar benign requests, repetition."""

from __future__ import annotations

from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.dissectors.http import HttpRequest
from tests.detectors.call_stories import CLIENT, call, packet
from tests.detectors.stories import detector, inspected, one

CERTIFICATE = "credential_access.certificate_request"
BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0"


def submitted(agent: str = "", headers: tuple[str, ...] = ("host",), path: str = "/certsrv/certfnsh.asp") -> Event:
    return HttpRequest(packet(), "POST", "ca.corp.example", path, agent, "", "", "", "", -1, False, headers)


def test_a_request_over_the_old_interface() -> None:
    """A certificate requested over RPC raises an alert; a host that enrolls like this on purpose is low."""
    alert = one(inspected(detector(CERTIFICATE), [call("ICertPassage", 0)]))
    assert (alert.severity, alert.techniques[0].technique) == (Severity.medium, "T1649")
    assert one(inspected(detector(CERTIFICATE, managers=(CLIENT,)), [call("ICertPassage", 0)])).severity == Severity.low


def test_a_relay_to_the_web_enrollment() -> None:
    """A request to the web enrollment that no browser sent raises an alert of high severity."""
    alert = one(inspected(detector(CERTIFICATE), [submitted(), submitted(BROWSER)]))
    assert (alert.severity, [each.technique for each in alert.techniques]) == (Severity.high, ["T1649", "T1557.001"])


def test_benign_requests_are_quiet() -> None:
    """Windows enrolls over DCOM, users with a browser; other pages raise no alert."""
    quiet = [
        call("ICertRequestD", 3), submitted(BROWSER, ("host", "accept-language", "referer")),
        submitted(path="/certsrv/certcarc.asp"),
    ]  # fmt: skip
    assert inspected(detector(CERTIFICATE), quiet) == []


def test_repetition_is_one_finding() -> None:
    assert one(inspected(detector(CERTIFICATE), [call("ICertPassage", 0, at=n) for n in range(20)]))
