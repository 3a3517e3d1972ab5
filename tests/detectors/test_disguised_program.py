"""Programs declared as web pages: the attack, similar benign traffic, repetition; from the packets to the alert."""

from __future__ import annotations

import gzip

from sensor.core.addresses import parse
from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.http import Http
from tests.detectors.stories import START, World, detector, device, inspected, one

DISGUISED = "command_and_control.disguised_program"
NEAR, FAR, SERVER = "10.0.0.66", "203.0.113.9", "10.0.0.5"
WINDOWS = b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"PE\0\0" + bytes(400)
LINUX = b"\x7fELF\2\1\1" + bytes(400)
PAGE = b"<html><title>Tools</title>MZ and PE</html>"


def answer(
    body: bytes, kind: bytes = b"text/html", *, encoding: bytes = b"", server: str = FAR, at: float = 0
) -> list[Event]:
    """An HTTP response in segments of 100 bytes."""
    packet = Packet(ts=START + int(at * SECOND), src=parse(server), dst=parse(NEAR), sport=80, dport=50000, proto=6)
    stream = Http().stream(packet)
    fields = b"Content-Type: " + kind + (b"\r\nContent-Encoding: " + encoding if encoding else b"")
    message = b"HTTP/1.1 200 OK\r\n" + fields + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    messages = [
        one for start in range(0, len(message), 100) for one in stream.feed(packet, message[start : start + 100], False)
    ]
    return [one for one in messages if isinstance(one, Event)]


def reported(events: list[Event], world: World | None = None) -> list[Alert]:
    unit = detector(DISGUISED, world)
    return inspected(unit, [event for event in events if type(event) in unit.watches])


def test_programs_declared_as_pages() -> None:
    """Both executable formats, also compressed, raise an alert with the client as actor; a camera is more severe, an
    internal server less.
    """
    for body, encoding in ((WINDOWS, b""), (LINUX, b""), (gzip.compress(WINDOWS), b"gzip")):
        alert = one(reported(answer(body, encoding=encoding)))
        assert (alert.actor.address, alert.target and alert.target.address) == (parse(NEAR), parse(FAR))
        assert (alert.severity, [each.technique for each in alert.techniques]) == (
            Severity.medium,
            ["T1105", "T1036.008", "T1071.001"],
        )
    assert one(reported(answer(LINUX), World(device("camera", NEAR)))).severity == Severity.high
    assert one(reported(answer(WINDOWS, server=SERVER))).severity == Severity.low


def test_benign_twins_are_quiet() -> None:
    """Web pages (also about programs), programs with a correct type, and bodies that only begin similarly raise no
    alert.
    """
    assert (
        reported(
            [*answer(PAGE), *answer(b"MZ is a name.<title>x</title>"), *answer(b"\x7fELF text"), *answer(WINDOWS[:60])]
        )
        == []
    )
    assert reported([*answer(WINDOWS, b"application/octet-stream"), *answer(LINUX, b"application/x-executable")]) == []


def test_repetition_is_reported_once_an_hour() -> None:
    """Many parts of one program from one server are reported once an hour."""
    assert len(reported([each for n in range(100) for each in answer(WINDOWS, at=n * 60)])) == 2
