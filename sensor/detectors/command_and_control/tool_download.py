"""A computer downloads a program over HTTP with a system tool that scripts use, or from an IP address without a host
name.

Installers come from named servers, through browsers and updaters. Certificate tools download only certificate lists;
scripts that download programs from bare IP addresses are a common delivery method. So are documents that load a
template or a page from such an address, whatever its name (CVE-2017-0199, CVE-2022-30190); pictures, of mails, are
ignored. Downloads of devices are reported by ``lateral_movement.tool_transfer``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.detectors.shared.calls import CallDetector, CallOptions
from sensor.detectors.shared.hosts import ends_of, is_external, is_fixed_function
from sensor.detectors.shared.names import is_bare
from sensor.dissectors.http import HttpRequest

AGAIN = 3600 * SECOND
REPORTED_LIMIT = 4096
SHOWN = 120
# Extensions of files that a computer executes, directly or with a shell, except server-side scripts.
_PROGRAM = lazy_pattern(
    r"^(?!.{0,200}(?:cgi|/scripts/|/isapi)).{0,2000}\.(?:exe|dll|sys|scr|com|pif|cpl|ocx|msi|msp|bat|cmd|ps1|psm1|vbs|"
    r"vbe|jse|wsf|wsh|hta|lnk|jar|xll|sct|elf|sh|py)$",
    re.IGNORECASE,
)
# The certificate tool, and Windows programs with which scripts and documents download, by technique. Software
# uses BITS for updates.
_CERTIFICATES = "certutil url agent"
_SCRIPTS = {
    "T1059.001": lazy_pattern(r"WindowsPowerShell/|^PowerShell/", re.IGNORECASE),
    "T1197": lazy_pattern(r"^Microsoft BITS/", re.IGNORECASE),
    "T1204.002": lazy_pattern(
        r"^Microsoft Office/|^Mozilla/4\.0 \(compatible; ms-office|^Microsoft-WebDAV-MiniRedir/", re.IGNORECASE
    ),
    "T1059": lazy_pattern(r"WinHttp\.WinHttpRequest", re.IGNORECASE),
}
_OFFICE = lazy_pattern(r"^Microsoft Office|\bms-office\b|\bMSOffice \d", re.IGNORECASE)
_PICTURE = lazy_pattern(r"\.(?:png|jpe?g|gif|bmp|ico|svg|webp)$", re.IGNORECASE)
# Ports of internal update servers, which clients access by address.
UPDATES = (8530, 8531, 7000)


class ToolDownload(CallDetector):
    """Watches requests for programs."""

    title = "Program download by a script or system tool"
    severity = Severity.medium
    techniques = ("T1105", "T1071.001")
    advice = (
        "Identify the script or document that requested the file and what it did with it. Keep a copy "
        "of the file and block the server."
    )
    false_positives = (
        "Scripts of administrators: add their hosts to `managers`. Software servers that are addressed by IP."
    )
    Options = CallOptions
    watches = (HttpRequest,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._reported: Recent[tuple[int, int, str]] = self.tables.add("reported", Recent(REPORTED_LIMIT, AGAIN))

    def wants(self) -> dict[type[Event], Want]:
        plain = (field("method") == "GET") & ~field("forwarded").filled()
        certificates = field("user_agent").passes(lambda agent: agent.lower() == _CERTIFICATES)
        program = field("host").passes(is_bare) & (
            field("path").passes(lambda path: _PROGRAM.search(path.partition("?")[0]))
            | field("user_agent").matches(_OFFICE)
        )
        return {HttpRequest: plain & (certificates | program)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, HttpRequest) or event.method != "GET" or event.forwarded:
            return iter(())
        agent = event.user_agent
        if agent.lower() == _CERTIFICATES:
            return self._alert(
                event, "certificates", "certutil is used to download files by scripts only", Severity.medium
            )
        if not is_bare(event.host) or event.packet.dport in UPDATES:
            return iter(())
        file = event.path.partition("?")[0]
        if not _PROGRAM.search(file):
            return iter(()) if _PICTURE.search(file) or not _OFFICE.search(agent) else self._template(event)
        technique = next((technique for technique, known in _SCRIPTS.items() if known.search(agent)), "")
        if technique or not (agent or event.truncated):
            low = technique == "T1197" or not self._is_server_external(event)
            return self._alert(
                event,
                "script",
                f"user agent {agent or 'missing'!r} is not a browser, and the server has no host name",
                Severity.low if low else Severity.medium,
                technique,
            )
        return self._alert(
            event, "address", "the server has no host name, unlike software download sites", Severity.low
        )

    def _template(self, event: HttpRequest) -> Iterator[Alert]:
        """A document loads a part of itself from a bare address."""
        if self.context.networks.inside(event.packet.dst):
            return iter(())
        why = "it is a program for documents, and the server has no host name"
        severity = Severity.medium if self._is_server_external(event) else Severity.low
        return self._alert(event, "template", why, severity, "T1221")

    def _is_server_external(self, event: HttpRequest) -> bool:
        ends = ends_of(event.packet)
        return is_external(self.context, ends.target, ends.actor)

    def _alert(
        self, event: HttpRequest, what: str, why: str, severity: Severity, technique: str = ""
    ) -> Iterator[Alert]:
        """``technique``: of the program that downloads, in addition to those of the detector."""
        packet = event.packet
        if is_fixed_function(self.context, ends_of(packet).actor) or not self._reported.fresh(
            (packet.src, packet.dst, what), packet.ts
        ):
            return
        reasons = (
            (
                f"request for {event.path[:SHOWN]!r} to host {event.host or '(none)'} with user agent "
                f"{event.user_agent[:SHOWN]!r}"
            ),
            why,
        )
        yield self.call_alert(
            event,
            "downloaded a program from",
            reasons,
            key=(what,),
            severity=severity,
            confidence=0.7,
            techniques=(*self.techniques, *((technique,) if technique else ())),
            app="http",
        )
