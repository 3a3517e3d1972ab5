"""Spam: hosts that deliver mail to many servers, mail servers, repetition."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.smtp import SmtpMailbox
from tests.detectors.stories import SECOND, START, World, detector, device, inspected, one

SPAM = "impact.spam"
BOT = "10.0.0.20"


def answer(
    at: float, server: str, code: int = 250, *, client: str = BOT, command: str = "RCPT", port: int = 25
) -> Event:
    ends = {"src": parse(server), "dst": parse(client), "sport": port, "dport": 40000}
    return SmtpMailbox(Packet(ts=START + int(at * SECOND), proto=6, **ends), command, "TO:<a@example.org>", code)


def deliveries(count: int, *, code: int = 250, every: float = 2, client: str = BOT, port: int = 25) -> list[Event]:
    return [answer(every * n, f"198.51.100.{n % 250 + 1}", code, client=client, port=port) for n in range(count)]


def test_a_workstation_delivers_mail_itself() -> None:
    """Twenty servers are an alert: medium for a user's device, high for a camera, low for a host of unknown type."""
    for kind, severity in (("workstation", Severity.medium), ("camera", Severity.high), ("server", Severity.low)):
        alert = one(inspected(detector(SPAM, World(device(kind, BOT))), deliveries(20)))
        assert (alert.actor.address, alert.severity, alert.numbers["servers"]) == (parse(BOT), severity, 20)
    assert one(inspected(detector(SPAM), deliveries(20))).severity == Severity.low


def test_rejected_mail() -> None:
    """Servers that reject mail of an unknown host raise the severity."""
    alert = one(inspected(detector(SPAM), deliveries(20, code=550)))
    assert (alert.severity, alert.numbers["rejecting"]) == (Severity.medium, 20)
    assert [each.technique for each in alert.techniques] == ["T1496", "T1071.003"]


def test_benign_twins_are_quiet() -> None:
    """A mail server that also receives mail, a program that uses one relay, submission, internal servers, an external
    client, and slow deliveries.
    """
    receives = answer(0, BOT, client="198.51.100.77")
    for story in (
        [receives, *deliveries(100)],
        [answer(n, "198.51.100.7", 550) for n in range(200)],
        deliveries(100, port=587),
        [answer(n, f"10.1.0.{n}") for n in range(1, 100)],
        deliveries(100, client="203.0.113.9"),
        deliveries(100, every=60),
        [answer(n, f"198.51.100.{n}", command="VRFY") for n in range(1, 100)],
    ):
        assert inspected(detector(SPAM), story) == []


def test_relays_and_repetition() -> None:
    """A relay of the operator is low; a bot is reported once in a time window."""
    assert one(inspected(detector(SPAM, managers=(BOT,)), deliveries(20, code=550))).severity == Severity.low
    assert len(inspected(detector(SPAM), deliveries(250, code=550))) == 1
