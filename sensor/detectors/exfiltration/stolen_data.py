"""Stolen data leaves in cleartext, by mail, FTP, TFTP, HTTP or rsync: reports of information stealers and keyloggers,
recognized by the subjects and file names that published analyses describe; stores of credentials that are uploaded
under their own name, or over HTTP with their content; and archives that go to an external server without a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.wants import Want, field
from sensor.detectors.shared.calls import CallDetector
from sensor.detectors.shared.hosts import ends_of, is_external, place_of
from sensor.dissectors.ftp import FtpFile
from sensor.dissectors.rsync import RsyncTransfer
from sensor.dissectors.shared.http_upload import HttpUpload
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
    r"id_(?:rsa|dsa|ed25519)|wallet\.dat|logins\.json|key[34]\.db|login data|[^/\\]{1,80}\.kdbx)(?:\.(?:zip|gz|7z|save|"
    r"bak))?$",
    re.IGNORECASE,
)


# Archives, and dumps of databases.
_ARCHIVE = lazy_pattern(
    r"\.(?:zip|7z|rar|cab|tar|tgz|tbz2?|txz|(?:tar|sql|bak|dump|csv|mdb|pst)\.(?:gz|bz2|xz|zst|zip|7z)|pst|ost|sql|bak)$",
    re.IGNORECASE,
)
_TECHNIQUES = {"mail": "T1071.003", "http": "T1071.001"}
_CONTENTS = {
    "private_key": "a private key",
    "password_hashes": "hashes of passwords",
    "registry_hive": "a registry hive",
    "password_store": "a password store",
}


class Sent(NamedTuple):
    """What is sent: the protocol, the subject or the names of files, and what their content is (HTTP only)."""

    how: str
    names: tuple[str, ...]
    content: str = ""


class StolenData(CallDetector):
    """Watches subjects and attachments of mails, and files that are uploaded."""

    title = "Stolen data sent by mail, FTP, TFTP, HTTP or rsync"
    severity = Severity.high
    adjusts_severity = True
    techniques = ("T1048.003",)
    advice = (
        "Isolate the host and change every password that was stored on it or typed into it, from another host. Block "
        "the server, and preserve the program that sent the data."
    )
    false_positives = "A backup of an administrator that contains such a file: add its host to `managers`."
    watches = (SmtpMail, SmtpAttachment, FtpFile, TftpWrite, HttpUpload, RsyncTransfer)

    def wants(self) -> dict[type[Event], Want]:
        return {
            SmtpMail: field("subject").matches(_REPORT),
            SmtpAttachment: field("name").passes(_is_stolen),
            FtpFile: field("command").is_in(*UPLOADS) & field("path").passes(_may_be_stolen),
            TftpWrite: field("file").passes(_is_stolen),
            HttpUpload: field("content").filled() | field("name").passes(_may_be_stolen),
            RsyncTransfer: field("sends").filled(),
        }

    def inspect(self, event: Event) -> Iterator[Alert]:
        sent = _sent(event)
        client, server, _, _ = ends_of(event.packet)
        if is_external(self.context, client, server):
            return  # nothing leaves, as with mail that comes in
        if isinstance(event, SmtpMail):
            if _REPORT.search(event.subject):
                yield self._stolen(event, sent, event.subject, report=True)
            return
        report = next(filter(_REPORT_FILE.search, sent.names), "")
        store = next(filter(_STORE.search, sent.names), "")
        if report or store or sent.content:
            yield self._stolen(event, sent, report or store or "".join(sent.names[:1]), report=bool(report))
        elif not isinstance(event, SmtpAttachment | TftpWrite):
            yield from self._archive(event, sent)

    def _stolen(self, event: Event, sent: Sent, name: str, *, report: bool) -> Alert:
        client, server, _, _ = ends_of(event.packet)
        outside = is_external(self.context, server, client)
        held = f"the file contains {_CONTENTS.get(sent.content, 'credentials')}"
        return self.call_alert(
            event,
            "sent stolen data to" if report else "sent a credential store to",
            (
                f"{sent.how} {name[:120]!r}",
                "information stealers name their reports like this" if report else held,
                f"the server is {place_of(self.context, server, client)}",
            ),
            key=("report" if report else "store",),
            severity=Severity.critical if report else Severity.high if outside else Severity.medium,
            confidence=0.9 if report else 0.7,
            techniques=(*_techniques(sent), *(("T1552",) if not report else ())),
            app={"mail": "smtp"}.get(sent.how, sent.how),
        )

    def _archive(self, event: Event, sent: Sent) -> Iterator[Alert]:
        """Archives that go to an external address of which no name is known; over rsync all files."""
        client, server, _, _ = ends_of(event.packet)
        name = next((name for name in sent.names if sent.how == "rsync" or _ARCHIVE.search(name)), "")
        if name and is_external(self.context, server, client) and not self.context.names_of(server.address):
            yield self.call_alert(
                event,
                "sent files to",
                (f"{sent.how} {name[:120]!r}", "the server is external, and no host name resolved to its address"),
                key=("archive",),
                severity=Severity.low,
                confidence=0.4,
                techniques=_techniques(sent),
                app=sent.how,
            )


def _techniques(sent: Sent) -> tuple[str, ...]:
    return ("T1048.003", *(() if sent.how == "rsync" else (_TECHNIQUES.get(sent.how, "T1071.002"),)))


def _sent(event: Event) -> Sent:
    if isinstance(event, SmtpMail):
        return Sent("mail", (event.subject,))
    if isinstance(event, SmtpAttachment):
        return Sent("mail", (event.name,))
    if isinstance(event, FtpFile):
        return Sent("ftp", (event.path,) if event.command in UPLOADS else ())
    if isinstance(event, HttpUpload):
        return Sent("http", (event.name,), event.content)
    if isinstance(event, RsyncTransfer):
        return Sent("rsync", event.names if event.sends else ())
    return Sent("tftp", (event.file,)) if isinstance(event, TftpWrite) else Sent("", ())


def _is_stolen(name: str) -> bool:
    return _REPORT_FILE.search(name) is not None or _STORE.search(name) is not None


def _may_be_stolen(name: str) -> bool:
    return _is_stolen(name) or _ARCHIVE.search(name) is not None
