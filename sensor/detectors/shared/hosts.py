"""Names of hosts and devices in sentences and in the record."""

from __future__ import annotations

from typing import NamedTuple

from sensor.core.alert import Severity
from sensor.core.detector import Context
from sensor.core.device_text import device_text
from sensor.core.event import Event
from sensor.core.flow import Flow
from sensor.core.ip_protocols import PROTOCOLS
from sensor.core.observation import Subject
from sensor.core.packet import Packet

# Types of devices that forward the traffic of others.
CARRIERS = frozenset(("switch", "router", "access_point", "wireless_controller", "firewall"))


# The numbers of an alert: values, and the thresholds that they reached.
Numbers = dict[str, int | float | str]


class Ends(NamedTuple):
    """Client and server of a packet."""

    actor: Subject
    target: Subject
    actor_port: int
    target_port: int


def ends_of(packet: Packet, *, answer: bool = False) -> Ends:
    """The ends of a request, or of an answer."""
    sender, other = Subject(packet.src_mac, packet.src, packet.vlan), Subject(packet.dst_mac, packet.dst, packet.vlan)
    return (
        Ends(other, sender, packet.dport, packet.sport) if answer else Ends(sender, other, packet.sport, packet.dport)
    )


def app_of(event: Event) -> str:
    """The protocol of an event, for the record."""
    return event.kind.partition(".")[0]


def client_of(flow: Flow) -> Subject:
    return Subject(flow.client_mac, flow.client, flow.vlan)


def server_of(flow: Flow) -> Subject:
    return Subject(flow.server_mac, flow.server, flow.vlan)


def network_of(context: Context, flow: Flow) -> dict[str, str | int]:
    """Facts of the flow for the record."""
    return {
        "proto": PROTOCOLS.get(flow.proto, str(flow.proto)),
        "vlan": flow.vlan,
        "direction": context.networks.direction(flow.client, flow.server),
    }


def network_of_packet(context: Context, packet: Packet, app: str = "", *, answer: bool = False) -> dict[str, str | int]:
    """Facts of a request, or of an answer. ``app``: the application protocol, if known."""
    requested = (packet.dst, packet.src) if answer else (packet.src, packet.dst)
    protocol = {"proto": PROTOCOLS.get(packet.proto, str(packet.proto)), **({"app": app} if app else {})}
    return {**protocol, "vlan": packet.vlan, "direction": context.networks.direction(*requested)}


def who(context: Context, subject: Subject) -> str:
    """Known type, name and address of an endpoint: ``printer PRN-3F (10.0.0.5)``."""
    return device_text(context.device(subject), subject)


def is_fixed_function(context: Context, subject: Subject) -> bool:
    """Whether the endpoint is a known fixed-function device."""
    device = context.device(subject)
    return device is not None and device.fixed_function


def is_external(context: Context, actor: Subject, target: Subject) -> bool:
    """Whether the actor is external to the network of the target. Unknown, thus False, if the target is not internal
    either: hosts with public addresses, without configured networks.
    """
    return context.networks.direction(actor.address, target.address) == "inbound"


def place_of(context: Context, subject: Subject, other: Subject) -> str:
    """Where an endpoint is, for another: ``external``, ``internal``, or, if neither is internal (hosts with public
    addresses, without configured networks), ``in no configured network``.
    """
    if context.networks.inside(subject.address):
        return "internal"
    return "external" if context.networks.inside(other.address) else "in no configured network"


def severity_of_scan(context: Context, actor: Subject, *, answered: bool = False) -> Severity:
    """Fixed-function devices never scan: high. Scans from the internet are background noise: low, unless a target
    answered.
    """
    if is_fixed_function(context, actor):
        return Severity.high
    return Severity.medium if answered or context.networks.inside(actor.address) else Severity.low


def scanned(count: int, service: str) -> str:
    """What an address scan did; ``service``: ``tcp/445`` or ``ping``."""
    if service == "ping":
        return f"pinged {count} addresses that did not answer"
    return f"scanned {count} addresses on {service} that did not answer"
