"""Programs attached to mails: the attack, similar benign attachments, repetition."""

from __future__ import annotations

import pytest

from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.dissectors.smtp import SmtpAttachment
from tests.detectors.call_stories import CLIENT, packet
from tests.detectors.stories import detector, inspected, one

ATTACHMENT = "initial_access.mail_attachment"


def attached(name: str, at: float = 0) -> Event:
    return SmtpAttachment(packet(at), name)


@pytest.mark.parametrize(
    ("name", "severity"),
    [
        ("invoice.pdf.exe", Severity.high),
        ("Scan_0815.docx   .js", Severity.high),
        ("setup.SCR", Severity.medium),
        ("order.iso", Severity.medium),
        ("report.xlsm", Severity.low),
        ("documents.ace", Severity.low),
    ],
)
def test_programs(name: str, severity: Severity) -> None:
    """Programs raise an alert, hidden ones a more severe one; macros and rare archives are low."""
    alert = one(inspected(detector(ATTACHMENT), [attached(name)]))
    assert (alert.severity, alert.techniques[0].technique) == (severity, "T1566.001")


@pytest.mark.parametrize("name", ["report.pdf", "photo.jpg", "archive.zip", "notes.v1.2.docx", "exe.txt", "invite.ics"])
def test_benign_attachments_are_quiet(name: str) -> None:
    assert inspected(detector(ATTACHMENT), [attached(name)]) == []


def test_managers_are_low() -> None:
    assert one(inspected(detector(ATTACHMENT, managers=(CLIENT,)), [attached("a.exe")])).severity == Severity.low


def test_repetition_is_one_finding() -> None:
    """The same file in a hundred mails is one alert."""
    assert one(inspected(detector(ATTACHMENT), [attached("a.exe", n) for n in range(100)]))
