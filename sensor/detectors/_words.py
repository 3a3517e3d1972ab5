"""How detectors call things in sentences."""

from __future__ import annotations

from sensor.core import addresses
from sensor.core.detector import Context
from sensor.core.flow import Flow
from sensor.core.observation import Subject

PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6"}


def client_of(flow: Flow) -> Subject:
    return Subject(flow.client_mac, flow.client, flow.vlan)


def server_of(flow: Flow) -> Subject:
    return Subject(flow.server_mac, flow.server, flow.vlan)


def network_of(context: Context, flow: Flow) -> dict[str, str | int]:
    """Facts of the flow for the record."""
    return {"proto": PROTOCOLS.get(flow.proto, str(flow.proto)), "vlan": flow.vlan, "direction": context.networks.direction(flow.client, flow.server)}


def who(context: Context, subject: Subject) -> str:
    """Type, name and address of an endpoint, as far as they are known: ``printer PRN-3F (10.0.0.5)``."""
    place = addresses.text(subject.address) if subject.address else addresses.mac_text(subject.mac)
    device = context.device(subject)
    if device is None:
        return place
    words = [device.type if device.type != "unknown" else "", device.label]
    name = " ".join(filter(None, words))
    return f"{name} ({place})" if name and name != place else place


def is_fixed_function(context: Context, subject: Subject) -> bool:
    """True where the endpoint is known as a device with one job."""
    device = context.device(subject)
    return device is not None and device.fixed_function


def some(items: list[str], most: int = 5) -> str:
    """The first few of a list, and how many more there are."""
    return ", ".join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")
