"""Default credentials."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.dissectors.http import HttpLogin
from sensor.dissectors.mqtt import MqttConnack, MqttConnect
from sensor.dissectors.rtsp import RtspRequest, RtspResponse
from sensor.dissectors.shared.seal import seal
from sensor.dissectors.telnet import TelnetLogin
from tests.detectors.login_stories import CLIENT, SERVER, ends, ftp, web
from tests.detectors.stories import detector, inspected, one

DEFAULT = "credential_access.default_credentials"


def telnet(at: float, user: str, password: bytes, result: str = "accepted", **where: str) -> Event:
    return TelnetLogin(ends(at, 23, answer=True, **where), user, True, result, seal(user, password))


def test_a_known_login_that_succeeds_is_reported() -> None:
    """A successful login is reported with products and user, without the password or its hash."""
    [alert] = inspected(detector(DEFAULT), [telnet(0, "root", b"xc3511")])
    assert (alert.actor.address, alert.target.address if alert.target else 0) == (parse(CLIENT), parse(SERVER))
    assert (alert.severity, alert.techniques[0].technique, alert.target_port) == (Severity.medium, "T1078.001", 23)
    assert "as root" in alert.summary
    assert "cameras of Xiongmai" in alert.why[0]
    assert "xc3511" not in repr(alert)
    assert seal("root", b"xc3511") not in alert.key


def test_from_outside_it_is_high_and_refused_low() -> None:
    """A success from an external host is high, a rejected login low; the outcome of forms is unknown."""
    [alert] = inspected(detector(DEFAULT), [telnet(0, "root", b"vizxv", client="198.51.100.7")])
    assert alert.severity == Severity.high
    [alert] = inspected(detector(DEFAULT), [telnet(0, "root", b"vizxv", "refused", client="198.51.100.7")])
    assert alert.severity == Severity.low
    form = HttpLogin(ends(0, 80, answer=False), SERVER, "/login.cgi", ("user", "password"), seal("admin", b"admin"))
    [alert] = inspected(detector(DEFAULT), [form])
    assert alert.severity == Severity.low


@pytest.mark.parametrize("service", ["ftp", "web", "address", "camera", "broker"])
def test_all_clear_protocols(service: str) -> None:
    """FTP, HTTP, RTSP and MQTT logins are checked."""
    mark = seal("admin", b"admin")
    stories = {
        "ftp": [ftp(0, accepted=True, password=b"admin")],
        "web": web(0, status=200, password=b"admin"),
        "address": web(0, status=200, password=b"admin", scheme="query"),
        "camera": [
            RtspRequest(ends(0, 554, answer=False, flow=7), "DESCRIBE", "rtsp://cam/", 2, "", "basic", "admin", mark),
            RtspResponse(ends(0, 554, answer=True, flow=7), 200, "OK", 2, "", (), ""),
        ],
        "broker": [
            MqttConnect(ends(0, 1883, answer=False, flow=8), 4, "one", True, True, 60, "", mark),
            MqttConnack(ends(0, 1883, answer=True, flow=8), 0),
        ],
    }
    assert one(inspected(detector(DEFAULT), stories[service])).severity == Severity.medium


def test_benign_twins_are_quiet() -> None:
    """Other passwords of common users, guests, a hidden password, a request without an answer, and missing pages raise
    no alert.
    """
    story = [
        telnet(0, "root", b"correct horse"),
        telnet(1, "admin", b"vizxv"),
        ftp(2, "anonymous", accepted=True, password=b"admin"),
    ]
    story += [*web(3, status=200, scheme="digest"), web(4, password=b"admin")[0]]
    story += [
        *web(5, status=404, scheme="query", password=b"admin"),
        *web(6, status=302, scheme="query", password=b"admin"),
    ]
    assert inspected(detector(DEFAULT), story) == []


def test_repetition_is_reported_once_a_day() -> None:
    """A monitoring program that logs in every minute, and rejected logins of a botnet, are reported once a day."""
    story = [each for n in range(3000) for each in web(n * 60, status=200, password=b"admin")]
    assert len(inspected(detector(DEFAULT), story)) == 3
    spray = [
        telnet(n, user, user.encode(), "refused", server=f"10.0.1.{n}")
        for n in range(1, 200)
        for user in ("root", "admin", "support")
    ]
    assert len(inspected(detector(DEFAULT), spray)) == 1
