"""Names that a machine asks for, whatever the protocol: a question to DNS, the server name of TLS and QUIC, the host of HTTP."""

from __future__ import annotations

from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.observation import Subject
from sensor.detectors._words import PROTOCOLS
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


def app_of(event: Event) -> str:
    """The protocol of an event, for the record."""
    return event.kind.partition(".")[0]


def ends_of(event: Event, *, answer: bool = False) -> tuple[Subject, Subject, int, int]:
    """Who opened the conversation, with whom, and their ports. ``answer``: the packet came from the other end."""
    packet = event.packet
    near, far = Subject(packet.src_mac, packet.src, packet.vlan), Subject(packet.dst_mac, packet.dst, packet.vlan)
    return (far, near, packet.dport, packet.sport) if answer else (near, far, packet.sport, packet.dport)


def facts_of(context: Context, event: Event) -> dict[str, str | int]:
    """Facts of the packet for the record."""
    packet = event.packet
    return {
        "proto": PROTOCOLS.get(packet.proto, str(packet.proto)),
        "app": app_of(event),
        "vlan": packet.vlan,
        "direction": context.networks.direction(packet.src, packet.dst),
    }
