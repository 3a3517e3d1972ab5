"""Names that a host requests, whatever the protocol: DNS query, TLS or QUIC server name, HTTP host. A DNS response
repeats the query, which a capture of one direction may lack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sensor.core.event import Event
from sensor.core.wants import Want, field
from sensor.detectors.shared.hosts import Ends, ends_of
from sensor.dissectors.dns import DnsQuery, DnsResponse
from sensor.dissectors.http import HttpRequest
from sensor.dissectors.quic import QuicClientHello
from sensor.dissectors.tls import TlsClientHello

ASKING: tuple[type[Event], ...] = (DnsQuery, DnsResponse, TlsClientHello, QuicClientHello, HttpRequest)
_VERBS = {
    DnsQuery: "sent a DNS query for",
    DnsResponse: "sent a DNS query for",
    TlsClientHello: "opened a TLS session to",
    QuicClientHello: "opened a QUIC session to",
    HttpRequest: "sent an HTTP request to",
}


def name_of(event: Event) -> str:
    """The requested name, in lower case; empty where there is none."""
    if isinstance(event, DnsQuery | DnsResponse):
        return event.name
    if isinstance(event, TlsClientHello | QuicClientHello):
        return event.sni.lower()
    return event.host.lower() if isinstance(event, HttpRequest) else ""


def verb_of(event: Event) -> str:
    """The action on the name, as a verb phrase."""
    return _VERBS[type(event)]


def ends_of_request(event: Event) -> Ends:
    """The ends of the request: the receiver of a DNS response sent it."""
    return ends_of(event.packet, answer=isinstance(event, DnsResponse))


def asks(test: Callable[[str], object]) -> dict[type[Event], Want]:
    """Prefilters of events that request a name (lower case) for which a pure function returns true."""
    queried = field("name").passes(test)
    sni, host = (field(name).read_as(str.lower).passes(test) for name in ("sni", "host"))
    return {DnsQuery: queried, DnsResponse: queried, TlsClientHello: sni, QuicClientHello: sni, HttpRequest: host}


def asks_under(domains: Iterable[str]) -> dict[type[Event], Want]:
    """Prefilters of events that request one of these domains or a name below one."""
    queried, sni, host = (field(name).under(domains) for name in ("name", "sni", "host"))
    return {DnsQuery: queried, DnsResponse: queried, TlsClientHello: sni, QuicClientHello: sni, HttpRequest: host}
