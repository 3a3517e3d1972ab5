"""A program or script is written to another machine's share, or fetched by a device with one job over HTTP, FTP or TFTP.

Everybody puts programs on file shares: only administrative shares, and those by which the domain starts things, count. Devices fetch firmware, which has
other endings than what loaders fetch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.wants import Want, field
from sensor.detectors._calls import ADMIN_SHARES, CallDetector
from sensor.detectors._words import ends_of, is_fixed_function
from sensor.dissectors._smb_events import SmbCreate, SmbWrite
from sensor.dissectors.ftp import FtpFile
from sensor.dissectors.http import HttpRequest
from sensor.dissectors.tftp import TftpRead

STARTUP = "\\programs\\startup\\"
DOMAIN_SHARES = frozenset(("SYSVOL", "NETLOGON"))
# Endings of what runs by itself or by a shell of Windows.
PROGRAMS = frozenset("exe dll sys scr com pif cpl ocx msi msp bat cmd ps1 psm1 vbs vbe js jse wsf wsh hta lnk jar xll reg sct".split())
# What loaders of devices fetch: scripts, and programs named by the machine they run on.
FETCHED = re.compile(
    r"\.(?:sh|elf|mips(?:el|64)?|mpsl|arm\d?[a-z]?\d?|armv\dl?|aarch64|x86(?:_64)?|i[456]86|ppc|powerpc|sh4|m68k|spc|sparc|arc|exe|dll|ps1|bat|vbs)$",
    re.IGNORECASE,
)


class ToolTransfer(CallDetector):
    """Watches files opened for writing and written over SMB, and files that devices ask for."""

    title = "Program carried to another machine"
    severity = Severity.medium
    techniques = ("T1570",)
    advice = (
        "Ask whether somebody installs software from this machine. If not, take a copy of the file, look who started it, and isolate both machines; a device "
        "that fetched a program is to be reset, and given new firmware and a new password."
    )
    false_positives = "Deployment of software through administrative shares: name its machines as managers. Devices that update themselves by scripts."
    watches = (SmbCreate, SmbWrite, HttpRequest, FtpFile, TftpRead)

    def wants(self) -> dict[type[Event], Want]:
        counts = field("share").is_in(*ADMIN_SHARES, *DOMAIN_SHARES)
        return {
            SmbCreate: field("writes").filled() & field("extension").is_in(*PROGRAMS) & counts,
            SmbWrite: field("executable").filled() & counts,
            HttpRequest: (field("method") == "GET") & field("path").passes(lambda path: FETCHED.search(path.partition("?")[0])),
            FtpFile: (field("command") == "RETR") & field("path").matches(FETCHED),
            TftpRead: field("file").matches(FETCHED),
        }

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, SmbWrite):
            if event.executable and _counts(event.share):
                yield self._written(event, event.share, event.name, "its first bytes are those of a program")
        elif isinstance(event, SmbCreate):
            if event.writes and event.extension in PROGRAMS and _counts(event.share):
                yield self._written(event, event.share, event.name, f"the name ends in .{event.extension}")
        else:
            yield from self._fetch(event)

    def _written(self, event: Event, share: str, name: str, reason: str) -> Alert:
        domain, starts = share in DOMAIN_SHARES, STARTUP in name.lower()
        why = [f"{name!r} in the share {share}: {reason}"]
        why.append("what lies there is started by every machine of the domain" if domain else "only administrators may write to this share")
        if starts:
            why.append("the folder is that of programs which start when somebody logs in")
        ends = ends_of(event.packet)
        grade = Severity.high if starts else Severity.low if domain and self.is_controller(ends.actor) else Severity.medium
        techniques = ("T1570",) if domain else ("T1570", "T1021.002", "T1547.001") if starts else ("T1570", "T1021.002")
        return self.told(event, f"wrote the program {name.rpartition(chr(92))[2]!r} to", why, key=(share,), severity=grade, techniques=techniques)

    def _fetch(self, event: Event) -> Iterator[Alert]:
        path, how = _asked(event)
        if not path or not FETCHED.search(path) or not is_fixed_function(self.context, ends_of(event.packet).actor):
            return
        why = (f"it asked for {path[:160]!r} by {how}", "devices with one job fetch firmware of their maker, and no programs or scripts")
        yield self.told(event, f"fetched a program by {how} from", why, key=("fetch",), techniques=("T1105",), app=how.lower(), confidence=0.8)


def _counts(share: str) -> bool:
    return share in ADMIN_SHARES or share in DOMAIN_SHARES


def _asked(event: Event) -> tuple[str, str]:
    """(path, protocol) of a file that is asked for; empty where none is."""
    if isinstance(event, HttpRequest):
        return (event.path.partition("?")[0], "HTTP") if event.method == "GET" else ("", "")
    if isinstance(event, FtpFile):
        return (event.path, "FTP") if event.command == "RETR" else ("", "")
    if isinstance(event, TftpRead):
        return event.file, "TFTP"
    return "", ""
