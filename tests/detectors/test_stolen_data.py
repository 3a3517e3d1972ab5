"""Stolen data in mails and uploads: the attack, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.dissectors.ftp import FtpFile
from sensor.dissectors.rsync import RsyncTransfer
from sensor.dissectors.shared.http_upload import HttpUpload
from sensor.dissectors.smtp import SmtpAttachment, SmtpMail
from sensor.dissectors.tftp import TftpWrite
from tests.detectors.call_stories import CLIENT, SERVER, packet
from tests.detectors.stories import detector, inspected, one

STOLEN, OUTSIDE = "exfiltration.stolen_data", "203.0.113.9"


def mailed(subject: str, at: float = 0) -> Event:
    return SmtpMail(packet(at, dst=OUTSIDE), subject, "")


def stored(path: str, command: str = "STOR", dst: str = OUTSIDE) -> Event:
    return FtpFile(packet(dst=dst), command, path, "logs")


def posted(name: str, content: str = "", dst: str = OUTSIDE) -> Event:
    return HttpUpload(packet(dst=dst), dst, "/up", name, content, 2000)


def copied(*names: str, sends: bool = True, dst: str = OUTSIDE) -> Event:
    return RsyncTransfer(packet(dst=dst), "in", sends, names)


@pytest.mark.parametrize(
    ("event", "technique"),
    [
        (mailed("PW_admin/DESKTOP-7K2Q"), "T1071.003"),
        (mailed("Pc Name: anna | Snake Tracker"), "T1071.003"),
        (mailed("HawkEye Keylogger - Reborn v9 - Passwords Logs"), "T1071.003"),
        (stored("PW_anna-DESK-04_2025_05_01_10_22_33.html"), "T1071.002"),
        (stored("anna - Passwords ID - 2384238.txt"), "T1071.002"),
    ],
)
def test_reports_of_stealers(event: Event, technique: str) -> None:
    """A report of a stealer raises a critical alert, by mail and by FTP."""
    alert = one(inspected(detector(STOLEN), [event]))
    assert (alert.severity, [each.technique for each in alert.techniques]) == (
        Severity.critical,
        ["T1048.003", technique],
    )


def test_stores_of_credentials() -> None:
    """A store of credentials that is uploaded raises an alert, more severe if the server is external."""
    for event, severity in (
        (stored("/in/ntds.dit"), Severity.high),
        (stored("team.kdbx.zip", dst=SERVER), Severity.medium),
        (SmtpAttachment(packet(dst=OUTSIDE), "id_rsa"), Severity.high),
        (TftpWrite(packet(dst=OUTSIDE), "passwd", "octet", ()), Severity.high),
        (posted("shadow"), Severity.high),
        (posted("", "password_hashes"), Severity.high),
        (posted("photo.jpg", "private_key", dst=SERVER), Severity.medium),
        (copied("notes.txt", "key4.db"), Severity.high),
    ):
        alert = one(inspected(detector(STOLEN), [event]))
        assert (alert.severity, alert.techniques[-1].technique) == (severity, "T1552")
    assert one(inspected(detector(STOLEN, managers=(CLIENT,)), [stored("ntds.dit")])).severity == Severity.low


def test_public_addresses_without_configured_networks() -> None:
    """If neither end is internal, the data is reported, and the server is not called external."""
    report = SmtpMail(packet(src="203.0.113.7", dst=OUTSIDE), "Pc Name: anna | Snake Tracker", "")
    store = FtpFile(packet(src="203.0.113.7", dst=OUTSIDE), "STOR", "/in/ntds.dit", "logs")
    for event, severity in ((report, Severity.critical), (store, Severity.medium)):
        alert = one(inspected(detector(STOLEN), [event]))
        assert (alert.severity, alert.network["direction"]) == (severity, "external")
        assert "external" not in " ".join(alert.why)


def test_benign_mail_and_files_are_quiet() -> None:
    """Contracts with similar numbers, news about malware, downloads and other files raise no alert."""
    subjects = ("SC_42/2024 offer", "PW_reset/", "Your password was changed", "Screenshots of the new design", "")
    files = [stored("report.html"), stored("system"), stored("ntds.dit", "RETR"), stored("PW_plan_2025.pdf")]
    assert inspected(detector(STOLEN), [*map(mailed, subjects), *files]) == []
    news = (
        "New RedLine Stealer campaign",
        "Hawkeye Ltd: invoice 7",
        "MassLogger returns",
        "How to read keylogger logs",
    )
    assert inspected(detector(STOLEN), map(mailed, news)) == []


def test_archives_to_an_address_without_a_name() -> None:
    """An archive over HTTP or FTP, and any file over rsync, that goes to an external address of which no name is known
    is reported at low severity; pictures, pages, internal and named servers are quiet.
    """
    for event in (posted("docs.tar.gz"), stored("/db.sql.gz"), copied("plan.docx")):
        alert = one(inspected(detector(STOLEN), [event]))
        assert (alert.severity, alert.techniques[0].technique) == (Severity.low, "T1048.003")
    quiet = [posted("photo.jpg"), stored("index.html"), posted("a.zip", dst=SERVER), copied("a", dst=SERVER)]
    assert inspected(detector(STOLEN), [*quiet, copied(), copied("a", sends=False)]) == []
    watching = detector(STOLEN)
    watching.context.names_of = lambda _: ("backup.example",)
    assert inspected(watching, [posted("docs.tar.gz"), stored("/db.sql.gz"), copied("plan.docx")]) == []


def test_mail_that_comes_in_is_quiet() -> None:
    """A report that an external host sends to a server inside steals nothing."""
    assert inspected(detector(STOLEN), [SmtpMail(packet(src=OUTSIDE), "Pc Name: anna | Snake Tracker", "")]) == []


def test_repetition_is_one_finding() -> None:
    """A keylogger that mails every ten minutes is one alert."""
    assert one(inspected(detector(STOLEN), [mailed("KL_anna/DESK-04", 600 * n) for n in range(50)]))
