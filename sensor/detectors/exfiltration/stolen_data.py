"""Stolen data leaves by mail, FTP or TFTP: reports of information stealers and keyloggers, recognized by the subjects
and file names that published analyses describe, and stores of credentials that are uploaded under their own name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.wants import Want, field
from sensor.detectors.shared.calls import CallDetector
from sensor.detectors.shared.hosts import ends_of
from sensor.dissectors.ftp import FtpFile
from sensor.dissectors.smtp import SmtpAttachment, SmtpMail
from sensor.dissectors.tftp import TftpWrite

UPLOADS = ("STOR", "STOU", "APPE")
# Reports of Agent Tesla and similar, Snake, HawkEye, Predator Pain, MassLogger, Matiex and 404. News about them has the
# same names, but no fields behind them.
_NAMES = r"(?:keylogger|snake tracker|vip recovery|masslogger|hawkeye|predator pain|origin ?logger)"
_REPORT = lazy_pattern(
    r"^(?:PW|SC|KL)_[^/\s]{1,40}/(?=[A-Z0-9-]*[A-Z])[A-Z0-9-]{3,15}$|^Pc Name: .{0,80}\|"
    rf"|\b{_NAMES}\b.{{0,80}}(?:[|\\]| - (?:reborn|passwords?|keystrokes?|key recorder|stealer|logs?\b|records?\b))"
    rf"|[|\\] ?{_NAMES}$"
    r"|\b(?:passwords?|keystrokes?|clipboard|screenshots?) logs? (?:id\b|from\b)|\brecovered (?:accounts|passwords)\b",
    re.IGNORECASE,
)
_REPORT_FILE = lazy_pattern(
    r"(?:^|[/\\])(?:PW|SC|KL|CO|CC)_[^/\\]{1,80}_\d{4}_\d\d_\d\d(?:_\d\d){2,3}\.(?:html|jpe?g|png|zip|txt)$"
    r"|(?:passwords|keystrokes|clipboard|screenshot) (?:logs? )?id - ",
    re.IGNORECASE,
)
_STORE = lazy_pattern(
    r"(?:^|[/\\])(?:ntds\.dit|lsass[\w.-]{0,20}\.dmp|(?:sam|system|security)\.(?:save|hiv|hive)|shadow|passwd|"
    r"id_(?:rsa|dsa|ed25519)|wallet\.dat|"
    r"logins\.json|key[34]\.db|login data|[^/\\]{1,80}\.kdbx)(?:\.(?:zip|gz|7z|save|bak))?$",
    re.IGNORECASE,
)


class StolenData(CallDetector):
    """Watches subjects and attachments of mails, and files that are uploaded."""

    title = "Stolen data sent by mail, FTP or TFTP"
    severity = Severity.high
    weighs_itself = True
    techniques = ("T1048.003",)
    advice = (
        "Isolate the host and change every password that was stored on it or typed into it, from another host. Block "
        "the server, and preserve the program that sent the data."
    )
    false_positives = "A backup of an administrator that contains such a file: add its host to `managers`."
    watches = (SmtpMail, SmtpAttachment, FtpFile, TftpWrite)

    def wants(self) -> dict[type[Event], Want]:
        return {
            SmtpMail: field("subject").matches(_REPORT),
            SmtpAttachment: field("name").passes(_is_stolen),
            FtpFile: field("command").is_in(*UPLOADS) & field("path").passes(_is_stolen),
            TftpWrite: field("file").passes(_is_stolen),
        }

    def inspect(self, event: Event) -> Iterator[Alert]:
        how, text = _sent(event)
        report = bool(_REPORT.search(text) if isinstance(event, SmtpMail) else _REPORT_FILE.search(text))
        if not text or not (report or (not isinstance(event, SmtpMail) and _STORE.search(text))):
            return
        ends, networks = ends_of(event.packet), self.context.networks
        if not networks.inside(ends.actor.address):
            return  # nothing leaves, as with mail that comes in
        outside = not networks.inside(ends.target.address)
        why = (
            f"{how} {text[:120]!r}",
            "information stealers name their reports like this" if report else "the file contains credentials",
            f"the server is {'external' if outside else 'internal'}",
        )
        yield self.call_alert(
            event,
            "sent stolen data to" if report else "sent a store of credentials to",
            why,
            key=("report" if report else "store",),
            severity=Severity.critical if report else Severity.high if outside else Severity.medium,
            confidence=0.9 if report else 0.7,
            techniques=(
                "T1048.003",
                "T1071.003" if how == "mail" else "T1071.002",
                *(("T1552",) if not report else ()),
            ),
            app={"mail": "smtp"}.get(how, how),
        )


def _sent(event: Event) -> tuple[str, str]:
    """(protocol, subject or file) of what is sent."""
    if isinstance(event, SmtpMail):
        return "mail", event.subject
    if isinstance(event, SmtpAttachment):
        return "mail", event.name
    if isinstance(event, FtpFile):
        return "ftp", event.path if event.command in UPLOADS else ""
    return ("tftp", event.file) if isinstance(event, TftpWrite) else ("", "")


def _is_stolen(name: str) -> bool:
    return _REPORT_FILE.search(name) is not None or _STORE.search(name) is not None
