"""Search for mailboxes: the attack, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.dissectors.smtp import SmtpMailbox
from tests.detectors.call_stories import CLIENT, packet
from tests.detectors.stories import detector, inspected, one

SEARCH = "discovery.mail_enumeration"


def answered(at: float, command: str, name: str, code: int) -> Event:
    return SmtpMailbox(packet(at, answer=True), command, name, code)


def test_names_are_verified() -> None:
    """A series of VRFY raises an alert, whatever the answers; the client is the actor."""
    alert = one(inspected(detector(SEARCH), [answered(n, "VRFY", f"user{n}", 252) for n in range(10)]))
    assert (alert.actor.address, alert.severity, alert.numbers["verified"]) == (parse(CLIENT), Severity.medium, 8)
    assert alert.techniques[0].technique == "T1087.003"


def test_recipients_are_tried() -> None:
    """Recipients that are refused in a row raise a low alert."""
    story = [answered(n, "RCPT", f"TO:<user{n}@example.org>", 550) for n in range(30)]
    assert one(inspected(detector(SEARCH), story)).severity == Severity.low


def test_what_mail_servers_do() -> None:
    """A mailing list with some old addresses, one name that is verified again and again, and senders raise no alert."""
    mailing = [answered(n, "RCPT", f"TO:<user{n}@example.org>", 550 if n % 4 == 0 else 250) for n in range(200)]
    same = [answered(n, "VRFY", "postmaster", 252) for n in range(100)]
    sending = [answered(n, "MAIL", f"FROM:<a{n}@example.org>", 550) for n in range(100)]
    for story in (mailing, same, sending):
        assert inspected(detector(SEARCH), story) == []


def test_repetition_is_one_finding() -> None:
    assert one(inspected(detector(SEARCH), [answered(n, "EXPN", f"list{n}", 550) for n in range(500)]))
