"""A machine says that it has the address of another one, which is still there: by ARP, or by neighbour discovery of IPv6.

Addresses change their MAC honestly: leases end, clusters and routers fail over, wireless clients roam. Then the one that had it is gone, or yields at once and
goes on under its other addresses, and the new one says so a few times and then when it is asked. An attacker has to say it again and again, takes both ends of
a conversation, or takes an address that it asks for itself; and the one robbed goes on. Who of two was there first is not known where the capture begins amid
it: then the one that answers without being asked is the attacker. A machine may send by several ports, and each says that it has the address: MACs that follow
one another are a hint only. Machines that share a virtual MAC (VRRP, CARP, HSRP, GLBP) are left alone. There is no threshold of packets a second: two frames
can be enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.observation import Subject
from sensor.core.wants import Want, field
from sensor.detectors._bindings import Binding, Bindings, Owner, are_ports, is_virtual
from sensor.detectors._words import is_fixed_function, who
from sensor.dissectors.arp import ArpAnnouncement, ArpReply, ArpRequest
from sensor.dissectors.dhcp import DhcpAck
from sensor.dissectors.ndp import NdpNeighbourAdvertisement, NdpNeighbourSolicitation, NdpRouterAdvertisement

SECOND = 1_000_000_000
GATEWAYS_LIMIT, TOLD_LIMIT, FORMER_LIMIT = 256, 2048, 4096
TOLD_S, FORMER_S = 30, 3600
ASKED_LIMIT, ANSWERED = 4096, 2 * SECOND  # an answer comes within so long of its question
GROUP = 1 << 40
FORWARDERS = ("router", "firewall", "access_point")


class Options(detector.Options):
    """How claims are weighed."""

    patience_s: int = Field(300, ge=30, le=86400, description="seconds after its last word in which an address still belongs to its MAC")
    alive_s: int = Field(60, ge=5, le=3600, description="seconds since its last word within which the one robbed counts as being there")
    claims: int = Field(3, ge=2, description="times that an address must be claimed, seconds apart, while the one robbed is there")
    span_s: float = Field(8.0, gt=0, description="seconds between the first and the last of these claims")
    exempt_macs: tuple[str, ...] = Field((), description="MACs of proxies, wireless bridges and clusters that answer for others")


class ArpSpoofing(EventDetector):
    """Watches who claims which address, by segment."""

    title = "Address spoofing on the local network"
    severity = Severity.high
    techniques = ("T1557.002",)
    advice = (
        "Find the port of the MAC that takes the address and shut it; check sessions and passwords that crossed the network since. Dynamic ARP inspection and "
        "RA guard on the switches stop this."
    )
    false_positives = "Two machines with the same fixed address; wireless extenders and proxies that answer for others (list them in `exempt_macs`)."
    Options = Options
    watches = (ArpRequest, ArpReply, ArpAnnouncement, NdpNeighbourAdvertisement, NdpNeighbourSolicitation, NdpRouterAdvertisement, DhcpAck)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._bindings = Bindings()
        self._gateways: Bounded[tuple[int, int], bool] = Bounded(GATEWAYS_LIMIT)
        # Who had an address, and when another one took it while nothing was heard of the first.
        self._former: Bounded[tuple[int, int], tuple[int, int]] = Bounded(FORMER_LIMIT)
        self._asked_for: Bounded[tuple[int, int, int], int] = Bounded(ASKED_LIMIT)  # segment, address and who asks for it → when
        self._told: Recent[tuple[int, int, int]] = Recent(TOLD_LIMIT, TOLD_S * SECOND)
        self._exempt = frozenset(map(addresses.parse_mac, self.options.exempt_macs))

    def wants(self) -> dict[type[Event], Want]:
        return {NdpRouterAdvertisement: field("lifetime_s").filled(), DhcpAck: field("gateways").filled()}

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet = event.packet
        if isinstance(event, ArpRequest | ArpReply | ArpAnnouncement):
            mac, address, insists = event.sender_mac, event.sender, not isinstance(event, ArpRequest)
            if isinstance(event, ArpRequest) and mac:
                self._asked_for.put((packet.vlan, event.target, address), event.ts)
                yield from self._asked(event, mac, event.target)
        elif isinstance(event, NdpNeighbourAdvertisement):
            mac, address, insists = event.mac, event.target, not event.solicited
        elif isinstance(event, NdpNeighbourSolicitation):
            mac, address, insists = event.mac, event.sender, False
        else:
            self._learn(event)
            return
        if not mac or mac & GROUP or not addresses.is_host(address) or mac in self._exempt or is_virtual(mac):
            return
        yield from self._claimed(event, packet.vlan, mac, address, insists)

    def _learn(self, event: Event) -> None:
        """Which addresses are gateways."""
        if isinstance(event, DhcpAck):
            for gateway in event.gateways:
                self._gateways.put((event.packet.vlan, gateway), True)
        elif isinstance(event, NdpRouterAdvertisement) and event.lifetime_s:
            self._gateways.put((event.packet.vlan, event.packet.src), True)

    def _asked(self, event: ArpRequest, mac: int, target: int) -> Iterator[Alert]:
        """Nobody asks for an address that is its own: who told others that it has it, lied."""
        vlan, address = event.packet.vlan, event.sender
        owner = self._bindings.owner(vlan, mac, event.ts)
        said = owner.own.get(target)
        if said is None or not address or address == target or event.ts - said > self.options.patience_s * SECOND or mac in self._exempt or is_virtual(mac):
            return
        reason = f"it told others that it has {addresses.text(target)}, and {(event.ts - said) / SECOND:.0f} s later asks itself who has it"
        yield from self._alert(event, mac, address, target, 0, reason, 1)

    def _claimed(self, event: Event, vlan: int, mac: int, address: int, insists: bool) -> Iterator[Alert]:
        want, bindings = self.options, self._bindings
        owner = bindings.owner(vlan, mac, event.ts)
        if insists:
            owner.own.put(address, event.ts)
        unasked = insists and not (isinstance(event, ArpReply) and self._is_answer(event))
        dispute = bindings.claim(vlan, address, mac, event.ts, want.patience_s * SECOND, unasked=unasked)
        if dispute is None and not insists:
            owner.asks = address
        if dispute is None or is_virtual(dispute.mac) or dispute.mac in self._exempt:
            return
        if dispute.mac == mac:  # the one robbed speaks, or one that robbed another before we listened
            if unasked and isinstance(event, ArpReply):
                yield from self._forced(event, vlan, mac, address, dispute)
            elif dispute.claims >= 2 and self._others(vlan, dispute.rival, address):
                reason = f"{addresses.mac_text(mac)} has it and still says so"
                yield from self._alert(event, dispute.rival, 0, address, mac, reason, dispute.claims)
            return
        robbed = bindings.spoke(vlan, dispute.mac)
        if dispute.since - robbed > want.alive_s * SECOND or self._gave_way(dispute, event.ts):
            self._moved(vlan, address, dispute.mac, mac, event.ts)
            bindings.settle(vlan, address, mac, event.ts)
            return
        former, since = self._former.get((vlan, address)) or (0, 0)
        returns = former == mac and event.ts - since <= FORMER_S * SECOND
        if not returns:
            owner.taken.put(address, (event.ts, dispute.mac))
        if not (reason := self._reason(event, vlan, address, owner, dispute, robbed, insists)):
            return
        if returns:
            bindings.settle(vlan, address, mac, event.ts)
            reason = f"{addresses.mac_text(mac)} had it before, and takes it back"
            yield from self._alert(event, dispute.mac, 0, address, mac, reason, dispute.claims)
        else:
            yield from self._alert(event, mac, 0, address, dispute.mac, reason, dispute.claims)

    def _forced(self, event: Event, vlan: int, mac: int, address: int, dispute: Binding) -> Iterator[Alert]:
        """The first that said so answers again and again although nobody asks, while another says it as well, and never unasked."""
        want, span = self.options, (event.ts - dispute.since) / SECOND
        dispute.forced += 1
        if dispute.forced >= want.claims and not dispute.unasked and span >= want.span_s:
            reason = f"it answered {dispute.forced} times in {span:.0f} s though nobody asked it, while {addresses.mac_text(dispute.rival)} has the address too"
            yield from self._alert(event, mac, 0, address, dispute.rival, reason, dispute.forced)

    def _is_answer(self, reply: ArpReply) -> bool:
        """Whether the one it is sent to asked just before."""
        asked = self._asked_for.get((reply.packet.vlan, reply.sender, reply.target))
        return asked is not None and 0 <= reply.ts - asked <= ANSWERED

    def _gave_way(self, dispute: Binding, ts: int) -> bool:
        """Whether the one that had the address let it go: it never said again that it has it, and the new one only says so when it is asked."""
        want = self.options
        return dispute.last < dispute.since and dispute.unasked < want.claims and ts - dispute.since > want.alive_s * SECOND

    def _moved(self, vlan: int, address: int, old: int, new: int, ts: int) -> None:
        """An address is another MAC's now, for the one that had it is silent: it may have gone, or may only have had nothing to say."""
        if (self._former.get((vlan, address)) or (0, 0))[0] == new:
            self._former.pop((vlan, address))
        else:
            self._former.put((vlan, address), (old, ts))

    def _others(self, vlan: int, mac: int, address: int) -> bool:
        """Whether a MAC has an address of its own besides the one in dispute: a machine that was given a wrong address has not."""
        owner = self._bindings.known(vlan, mac)
        return owner is not None and any(own != address for own in owner.own)

    def _has_others(self, vlan: int, mac: int, address: int) -> bool:
        """The same, where those count as well in whose name it asks."""
        owner = self._bindings.known(vlan, mac)
        return self._others(vlan, mac, address) or (owner is not None and owner.asks not in (0, address))

    def _reason(self, event: Event, vlan: int, address: int, owner: Owner, dispute: Binding, robbed: int, insists: bool) -> str:
        """Why this claim is an attack; empty where it may be honest."""
        want, since = self.options, dispute.since
        recent = {mac for taken, mac in owner.taken.values() if event.ts - taken <= want.alive_s * SECOND}
        if len(recent) > 1:
            return f"within {want.alive_s} s it took addresses of {len(recent)} machines: both ends of conversations"
        again = dispute.last > since  # the one robbed still says that it has the address
        lives_on = robbed > since and not again and self._has_others(vlan, dispute.mac, address)
        proven = again or (dispute.unasked >= want.claims and not lives_on)
        if insists and proven and dispute.claims >= want.claims and event.ts - since >= want.span_s * SECOND:
            spoke = "after that" if robbed > since else f"{(since - robbed) / SECOND:.0f} s before"
            return (
                f"it said so {dispute.claims} times in {(event.ts - since) / SECOND:.0f} s, though {addresses.mac_text(dispute.mac)} has it and spoke {spoke}"
            )
        if insists and (vlan, address) in self._gateways and dispute.claims >= 2 and again:
            return f"the address is the gateway's, and {addresses.mac_text(dispute.mac)}, which has it, is still there"
        return ""

    def _alert(self, event: Event, mac: int, own: int, address: int, robbed: int, reason: str, claims: int) -> Iterator[Alert]:
        packet, v6 = event.packet, not addresses.is_v4(address)
        if not self._told.fresh((packet.vlan, mac, address), event.ts):
            return
        owner = self._bindings.known(packet.vlan, mac)
        if owner and not own:
            own = next((held for held in (*owner.own, owner.asks) if held not in (0, address) and held not in owner.taken), 0)
        actor, name = Subject(mac, own or address, packet.vlan), addresses.mac_text(mac)
        victim = Subject(robbed, address, packet.vlan)
        fooled = event.target if isinstance(event, ArpReply) and event.sender_mac == mac else packet.dst
        targets = [victim, *([Subject(0, fooled, packet.vlan)] if addresses.is_host(fooled) and fooled != address else [])]
        device = self.context.device(Subject(mac, own, packet.vlan)) if own else None
        gateway = "the gateway " if (packet.vlan, address) in self._gateways else ""
        severity = Severity.medium if device and device.type in FORWARDERS else Severity.high
        ports = are_ports(mac, robbed)
        alert = self.alert(
            event,
            actor=actor,
            target=victim,
            targets=targets,
            summary=f"{f'{who(self.context, Subject(mac, own, packet.vlan))} ({name})' if own else name} pretends to be {gateway}{addresses.text(address)}",
            why=(
                reason,
                *([f"the address is that of {addresses.mac_text(robbed)}"] if robbed else []),
                *(["the two MACs follow one another, as those of one machine's ports do: it may send by both of them"] if ports else []),
            ),
            numbers={"claims": claims, "threshold": self.options.claims},
            severity=Severity.low if ports else Severity.critical if own and is_fixed_function(self.context, Subject(mac, own, packet.vlan)) else severity,
            confidence=0.5 if ports else 0.9,
            network={"proto": "icmpv6" if v6 else "arp", "vlan": packet.vlan, "direction": "internal"},
            techniques=("T1557",) if v6 else self.techniques,
        )
        alert.key = f"{self.id}|{packet.vlan}|{name}|{addresses.text(address)}"
        yield alert
