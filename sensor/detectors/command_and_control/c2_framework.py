"""Traffic of a known attack framework, remote access trojan or loader, or regular check-ins of an unknown one.

Patterns of known frameworks are in ``fingerprints/frameworks``. Unknown ones: requests at regular intervals by a
program that claims to be a browser, or sends no user agent, lacks headers that every browser sends, and carries an
opaque identifier each time. Fixed-function devices poll their vendors in the same way, and so do programs that do not
claim to be browsers: these are weak indications. The client of the flow is the infected host; the server is the C2 end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from statistics import median
from typing import Any

from sensor.core import detector
from sensor.core.addresses import text
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector, Signature
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.phrases import counted
from sensor.core.time_units import SECOND
from sensor.core.wants import Searched, Want, field, fields
from sensor.detectors.shared.calls import PIPE_SHARE
from sensor.detectors.shared.hosts import Numbers, app_of, ends_of, is_fixed_function, network_of_packet, who
from sensor.dissectors.http import HttpBody, HttpRequest
from sensor.dissectors.quic import QuicClientHello
from sensor.dissectors.rat import RatMessage
from sensor.dissectors.shared.smb_events import SmbCreate
from sensor.dissectors.tls import TlsCertificate, TlsClientHello

COURSES_LIMIT = 4096
REPORTED_LIMIT = 16384
PATHS_LIMIT = 8
# Families of DDoS bots, which attack on command and have no remote control.
BOTS = frozenset(("Gafgyt", "Mirai"))
MQTT_SHELL = "command shell over MQTT"  # whose output a host publishes
# Ports on which cleartext shells are legitimate: Telnet and similar, rlogin, rsh, console servers.
LOGINS = frozenset((22, 23, 107, 512, 513, 514, 992, 2323, *range(2000, 2100), *range(3000, 3100), *range(7000, 7100)))
# An opaque identifier: as the value of a cookie, in a query or at the end of a path.
_OPAQUE_COOKIE = lazy_pattern(r"=(?:base64|hex):(?:[1-9]\d|\d{3,4})\b|=digits:1\d\b")
_OPAQUE_PATH = lazy_pattern(r"(?:[?&][\w.-]{1,16}=|/)(?=[A-Za-z_-]*\d)[A-Za-z0-9_%+-]{10,}={0,2}(?:&|$)")
UNREAD = "header fields that would rule this out may be in the part of the request that the capture truncated"
# Fields of a request that body signatures may use.
LINE = ("method", "host", "path", "shape")
_BROWSER = lazy_pattern(r"\A(?:$|Mozilla/)")


class Options(detector.Options):
    """When check-ins of unknown programs are reported, and how often a pair is."""

    beats: int = Field(6, ge=4, le=100, description="threshold: consecutive regular check-ins")
    dispersion: float = Field(
        0.2, gt=0, le=1, description="maximum dispersion of the intervals (median absolute deviation divided by median)"
    )
    shortest_s: float = Field(
        1.0, gt=0, description="minimum interval in seconds; faster requests are part of the previous check-in"
    )
    again_s: int = Field(
        86400, ge=60, description="seconds until the same pair may be reported again for the same reason"
    )


class _CheckIns:
    """Check-ins of one client at one server: time of the last, last intervals (ns), paths."""

    __slots__ = ("intervals", "last", "paths")

    def __init__(self, ts: int, beats: int) -> None:
        self.last = ts
        self.intervals: deque[int] = deque(maxlen=2 * beats)
        self.paths: Bounded[str, bool] = Bounded(PATHS_LIMIT)


class C2Framework(EventDetector):
    """Watches HTTP requests and bodies, TLS and QUIC client hellos, certificates, pipes, and trojan protocols."""

    title = "C2 framework or remote access trojan"
    severity = Severity.high
    adjusts_severity = True
    techniques = ("T1071.001",)
    advice = (
        "Isolate the host but keep it running for memory forensics. Block the server at the border. Search for other "
        "hosts that contact it, and change the passwords used on the host."
    )
    false_positives = (
        "A penetration test; software that polls its vendor under a browser's user agent; breach and attack simulation."
    )
    watches = (HttpRequest, HttpBody, TlsClientHello, TlsCertificate, QuicClientHello, RatMessage, SmbCreate)
    decisive = {"beats": "beats"}
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._known = context.intel.signatures("frameworks")
        self._check_ins: Bounded[tuple[int, int, str], _CheckIns] = self.tables.add("check_ins", Bounded(COURSES_LIMIT))
        self._reported: Recent[tuple[int, int, str]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, self.options.again_s * SECOND)
        )
        self._shortest = int(self.options.shortest_s * SECOND)

    def wants(self) -> dict[type[Event], Want]:
        searched: dict[str, Searched] = {
            "method": field("method"), "host": field("host"), "path": field("path"), "agent": field("user_agent"),
            "headers": field("headers").read_as(",".join),
        }  # fmt: skip
        requested = searched | {"cookies": field("cookies"), "type": field("content_type")}
        request = self._known.wanted("request", requested, ("path", "cookies"))
        body = self._known.wanted("body", searched | {"body": field("shape"), "line": fields(*LINE)}, ("path",))
        hello: dict[str, Searched] = {name: field(name) for name in ("sni", "ja3", "ja4")}
        shown: dict[str, Searched] = {name: field(name) for name in ("subject", "issuer", "sha1")}
        hides = (
            ~field("forwarded").filled()
            & field("user_agent").matches(_BROWSER)
            & ~field("headers").has("accept-language")
        )
        opaque = field("cookies").matches(_OPAQUE_COOKIE) | field("path").matches(_OPAQUE_PATH)
        return {
            HttpRequest: request | (hides & opaque), HttpBody: body, TlsClientHello: self._known.wanted("tls", hello),
            QuicClientHello: self._known.wanted("quic", hello),
            TlsCertificate: self._known.wanted("certificate", shown),
            SmbCreate: (field("share") == PIPE_SHARE) & self._known.wanted("command", {"text": field("name")}),
        }  # fmt: skip

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, HttpRequest):
            return self._request(event)
        if isinstance(event, RatMessage):
            return self._trojan(event)
        kind, fields, reason = _content(event)
        return self._named(event, kind, fields, reason)

    def _request(self, event: HttpRequest) -> Iterator[Alert]:
        fields = {
            "method": event.method, "host": event.host, "path": event.path, "agent": event.user_agent,
            "headers": ",".join(event.headers), "cookies": event.cookies, "type": event.content_type,
        }  # fmt: skip
        yield from self._named(event, "request", fields, f"{event.path} {event.cookies}")
        if (
            not event.forwarded
            and _BROWSER.search(event.user_agent)
            and not event.truncated
            and "accept-language" not in event.headers
            and _opaque(event)
        ):
            yield from self._beat(event)

    def _named(self, event: Event, kind: str, fields: dict[str, str], reason: str) -> Iterator[Alert]:
        for known in self._known.found(kind, fields, reason):
            packet = event.packet
            client, server, _, _ = ends_of(packet, answer=isinstance(event, TlsCertificate) and not event.from_client)
            if not self._reported.fresh((client.address, server.address, known.id), packet.ts):
                continue
            unread = "headers" in known.unless and isinstance(event, HttpRequest) and event.truncated
            why = (*_why(known, kind, fields), *([UNREAD] if unread else ()))
            grade, confidence = (Severity.low, known.confidence / 2) if unread else (None, known.confidence)
            yield self._alert(event, client, server, known.what, why, known, grade=grade, confidence=confidence)

    def _trojan(self, event: RatMessage) -> Iterator[Alert]:
        """A shell from a reverse connection; or one offered by a server on an unusual port, as old exploits
        leave it.
        """
        shell = event.family == "command shell"
        client, server, _, port = ends_of(event.packet, answer=not event.from_client)
        if shell and not event.from_client and port in LOGINS:
            return
        if not self._reported.fresh((client.address, server.address, event.family), event.packet.ts):
            return
        if event.family == MQTT_SHELL:
            yield self._published(event, client, server)
            return
        handed = "from a reverse connection" if event.from_client else f"on a bind port ({port})"
        what = f"a command shell {handed}" if shell else f"remote control by {event.family}"
        why = (
            f"the {'client' if event.from_client else 'server'} sent {event.word!r} first, as {event.family} does"
            if event.word
            else f"the first bytes are those of {event.family}",
            f"{text(client.address)} opened the connection to port {port} of {text(server.address)}",
        )
        yield self._alert(event, client, server, what, why, None, techniques=_control(event.family, shell=shell))

    def _published(self, event: RatMessage, client: Subject, server: Subject) -> Alert:
        """A shell whose commands come from a broker; an internal broker may be that of an administrator."""
        why = (
            f"it published {event.word!r}, which a command shell writes",
            f"its broker {text(server.address)} can send it commands",
        )
        grade = Severity.medium if self.context.networks.inside(server.address) else None
        return self._alert(
            event, client, server, f"a {MQTT_SHELL}", why, None, techniques=("T1071.005", "T1059"), grade=grade
        )

    # Check-ins of unknown programs.

    def _beat(self, event: HttpRequest) -> Iterator[Alert]:
        packet = event.packet
        key = (packet.src, packet.dst, event.host)
        course = self._check_ins.get(key)
        if course is None:
            self._check_ins.put(key, _CheckIns(packet.ts, self.options.beats))
            return
        interval = packet.ts - course.last
        if interval < self._shortest:
            return
        course.last = packet.ts
        course.intervals.append(interval)
        course.paths.put(event.path.partition("?")[0], True)
        if len(course.intervals) >= self.options.beats - 1:
            yield from self._rhythm(event, course)

    def _rhythm(self, event: HttpRequest, course: _CheckIns) -> Iterator[Alert]:
        packet = event.packet
        middle = median(course.intervals)
        spread = median([abs(interval - middle) for interval in course.intervals]) / middle
        if spread > self.options.dispersion or not self._reported.fresh((packet.src, packet.dst, "rhythm"), packet.ts):
            return
        client, server, _, _ = ends_of(packet)
        beats, disguised = len(course.intervals) + 1, bool(event.user_agent)
        hides = f"the user agent is {event.user_agent[:80]!r}, without the Accept-Language header of browsers"
        why = (
            (
                f"{beats} requests about every {middle / SECOND:.1f} s (spread {spread:.2f}, threshold "
                f"{self.options.dispersion})"
            ),
            (
                f"each carries an opaque identifier, on {counted(len(course.paths), 'path')} such as "
                f"{next(iter(course.paths))}"
            ),
            hides if disguised else "the requests have no user agent",
        )
        numbers = {
            "beats": beats,
            "threshold": self.options.beats,
            "interval_s": round(middle / SECOND, 2),
            "dispersion": round(spread, 3),
        }
        what = "check-ins at regular intervals, " + (
            "with the user agent of a browser" if disguised else "without a user agent"
        )
        grade = Severity.medium if disguised and not is_fixed_function(self.context, client) else Severity.low
        yield self._alert(
            event, client, server, what, why, None, numbers=numbers, grade=grade, confidence=0.7 if disguised else 0.5
        )

    def _alert(
        self,
        event: Event,
        client: Subject,
        server: Subject,
        what: str,
        why: tuple[str, ...],
        known: Signature | None,
        *,
        techniques: tuple[str, ...] | None = None,
        numbers: Numbers | None = None,
        grade: Severity | None = None,
        confidence: float = 0.9,
    ) -> Alert:
        packet = event.packet
        answer = packet.src != client.address
        severity = grade if grade is not None else self._graded(known, client)
        return self.alert(
            event,
            actor=client,
            target=server,
            summary=f"{who(self.context, client)} communicated with {who(self.context, server)}: {what}",
            why=why,
            numbers=numbers or {"found": 1, "threshold": 1, "signature": known.id if known else what},
            key=(text(server.address),),
            severity=severity,
            confidence=confidence,
            actor_port=packet.dport if answer else packet.sport,
            target_port=packet.sport if answer else packet.dport,
            network=network_of_packet(self.context, packet, app_of(event), answer=answer),
            techniques=techniques or (known.techniques if known else None),
        )

    def _graded(self, known: Signature | None, client: Subject) -> Severity:
        """The signature's severity, one more for a fixed-function device; a weak indication is unchanged."""
        severity = known.level if known else Severity.high
        more_severe = severity > Severity.low and is_fixed_function(self.context, client)
        return Severity(min(severity + more_severe, Severity.critical))


