"""A device is recruited into a botnet: a login by Telnet or a web exploit makes it download and run a program.

Loaders are recognized by shell lines that download, make executable and run in one step, by applet names that BusyBox
does not have (``busybox LZRD``, a test for BusyBox), by programs written as escaped bytes, and by requests to one
server for the same program for several processors. Telnet logins at many devices (spraying) precede this step.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from sensor.core import addresses
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.counting.tally import Distinct
from sensor.detectors.shared.calls import CallDetector, CallOptions
from sensor.detectors.shared.exploits import plain
from sensor.detectors.shared.hosts import Numbers, ends_of, is_external, is_fixed_function
from sensor.detectors.shared.names import is_bare
from sensor.dissectors.ftp import FtpFile
from sensor.dissectors.http import HttpBody, HttpRequest
from sensor.dissectors.telnet import TelnetCommand, TelnetLogin
from sensor.dissectors.tftp import TftpRead

SESSIONS_LIMIT, CLIENTS_LIMIT, REPORTED_LIMIT = 2048, 2048, 4096
SHOWN = 160
LONGEST = 16  # characters of a processor's name, and of the text before it
_FETCH = lazy_pattern(
    r"\b(?:wget|curl|tftp|ftpget|lwp-download)\b[^;|&]{0,300}?(?:\d{1,3}(?:\.\d{1,3}){3}|https?://|ftp://|-[a-z]*g\b)",
    re.IGNORECASE,
)
_RUN = lazy_pattern(
    r"\bchmod\s+(?:0?777|[ugoa]*\+[rwx]*x)|[|;&]\s*(?:/bin/)?(?:ba|a)?sh\b|(?:^|[;&|]\s*)\./", re.IGNORECASE
)
_BYTES = lazy_pattern(r"(?:\\x[0-9a-fA-F]{2}){4}|(?:\\[0-3][0-7]{2}){4}")
# An applet name that BusyBox does not have: real ones are in lower case.
_PROBE = lazy_pattern(r"\bbusybox\s+[A-Z][A-Z0-9]{2,15}\b")
# Programs named after their processor architecture.
_PROCESSOR = lazy_pattern(
    r"(?:^|[/._-])(mips(?:el|64|32|eb|le)?|mpsl|arm(?:[4-8][a-z]{0,2}|v[4-8]l?|hf|eb)?|aarch64|x86(?:_64|_32)?|"
    r"i[3-6]86|amd64|ppc(?:64|-440fp)?|powerpc|sh4|m68k|spc|sparc|arc|riscv(?:64)?)$",
    re.IGNORECASE,
)
FETCHING, RUNNING, BYTES, PROBING = 1, 2, 4, 8
WORDS = {
    FETCHING: "downloads a program",
    RUNNING: "makes it executable",
    BYTES: "writes a program as escaped bytes",
    PROBING: "calls a BusyBox applet that does not exist",
}


class Fetch(NamedTuple):
    """A requested file, and the protocol."""

    path: str
    how: str


class Options(CallOptions):
    """When downloads and logins are those of a loader."""

    processors: int = Field(
        3,
        ge=2,
        le=16,
        description="threshold: processor architectures for which one host requested programs from one server",
    )
    hosts: int = Field(5, ge=2, le=200, description="threshold: hosts at which one source attempted Telnet logins")
    window_s: int = Field(600, ge=10, le=86400, description="time window in seconds")


class BotnetLoader(CallDetector):
    """Watches shell lines, requests that contain them, requested files, and Telnet logins."""

    title = "Botnet loader (Mirai-like)"
    severity = Severity.high
    adjusts_severity = True
    techniques = ("T1105",)
    advice = (
        "Isolate the device, power-cycle it, install current firmware, set a new password and disable Telnet. Block "
        "the download server. Check which other devices the source logged in to."
    )
    false_positives = "Administrators who install programs over Telnet: add their hosts to `managers`."
    decisive = {"hosts": "hosts", "processors": "processors"}
    Options = Options
    watches = (TelnetCommand, TelnetLogin, HttpRequest, HttpBody, FtpFile, TftpRead)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        window = self.options.window_s * SECOND
        self._signs: Bounded[int, int] = self.tables.add("signs", Bounded(SESSIONS_LIMIT))
        self._processors: Distinct[tuple[int, int], str] = self.tables.add(
            "processors", Distinct(window, CLIENTS_LIMIT)
        )
        self._hosts: Distinct[int, int] = self.tables.add("hosts", Distinct(window, CLIENTS_LIMIT))
        self._reported: Recent[tuple[object, ...]] = self.tables.add("reported", Recent(REPORTED_LIMIT, window))

    def wants(self) -> dict[type[Event], Want]:
        line = field("path").passes(lambda path: _may_fetch(plain(path)[0])) | field("odd").passes(
            lambda odd: any(map(_may_fetch, map(_value, odd)))
        )
        program = field("path").passes(lambda path: _PROCESSOR.search(path.partition("?")[0][-LONGEST:]))
        return {
            HttpRequest: line | ((field("method") == "GET") & program),
            HttpBody: line,
            FtpFile: (field("command") == "RETR")
            & field("path").passes(lambda path: _PROCESSOR.search(path[-LONGEST:])),
            TftpRead: field("file").passes(lambda file: _PROCESSOR.search(file[-LONGEST:])),
        }

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, TelnetCommand):
            return self._typed(event)
        if isinstance(event, TelnetLogin):
            return self._sprayed(event)
        return self._requested(event)

    def _typed(self, event: TelnetCommand) -> Iterator[Alert]:
        """Indicators add up over the lines of a session."""
        signs = (self._signs.get(event.packet.flow) or 0) | signs_of(event.line)
        self._signs.put(event.packet.flow, signs)
        ends = ends_of(event.packet)
        device = is_fixed_function(self.context, ends.target)
        outside = is_external(self.context, ends.actor, ends.target)
        if not signs or not self._reported.fresh((event.packet.flow, signs), event.ts):
            return
        sure = signs & (BYTES | PROBING) or signs & (FETCHING | RUNNING) == FETCHING | RUNNING
        grade = Severity.high if sure else Severity.medium if signs & FETCHING and (device or outside) else Severity.low
        why = [f"it {word}" for sign, word in WORDS.items() if signs & sign]
        why += ["the source is external"] if outside else ["the target is a fixed-function device"] if device else []
        yield self._plants(event, f"Telnet: {event.line[:SHOWN]!r}", why, grade)

    def _requested(self, event: Event) -> Iterator[Alert]:
        """Shell lines in web requests, and requested programs."""
        if isinstance(event, HttpRequest | HttpBody):
            text = "\n".join((plain(event.path)[0], *map(_value, event.odd)))
            signs = signs_of(text) if _may_fetch(text) else 0
            if signs & FETCHING:
                if signs & RUNNING and self._reported.fresh((event.packet.src, event.packet.dst, "web"), event.ts):
                    # To external servers, users write about such lines, and programs report their actions.
                    inward = self.context.networks.inside(event.packet.dst)
                    why = [f"it {word}" for sign, word in WORDS.items() if signs & sign]
                    grade = Severity.high if inward else Severity.low
                    yield self._plants(event, f"HTTP request: {text[:SHOWN]!r}", why, grade)
                return
        if fetch := _fetch_of(event):
            yield from self._fetched(event, fetch)

    def _plants(self, event: Event, how: str, why: list[str], grade: Severity) -> Alert:
        app = "telnet" if isinstance(event, TelnetCommand) else "http"
        techniques = ("T1105", "T1059.004")
        return self.call_alert(
            event,
            "installed a program on",
            why,
            rest=f" {how}",
            key=("plants",),
            severity=grade,
            techniques=techniques,
            confidence=0.9,
            app=app,
        )

    def _fetched(self, event: Event, fetch: Fetch) -> Iterator[Alert]:
        """The same program for several processors: the client does not know its own."""
        found = _PROCESSOR.search(fetch.path[-LONGEST:])
        if found is None:
            return
        packet, want = event.packet, self.options
        count = self._processors.add((packet.src, packet.dst), found[1].lower(), event.ts)
        several = count >= want.processors
        device = is_fixed_function(self.context, ends_of(packet).actor)
        if not (several or device) or not self._reported.fresh((packet.src, packet.dst, several), event.ts):
            return
        names = self._processors.values((packet.src, packet.dst))
        threshold = 1 if device else want.processors
        why = (
            f"it requested {fetch.path[:SHOWN]!r} over {fetch.how} from an IP address without a host name",
            f"programs for {some(names)} (threshold {threshold})",
        )
        numbers: Numbers = {"processors": count, "threshold": threshold}
        yield self.call_alert(
            event,
            "downloaded programs for several processor architectures from",
            why,
            numbers,
            key=("fetches",),
            app=fetch.how.lower(),
            confidence=0.8,
        )

    def _sprayed(self, event: TelnetLogin) -> Iterator[Alert]:
        packet, want = event.packet, self.options
        answer = packet.sport < packet.dport
        ends = ends_of(packet, answer=answer)
        hosts = self._hosts.add(ends.actor.address, ends.target.address, event.ts)
        if hosts < want.hosts or not self._reported.fresh((ends.actor.address, "spray", hosts.bit_length()), event.ts):
            return
        met = self._hosts.values(ends.actor.address)
        severe = is_external(self.context, ends.actor, ends.target) or is_fixed_function(self.context, ends.actor)
        why = (
            f"Telnet logins at {hosts} hosts within {want.window_s} s (threshold {want.hosts})",
            f"including {some([addresses.text(host) for host in met])}",
        )
        alert = self.call_alert(
            event, f"attempted Telnet logins at {hosts} hosts, the last", why,
            {"hosts": hosts, "threshold": want.hosts, "window_s": want.window_s},
            severity=Severity.high if severe else Severity.medium, techniques=("T1110", "T1110.001", "T1110.003"),
            answer=answer, app="telnet",
            targets=[Subject(0, host, packet.vlan) for host in met],
        )  # fmt: skip
        alert.key = f"{self.id}|{ends.actor.address}|spray"  # one spray, whatever the next target
        yield alert


def signs_of(line: str) -> int:
    """Actions of a shell line, as bits."""
    return (
        (FETCHING if _FETCH.search(line) else 0)
        | (RUNNING if _RUN.search(line) else 0)
        | (BYTES if _BYTES.search(line) else 0)
        | (PROBING if _PROBE.search(line) else 0)
    )


def _value(odd: object) -> str:
    return ": ".join(odd) if isinstance(odd, tuple) else str(odd)


def _fetch_of(event: Event) -> Fetch | None:
    """The requested program, from a server without a name; None if there is none."""
    if isinstance(event, HttpRequest):
        bare = not event.host or is_bare(event.host)
        return Fetch(event.path.partition("?")[0], "HTTP") if bare and event.method == "GET" else None
    if isinstance(event, FtpFile):
        return Fetch(event.path, "FTP") if event.command == "RETR" else None
    return Fetch(event.file, "TFTP") if isinstance(event, TftpRead) else None


def _may_fetch(text: str) -> bool:
    """Whether a text contains the name of a download tool that loaders use."""
    return "wget" in text or "curl" in text or "tftp" in text or "busybox" in text
