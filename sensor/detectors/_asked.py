"""Names that a machine asks for, whatever the protocol: a question to DNS, the server name of TLS and QUIC, the host of HTTP."""

from __future__ import annotations

from collections.abc import Callable

from sensor.core.event import Event
from sensor.core.wants import Want, field
from sensor.dissectors.dns import DnsQuery
from sensor.dissectors.http import HttpRequest
from sensor.dissectors.quic import QuicClientHello
from sensor.dissectors.tls import TlsClientHello

ASKING: tuple[type[Event], ...] = (DnsQuery, TlsClientHello, QuicClientHello, HttpRequest)
_VERBS = {DnsQuery: "asked DNS for", TlsClientHello: "opened TLS to", QuicClientHello: "opened QUIC to", HttpRequest: "sent HTTP to"}


def name_of(event: Event) -> str:
    """The name asked for, in lower case; empty where there is none."""
    if isinstance(event, DnsQuery):
        return event.name
    if isinstance(event, TlsClientHello | QuicClientHello):
        return event.sni.lower()
    return event.host.lower() if isinstance(event, HttpRequest) else ""


def verb_of(event: Event) -> str:
    """What was done with the name, for a sentence."""
    return _VERBS[type(event)]


def asks(test: Callable[[str], object]) -> dict[type[Event], Want]:
    """Events that ask for a name, in lower case, of which a pure function says yes."""
    sni = field("sni").read_as(str.lower).passes(test)
    host = field("host").read_as(str.lower).passes(test)
    return {DnsQuery: field("name").passes(test), TlsClientHello: sni, QuicClientHello: sni, HttpRequest: host}