def _content(event: Event) -> tuple[str, dict[str, str], str]:
    """(event kind for signatures, fields, text with words) of an event."""
    if isinstance(event, HttpBody):
        fields = {
            "method": event.method, "host": event.host, "path": event.path, "agent": event.user_agent,
            "headers": ",".join(event.headers), "body": event.shape,
            "line": " ".join(getattr(event, name) for name in LINE),
        }  # fmt: skip
        return "body", fields, event.path
    if isinstance(event, TlsCertificate):
        return "certificate", {"subject": event.subject, "issuer": event.issuer, "sha1": event.sha1}, ""
    if isinstance(event, SmbCreate) and event.share == PIPE_SHARE:
        return "command", {"type": "pipe", "text": event.name}, ""
    if isinstance(event, TlsClientHello | QuicClientHello):
        fields = {"sni": event.sni, "alpn": ",".join(event.alpn), "ja3": event.ja3, "ja4": event.ja4}
        return "quic" if isinstance(event, QuicClientHello) else "tls", fields, ""
    return "", {}, ""


def _why(known: Signature, kind: str, fields: dict[str, str]) -> tuple[str, ...]:
    shown = ("method", "host", "path", "agent", "cookies", "body") if kind in ("request", "body") else tuple(fields)
    reported = ", ".join(f"{name} {fields[name][:120]!r}" for name in shown if fields.get(name))
    return (f"signature {known.id}: {known.what}", f"seen: {reported}", *([known.note] if known.note else []))


def _opaque(event: HttpRequest) -> bool:
    return bool((event.cookies and _OPAQUE_COOKIE.search(event.cookies)) or _OPAQUE_PATH.search(event.path))


def _control(family: str, *, shell: bool) -> tuple[str, ...]:
    """Techniques of a custom protocol: a shell, a bot, or a trojan with screen and file access."""
    if shell:
        return ("T1059", "T1095")
    return ("T1095", "T1071") if family in BOTS else ("T1219", "T1095")
