"""IP address conflict: two hosts alternately claim the same address, or a client declined a lease because the address
is in use.

A host that takes addresses of others intentionally has its own address too; that is reported as spoofing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.ip_protocols import UDP
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.detectors.shared.bindings import Bindings, are_ports, is_virtual
from sensor.detectors.shared.hosts import who
from sensor.dissectors.arp import ArpAnnouncement, ArpReply, ArpRequest
from sensor.dissectors.dhcp import DhcpDecline
from sensor.dissectors.vrrp import VrrpAdvertisement

REPORTED_LIMIT = 1024
REPORTED_S = 300
MANY = 4  # addresses from which on their holder is a proxy, which answers for others (RFC 1027)


class Options(detector.Options):
    """When two claims are a conflict."""

    patience_s: int = Field(
        300, ge=30, le=86400, description="seconds after the last claim in which an address still belongs to its MAC"
    )
    returns: int = Field(2, ge=1, description="threshold: claims of the first host after a claim of the second")


class AddressConflict(EventDetector):
    """Watches ARP claims and declined leases."""

    title = "IP address conflict"
    severity = Severity.low
    techniques = ()
    advice = (
        "Assign another address to one of the two. Look for a static address inside the DHCP range, or "
        "a cloned virtual machine."
    )
    false_positives = "Wireless extenders and clusters whose members answer with their own MACs."
    decisive = {"returns": "times"}
    Options = Options
    watches = (ArpRequest, ArpReply, ArpAnnouncement, DhcpDecline, VrrpAdvertisement)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._bindings = self.tables.include("bindings", Bindings())
        self._reported: Recent[tuple[int, int]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, REPORTED_S * SECOND)
        )

    def wants(self) -> dict[type[Event], Want]:
        named = field("sender_mac").filled() & field("sender").filled()
        return {ArpRequest: named, ArpReply: named, ArpAnnouncement: named, DhcpDecline: field("requested").filled()}

    def inspect(self, event: Event) -> Iterator[Alert]:
        vlan = event.packet.vlan
        if isinstance(event, VrrpAdvertisement):
            self._bindings.share(event)
        elif isinstance(event, DhcpDecline):
            if event.requested and self._reported.fresh((vlan, event.requested), event.ts):
                client = Subject(event.mac, 0, vlan)
                yield self._alert(
                    event,
                    client,
                    Subject(0, event.requested, vlan),
                    f"{who(self.context, client)} declined the lease: the address is in use",
                    1,
                )
        elif isinstance(event, ArpRequest | ArpReply | ArpAnnouncement):
            yield from self._claimed(event, vlan)

    def _claimed(self, event: ArpRequest | ArpReply | ArpAnnouncement, vlan: int) -> Iterator[Alert]:
        mac, address = event.sender_mac, event.sender
        if not mac or addresses.is_group_mac(mac) or not addresses.is_host(address) or is_virtual(mac):
            return
        owner = self._bindings.owner(vlan, mac, event.ts)
        owner.own.put(address, event.ts)
        held = self._bindings.claim(vlan, address, mac, event.ts, self.options.patience_s * SECOND)
        if held is None or held.mac != mac or held.returns < self.options.returns or is_virtual(held.rival):
            return
        if len(owner.own) >= MANY:
            return
        rival = self._bindings.known(vlan, held.rival)
        if rival is not None and any(own != address for own in rival.own):
            return
        if self._reported.fresh((vlan, address), event.ts):
            first, second = Subject(mac, address, vlan), Subject(held.rival, address, vlan)
            reason = (
                f"{addresses.mac_text(mac)} and {addresses.mac_text(held.rival)} claimed it alternately, "
                f"{held.returns} times"
            )
            yield self._alert(event, second, first, reason, held.returns)

    def _alert(self, event: Event, second: Subject, first: Subject, reason: str, times: int) -> Alert:
        owners = "two ports, possibly of one host," if are_ports(first.mac, second.mac) else "two hosts"
        alert = self.alert(
            event,
            actor=second,
            target=first,
            summary=f"{owners} claim the address {addresses.text(first.address)}",
            why=(reason,),
            numbers={"times": times, "threshold": self.options.returns if times > 1 else 1},
            network={
                "proto": "udp" if event.packet.proto == UDP else "arp",
                "vlan": first.vlan,
                "direction": "internal",
            },
        )
        alert.key = f"{self.id}|{first.vlan}|{addresses.text(first.address)}"
        return alert
