"""A TLS client or certificate on a threat list: JA3, JA4, or certificate hash."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector, Listed
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.detectors.shared.hosts import app_of, ends_of, is_fixed_function, network_of_packet, who
from sensor.detectors.shared.listed import facts, listing
from sensor.dissectors.quic import QuicClientHello
from sensor.dissectors.tls import TlsCertificate, TlsClientHello

REPORTED_LIMIT = 65536


class Options(detector.Options):
    """How often the same match is reported."""

    again_s: int = Field(86400, ge=60, description="seconds until the same hosts and fingerprint may be reported again")


class MaliciousFingerprint(EventDetector):
    """Watches client hellos and certificates.

    A client fingerprint is shared by legitimate programs and is weaker evidence than a certificate.
    """

    title = "TLS fingerprint on a threat list"
    severity = Severity.medium
    techniques = ("T1573.002", "T1573", "T1071.001")
    advice = (
        "Identify the program that opened the session. If the certificate is listed, treat the host as "
        "compromised and block the server."
    )
    false_positives = (
        "Programs that use the same TLS library with the same settings as malware (JA3 above all); outdated lists."
    )
    watches = (TlsClientHello, QuicClientHello, TlsCertificate)
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._reported: Recent[tuple[int, int, str]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, self.options.again_s * SECOND)
        )

    def wants(self) -> dict[type[Event], Want]:
        hello = field("ja3").passes(self._listed, self.context.intel) | field("ja4").passes(
            self._listed, self.context.intel
        )
        shown = field("sha1").passes(self._listed, self.context.intel) | field("sha256").passes(
            self._listed, self.context.intel
        )
        return {TlsClientHello: hello, QuicClientHello: hello, TlsCertificate: shown}

    def _listed(self, value: str) -> bool:
        return bool(value) and self.context.intel.text(value) is not None

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, TlsCertificate):
            kinds = (("certificate", event.sha1), ("certificate", event.sha256))
        elif isinstance(event, TlsClientHello | QuicClientHello):
            kinds = (("JA3", event.ja3), ("JA4", event.ja4))
        else:
            return
        for kind, value in kinds:
            if value and (entry := self.context.intel.text(value, event.ts)) is not None:
                yield from self._alert(event, entry, kind, value)
                return

    def _alert(self, event: Event, entry: Listed, kind: str, value: str) -> Iterator[Alert]:
        back = isinstance(event, TlsCertificate) and not event.from_client
        client, server, client_port, server_port = ends_of(event.packet, answer=back)
        if not self._reported.fresh((client.address, server.address, value), event.ts):
            return
        certificate = kind == "certificate"
        what = f"received the certificate {value[:16]}… from" if back else f"presented the {kind} {value[:36]} to"
        yield self.alert(
            event,
            actor=client,
            target=server,
            summary=f"{who(self.context, client)} {what} {who(self.context, server)}, on threat list {entry.list_name}",
            why=(f"the {kind} {value} is {listing(entry, event.ts)}",),
            numbers={**facts(entry, event.ts), "kind": kind, "fingerprint": value},
            key=(server.address, entry.entry),
            severity=Severity(
                (Severity.high if certificate else Severity.medium) + is_fixed_function(self.context, client)
            ),
            confidence=round(entry.confidence * (1 if certificate else 0.5), 2),
            actor_port=client_port,
            target_port=server_port,
            network=network_of_packet(self.context, event.packet, app_of(event), answer=back),
        )
