"""Lateral tool transfer: a program or script is written to a share of another host, or downloaded by a fixed-function
device over HTTP, FTP or TFTP.

Programs on file shares are common: only administrative shares, and those from which the domain starts programs, count.
Devices download firmware, which has other extensions than the files of loaders.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.wants import Want, field
from sensor.detectors.shared.calls import ADMIN_SHARES, CallDetector
from sensor.detectors.shared.hosts import ends_of, is_fixed_function
from sensor.dissectors.ftp import FtpFile
from sensor.dissectors.http import HttpRequest
from sensor.dissectors.shared.smb_events import SmbCreate, SmbWrite
from sensor.dissectors.tftp import TftpRead

STARTUP = "\\programs\\startup\\"
DOMAIN_SHARES = frozenset(("SYSVOL", "NETLOGON"))
# Extensions of files that Windows executes, directly or with a shell.
PROGRAMS = frozenset(
    "exe dll sys scr com pif cpl ocx msi msp bat cmd ps1 psm1 vbs vbe js jse wsf wsh hta lnk jar xll reg sct".split()
)
# Files that loaders of devices download: scripts, and programs named after an architecture.
FETCHED = lazy_pattern(
    r"\.(?:sh|elf|mips(?:el|64)?|mpsl|arm\d?[a-z]?\d?|armv\dl?|aarch64|x86(?:_64)?|i[456]86|ppc|"
    r"powerpc|sh4|m68k|spc|sparc|arc|exe|dll|ps1|bat|vbs)$",
    re.IGNORECASE,
)


class ToolTransfer(CallDetector):
    """Watches files opened for writing and written over SMB, and files that devices request."""

    title = "Lateral tool transfer"
    severity = Severity.medium
    techniques = ("T1570",)
    advice = (
        "Ask who installs software from this host. If no one does, keep a copy of the file, find out who started it, "
        "and isolate both hosts. Reset a device that downloaded a program, and give it new firmware and a new password."
    )
    false_positives = (
        "Software deployment through administrative shares: add its hosts to `managers`. Devices "
        "that update themselves with scripts."
    )
    watches = (SmbCreate, SmbWrite, HttpRequest, FtpFile, TftpRead)

    def wants(self) -> dict[type[Event], Want]:
        counts = field("share").is_in(*ADMIN_SHARES, *DOMAIN_SHARES)
        return {
            SmbCreate: field("writes").filled() & field("extension").is_in(*PROGRAMS) & counts,
            SmbWrite: field("executable").filled() & counts,
            HttpRequest: (field("method") == "GET")
            & field("path").passes(lambda path: FETCHED.search(path.partition("?")[0])),
            FtpFile: (field("command") == "RETR") & field("path").matches(FETCHED),
            TftpRead: field("file").matches(FETCHED),
        }

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, SmbWrite):
            if event.executable and _counts(event.share):
                yield self._written(event, event.share, event.name, "its first bytes are those of an executable")
        elif isinstance(event, SmbCreate):
            if event.writes and event.extension in PROGRAMS and _counts(event.share):
                yield self._written(event, event.share, event.name, f"the extension is .{event.extension}")
        else:
            yield from self._fetch(event)

    def _written(self, event: Event, share: str, name: str, reason: str) -> Alert:
        domain, starts = share in DOMAIN_SHARES, STARTUP in name.lower()
        why = [f"{name!r} in the share {share}: {reason}"]
        why.append(
            "files in this share are started by all hosts of the domain"
            if domain
            else "only administrators may write to this share"
        )
        if starts:
            why.append("the folder is the startup folder of a user")
        ends = ends_of(event.packet)
        grade = (
            Severity.high if starts else Severity.low if domain and self.is_controller(ends.actor) else Severity.medium
        )
        techniques = ("T1570",) if domain else ("T1570", "T1021.002", "T1547.001") if starts else ("T1570", "T1021.002")
        return self.call_alert(
            event,
            f"wrote the program {name.rpartition(chr(92))[2]!r} to",
            why,
            key=(share,),
            severity=grade,
            techniques=techniques,
        )

    def _fetch(self, event: Event) -> Iterator[Alert]:
        path, how = _requested(event)
        if not path or not FETCHED.search(path) or not is_fixed_function(self.context, ends_of(event.packet).actor):
            return
        why = (
            f"it requested {path[:160]!r} over {how}",
            "fixed-function devices download firmware of their vendor, not programs or scripts",
        )
        yield self.call_alert(
            event,
            f"downloaded a program over {how} from",
            why,
            key=("fetch",),
            techniques=("T1105",),
            app=how.lower(),
            confidence=0.8,
        )


def _counts(share: str) -> bool:
    return share in ADMIN_SHARES or share in DOMAIN_SHARES


def _requested(event: Event) -> tuple[str, str]:
    """(path, protocol) of a requested file; empty if there is none."""
    if isinstance(event, HttpRequest):
        return (event.path.partition("?")[0], "HTTP") if event.method == "GET" else ("", "")
    if isinstance(event, FtpFile):
        return (event.path, "FTP") if event.command == "RETR" else ("", "")
    if isinstance(event, TftpRead):
        return event.file, "TFTP"
    return "", ""
