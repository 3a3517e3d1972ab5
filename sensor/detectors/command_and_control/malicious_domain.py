"""A domain or URL on a threat list: in a DNS query, a TLS or QUIC server name, an HTTP request, or a server
certificate.
"""

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
from sensor.core.wants import Want, field, fields
from sensor.detectors.shared.exploits import origin_form
from sensor.detectors.shared.hosts import app_of, ends_of, is_fixed_function, network_of_packet, who
from sensor.detectors.shared.listed import facts, listing
from sensor.dissectors.dns import DnsQuery, DnsResponse
from sensor.dissectors.http import HttpRequest
from sensor.dissectors.quic import QuicClientHello
from sensor.dissectors.tls import TlsCertificate, TlsClientHello

REPORTED_LIMIT = 65536
NAMES_LIMIT = 8


class Options(detector.Options):
    """How often the same match is reported."""

    again_s: int = Field(86400, ge=60, description="seconds until the same host and name may be reported again")


class MaliciousDomain(EventDetector):
    """Watches DNS queries, client hellos, HTTP requests and certificates. Without lists it has no cost."""

    title = "Contact with a domain on a threat list"
    severity = Severity.high
    techniques = ("T1071",)
    advice = (
        "Review what the internal host exchanged with this domain and which program queried it. If it was answered, "
        "treat the host as compromised. Block the name at the resolver."
    )
    false_positives = (
        "Outdated lists; a listed name on shared hosting; mail servers and security products that resolve names from "
        "content; a resolver that queries for its clients."
    )
    watches = (DnsQuery, DnsResponse, TlsClientHello, QuicClientHello, HttpRequest, TlsCertificate)
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._reported: Recent[tuple[int, str, str]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, self.options.again_s * SECOND)
        )

    def wants(self) -> dict[type[Event], Want]:
        intel = self.context.intel
        hello, named = field("sni").passes(self._listed, intel), field("common_name").passes(self._listed, intel)
        queried = field("name").passes(self._listed, intel)
        others = field("names").passes(lambda names: any(self._listed(name) for name in names[:NAMES_LIMIT]), intel)
        address = fields("host", "path").passes(
            lambda host, path: intel.text(f"http://{host}{origin_form(path)}") is not None, intel
        )
        return {
            DnsQuery: queried, DnsResponse: queried, TlsClientHello: hello, QuicClientHello: hello,
            HttpRequest: field("host").passes(self._listed, intel) | address,
            TlsCertificate: ~field("from_client").filled() & (named | others),
        }  # fmt: skip

    def _listed(self, name: str) -> bool:
        return bool(name) and self.context.intel.domain(name.removeprefix("*.")) is not None

    def inspect(self, event: Event) -> Iterator[Alert]:
        intel = self.context.intel
        if isinstance(event, DnsQuery | DnsResponse):
            if (entry := intel.domain(event.name, event.ts)) is not None:
                yield from self._alert(event, entry, event.name, "queried", back=isinstance(event, DnsResponse))
        elif isinstance(event, TlsClientHello | QuicClientHello):
            if event.sni and (entry := intel.domain(event.sni, event.ts)) is not None:
                yield from self._alert(event, entry, event.sni, "opened a TLS or QUIC session to")
        elif isinstance(event, HttpRequest):
            path = origin_form(event.path)
            entry = (event.host and intel.domain(event.host, event.ts)) or intel.text(
                f"http://{event.host}{path}", event.ts
            )
            if entry:
                yield from self._alert(event, entry, event.host + path.partition("?")[0][:80], "requested")
        elif isinstance(event, TlsCertificate) and not event.from_client:
            for name in dict.fromkeys((event.common_name, *event.names[:NAMES_LIMIT])):
                if name and (entry := intel.domain(name.removeprefix("*."), event.ts)) is not None:
                    yield from self._alert(event, entry, name, "received a certificate for", back=True)
                    return

    def _alert(self, event: Event, entry: Listed, name: str, did: str, *, back: bool = False) -> Iterator[Alert]:
        client, server, client_port, server_port = ends_of(event.packet, answer=back)
        if not self._reported.fresh((client.address, entry.entry, did), event.ts):
            return
        queried = isinstance(event, DnsQuery | DnsResponse)
        severe = Severity.medium if queried else Severity.high
        at = "" if queried else f" (at {who(self.context, server)})"
        yield self.alert(
            event,
            actor=client,
            target=server,
            summary=f"{who(self.context, client)} {did} {name}, on threat list {entry.list_name}{at}",
            why=(
                f"{name} matches {listing(entry, event.ts)}",
                f"it {did} it {'from the resolver' if queried else 'at'} {who(self.context, server)}",
            ),
            numbers={**facts(entry, event.ts), "name": name},
            key=(entry.entry,),
            severity=Severity(severe + is_fixed_function(self.context, client)),
            confidence=entry.confidence,
            actor_port=client_port,
            target_port=server_port,
            network=network_of_packet(self.context, event.packet, app_of(event), answer=back),
            techniques=("T1071.004",) if queried else ("T1071.001",),
        )
