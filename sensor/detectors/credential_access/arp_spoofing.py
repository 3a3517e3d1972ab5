"""ARP spoofing and IPv6 neighbor spoofing: a host claims an IP address whose holder is still active.

Addresses also change their MAC legitimately: leases end, clusters and routers fail over, wireless clients roam. In
these cases the former holder is gone, or yields immediately and continues with its other addresses, and the new holder
announces itself a few times and then answers requests; if the address soon moves back, the former holder announces it
as well. An attacker must repeat the claim, claims the addresses of both ends of a conversation, or claims an address
that it also requests, while the victim stays active. Claims that the attacker sends with the MAC of the victim, to
repair the caches at the end, are not claims of the victim. If the capture begins during an attack, the first holder is
unknown: then the host that sends unsolicited replies is the attacker, in particular if it claims the addresses of two
hosts towards each other. A gateway may answer for isolated hosts (proxy ARP, RFC 1027; private VLANs): each of its
claims is the only answer to a request, which the host does not receive, whereas spoofing tools claim without a request,
or the victim answers too. A host may send from several ports that all claim the address: consecutive MACs are a weak
indication. Virtual MACs (VRRP, CARP, HSRP, GLBP) are ignored, and so are claims between routers that both announced the
address in VRRP. There is no packet rate threshold: two frames can be enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.counting.tally import Distinct
from sensor.detectors.shared.arp_requests import ArpRequests
from sensor.detectors.shared.bindings import APART, Binding, Bindings, Owner, are_ports, is_virtual
from sensor.detectors.shared.hosts import is_fixed_function, who
from sensor.detectors.shared.named_hosts import Macs
from sensor.dissectors.arp import ArpAnnouncement, ArpReply, ArpRequest
from sensor.dissectors.dhcp import DhcpAck
from sensor.dissectors.ndp import NdpNeighbourAdvertisement, NdpNeighbourSolicitation, NdpRouterAdvertisement
from sensor.dissectors.vrrp import VrrpAdvertisement

GATEWAYS_LIMIT, REPORTED_LIMIT, FORMER_LIMIT, FORGED_LIMIT = 256, 2048, 4096, 4096
REPORTED_S, FORMER_S = 30, 3600
# Addresses that a host spoofs from which on one alert has them all: some tools claim a whole network.
MANY = 4
MOVES = 4  # of an address back to its former node that two nodes may announce within FORMER_S
FORWARDERS = ("router", "firewall", "access_point", "wireless_controller")


class Options(detector.Options):
    """How claims are weighed."""

    patience_s: int = Field(
        300, ge=30, le=86400, description="seconds after the last claim in which an address still belongs to its MAC"
    )
    alive_s: int = Field(
        60, ge=5, le=3600, description="seconds since its last frame within which the victim is active"
    )
    claims: int = Field(
        3, ge=2, description="threshold: claims of an address, seconds apart, while the victim is active"
    )
    span_s: float = Field(8.0, gt=0, description="minimum time from the first to the last of these claims, in seconds")
    exempt_macs: Macs = Field((), description="MACs of proxies, wireless bridges and clusters that answer for others")


class ArpSpoofing(EventDetector):
    """Watches claims of addresses, by segment."""

    title = "ARP or IPv6 neighbor spoofing"
    severity = Severity.high
    techniques = ("T1557.002",)
    advice = (
        "Find the switch port of the spoofing MAC and shut it down. Check sessions and passwords that crossed the "
        "network since. Enable dynamic ARP inspection and RA guard on the switches."
    )
    false_positives = (
        "Two hosts with the same static address; wireless extenders and proxies that answer for "
        "others (list them in `exempt_macs`)."
    )
    decisive = {"claims": "claims"}
    Options = Options
    watches = (
        ArpRequest, ArpReply, ArpAnnouncement, NdpNeighbourAdvertisement, NdpNeighbourSolicitation,
        NdpRouterAdvertisement, DhcpAck, VrrpAdvertisement,
    )  # fmt: skip

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._bindings = self.tables.include("bindings", Bindings())
        self._gateways: Bounded[tuple[int, int], bool] = self.tables.add("gateways", Bounded(GATEWAYS_LIMIT))
        # Previous holders of an address, and when another host took it while the holder was silent.
        self._former: Bounded[tuple[int, int], tuple[int, int]] = self.tables.add("former", Bounded(FORMER_LIMIT))
        self._requests = ArpRequests(self.tables)
        # Segment, MAC, claimed address and receiving host of unsolicited claims → first and last time, number.
        self._forged: Bounded[tuple[int, int, int, int], tuple[int, int, int]] = self.tables.add(
            "forged", Bounded(FORGED_LIMIT)
        )
        # Segment and address → time of the first move back to a node, number of moves.
        self._moves: Bounded[tuple[int, int], tuple[int, int]] = self.tables.add("moves", Bounded(FORMER_LIMIT))
        self._reported: Recent[tuple[int, int, int]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, REPORTED_S * SECOND)
        )
        # Segment and MAC → addresses.
        self._spoofed: Distinct[tuple[int, int], int] = self.tables.add(
            "spoofed", Distinct(FORMER_S * SECOND, GATEWAYS_LIMIT, REPORTED_LIMIT)
        )
        self._exempt = frozenset(map(addresses.parse_mac, self.options.exempt_macs))

    def wants(self) -> dict[type[Event], Want]:
        return {NdpRouterAdvertisement: field("lifetime_s").filled(), DhcpAck: field("gateways").filled()}

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet = event.packet
        if isinstance(event, ArpRequest | ArpReply | ArpAnnouncement):
            mac, address, insists = event.sender_mac, event.sender, not isinstance(event, ArpRequest)
            if isinstance(event, ArpRequest) and mac:
                self._requests.request(event)
                yield from self._requested(event, mac, event.target)
            elif not isinstance(event, ArpRequest):
                self._requests.claim(event)
        elif isinstance(event, NdpNeighbourAdvertisement):
            mac, address, insists = event.mac, event.target, event.override or not event.solicited
        elif isinstance(event, NdpNeighbourSolicitation):
            mac, address, insists = event.mac, event.sender, False
        else:
            self._learn(event)
            return
        if mac and not addresses.is_group_mac(mac) and addresses.is_host(address) and not self._is_exempt(mac):
            yield from self._claimed(event, packet.vlan, mac, address, insists)

    def _is_exempt(self, mac: int) -> bool:
        """Whether a MAC claims addresses of others by design."""
        return mac in self._exempt or is_virtual(mac)

    def _learn(self, event: Event) -> None:
        """Learn the addresses of gateways, and those that routers share."""
        if isinstance(event, DhcpAck):
            for gateway in event.gateways:
                self._gateways.put((event.packet.vlan, gateway), True)
        elif isinstance(event, NdpRouterAdvertisement) and event.lifetime_s:
            self._gateways.put((event.packet.vlan, event.packet.src), True)
        elif isinstance(event, VrrpAdvertisement):
            self._bindings.share(event)

    def _requested(self, event: ArpRequest, mac: int, target: int) -> Iterator[Alert]:
        """A host does not request its own address: the earlier claim was false."""
        vlan, address = event.packet.vlan, event.sender
        owner = self._bindings.owner(vlan, mac, event.ts)
        announced = owner.own.get(target)
        if (
            announced is None
            or not address
            or address == target
            or event.ts - announced > self.options.patience_s * SECOND
            or self._is_exempt(mac)
            or self._bindings.is_shared(vlan, target, mac)
        ):
            return
        reason = (
            f"it claimed {addresses.text(target)}, and {(event.ts - announced) / SECOND:.0f} s later requested "
            "the holder of that address"
        )
        yield from self._alert(event, mac, address, target, 0, reason, 1)

    def _claimed(self, event: Event, vlan: int, mac: int, address: int, insists: bool) -> Iterator[Alert]:
        want, bindings = self.options, self._bindings
        owner = bindings.owner(vlan, mac, event.ts)
        if insists:
            owner.own.put(address, event.ts)
        unsolicited = insists and not self._is_answer(event)
        if unsolicited and isinstance(event, ArpReply) and event.sender != event.target:
            yield from self._between(event, mac)
        patience, announced = want.patience_s * SECOND, isinstance(event, ArpAnnouncement)
        dispute = bindings.claim(vlan, address, mac, event.ts, patience, unsolicited=unsolicited, announced=announced)
        if dispute is None and not insists:
            owner.sends_as = address
        if dispute is None or self._is_exempt(dispute.mac) or self._is_given_back(event, mac, address, dispute):
            return
        if dispute.mac == mac:
            yield from self._held(event, mac, address, dispute, unsolicited)
            return
        last_active = bindings.last_active(vlan, dispute.mac)
        if dispute.since - last_active > want.alive_s * SECOND or self._gave_way(dispute, event.ts):
            self._moved(vlan, address, dispute.mac, mac, event.ts)
            bindings.settle(vlan, address, mac, event.ts)
            return
        former, since = self._former.get((vlan, address)) or (0, 0)
        returns = former == mac and event.ts - since <= FORMER_S * SECOND
        if not returns:
            owner.taken.put(address, (event.ts, dispute.mac))
        if not (reason := self._reason(event, mac, address, owner, dispute, last_active, insists)):
            return
        if returns:
            bindings.settle(vlan, address, mac, event.ts)
            reason = f"{addresses.mac_text(mac)} held the address before, and reclaimed it"
            yield from self._alert(event, dispute.mac, 0, address, mac, reason, dispute.claims)
        else:
            yield from self._alert(event, mac, 0, address, dispute.mac, reason, dispute.claims)

    def _is_answer(self, event: Event) -> bool:
        """Whether a claim answers a request; neighbor advertisements report it themselves."""
        if isinstance(event, NdpNeighbourAdvertisement):
            return event.solicited
        return isinstance(event, ArpReply) and self._requests.is_answer(event)

    def _held(self, event: Event, mac: int, address: int, dispute: Binding, unsolicited: bool) -> Iterator[Alert]:
        """The victim claims the address, or a host that took it before the capture began, or a node to which it moves
        back.
        """
        vlan = event.packet.vlan
        if dispute.announced and isinstance(event, ArpAnnouncement) and self._moves_back(vlan, address, event.ts):
            self._bindings.settle(vlan, address, mac, event.ts)
        elif unsolicited and isinstance(event, ArpReply):
            yield from self._forced(event, vlan, mac, address, dispute)
        elif dispute.claims >= 2 and self._others(vlan, dispute.rival, address):
            reason = f"{addresses.mac_text(mac)} holds the address and still claims it"
            yield from self._alert(event, dispute.rival, 0, address, mac, reason, dispute.claims)

    def _moves_back(self, vlan: int, address: int, ts: int) -> bool:
        """Whether announcements by two hosts alternately are moves of an address: they are few."""
        first, moves = self._moves.get((vlan, address)) or (ts, 0)
        if ts - first > FORMER_S * SECOND:
            first, moves = ts, 0
        self._moves.put((vlan, address), (first, moves + 1))
        return moves < MOVES

    def _between(self, event: ArpReply, mac: int) -> Iterator[Alert]:
        """It claims to each of two hosts, unsolicited and repeatedly, that it has the address of the other: no earlier
        binding is needed.
        """
        want, vlan, key = self.options, event.packet.vlan, (event.packet.vlan, mac, event.sender, event.target)
        first, last, claims = self._forged.get(key) or (event.ts, 0, 0)
        if event.ts - last < APART:
            return
        if event.ts - last > want.patience_s * SECOND:
            first, claims = event.ts, 0
        self._forged.put(key, (first, event.ts, claims + 1))
        since, recent, back = self._forged.get((vlan, mac, event.target, event.sender)) or (0, 0, 0)
        span = event.ts - max(first, since)
        if (
            min(claims + 1, back) >= want.claims
            and event.ts - recent <= want.patience_s * SECOND
            and span >= want.span_s * SECOND
        ):
            ends = f"{addresses.text(event.sender)} and {addresses.text(event.target)}"
            reason = (
                f"unsolicited replies to both {ends} claim the address of the other, {claims + 1} and {back} "
                f"times in {span / SECOND:.0f} s"
            )
            yield from self._alert(event, mac, 0, event.sender, 0, reason, claims + 1)

    def _forced(self, event: Event, vlan: int, mac: int, address: int, dispute: Binding) -> Iterator[Alert]:
        """The first claimant sends unsolicited answers repeatedly, while another claims the address too, only on
        request.
        """
        want, span = self.options, (event.ts - dispute.since) / SECOND
        dispute.forced += 1
        if dispute.forced >= want.claims and not dispute.unsolicited and span >= want.span_s:
            reason = (
                f"{dispute.forced} unsolicited claims in {span:.0f} s, while {addresses.mac_text(dispute.rival)} has "
                "the address too"
            )
            yield from self._alert(event, mac, 0, address, dispute.rival, reason, dispute.forced)

    def _gave_way(self, dispute: Binding, ts: int) -> bool:
        """Whether the former holder released the address: it never claimed it again, and the new holder only answers
        requests.
        """
        want = self.options
        return (
            dispute.last < dispute.since
            and dispute.unsolicited < want.claims
            and ts - dispute.since > want.alive_s * SECOND
        )

    def _is_given_back(self, event: Event, mac: int, address: int, dispute: Binding) -> bool:
        """Whether the holder itself sent the claim of the other MAC, as spoofing tools do at their end."""
        if mac == dispute.mac or event.packet.src_mac != dispute.mac:
            return False
        self._bindings.settle(event.packet.vlan, address, mac, event.ts)
        return True

    def _moved(self, vlan: int, address: int, old: int, new: int, ts: int) -> None:
        """The address moves to another MAC, as its holder is silent: disconnected, or only idle."""
        if (self._former.get((vlan, address)) or (0, 0))[0] == new:
            self._former.pop((vlan, address))
        else:
            self._former.put((vlan, address), (old, ts))

    def _others(self, vlan: int, mac: int, address: int) -> bool:
        """Whether a MAC has an address besides the disputed one: a host that was configured with a wrong address has
        not.
        """
        owner = self._bindings.known(vlan, mac)
        return owner is not None and any(own != address for own in owner.own)

    def _has_others(self, vlan: int, mac: int, address: int) -> bool:
        """The same, including addresses for which it sends requests."""
        owner = self._bindings.known(vlan, mac)
        return self._others(vlan, mac, address) or (owner is not None and owner.sends_as not in (0, address))

    def _reason(
        self, event: Event, mac: int, address: int, owner: Owner, dispute: Binding, last_active: int, insists: bool
    ) -> str:
        """Why this claim is an attack; empty if it may be legitimate."""
        want, since, vlan = self.options, dispute.since, event.packet.vlan
        recent = {mac for taken, mac in owner.taken.values() if event.ts - taken <= want.alive_s * SECOND}
        if len(recent) > 1:
            return f"within {want.alive_s} s it claimed addresses of {len(recent)} hosts: both ends of conversations"
        again = dispute.last > since  # the victim still claims the address
        still_active = last_active > since and not again and self._has_others(vlan, dispute.mac, address)
        proven = again or (dispute.unsolicited >= want.claims and not still_active)
        # Some tools poison caches with requests to one host. A host with a wrong address has no other one, and one with
        # two interfaces in a segment, which mixes up their addresses, sends requests to all.
        unicast = isinstance(event, ArpRequest) and not addresses.is_group_mac(event.packet.dst_mac)
        poisons = unicast and again and self._has_others(vlan, mac, address)
        if (
            (insists or poisons)
            and proven
            and dispute.claims >= want.claims
            and event.ts - since >= want.span_s * SECOND
        ):
            active = "after that" if last_active > since else f"{(since - last_active) / SECOND:.0f} s before"
            return (
                f"{dispute.claims} claims in {(event.ts - since) / SECOND:.0f} s, "
                f"while {addresses.mac_text(dispute.mac)} holds the address and was active {active}"
            )
        if insists and (vlan, address) in self._gateways and dispute.claims >= 2 and again:
            return f"the address is the gateway's, and its holder {addresses.mac_text(dispute.mac)} is still active"
        return ""

    def _alert(
        self, event: Event, mac: int, own: int, address: int, victim_mac: int, reason: str, claims: int
    ) -> Iterator[Alert]:
        packet, v6 = event.packet, not addresses.is_v4(address)
        if self._requests.only_answers(packet.vlan, mac, address):
            return
        if not self._reported.fresh((packet.vlan, mac, address), event.ts):
            return
        owner = self._bindings.known(packet.vlan, mac)
        fooled = event.target if isinstance(event, ArpReply) and event.sender_mac == mac else packet.dst
        if owner and not own:
            own = _address_of(owner, (0, address, fooled))
        spoofer, name = Subject(mac, own, packet.vlan), addresses.mac_text(mac)
        victim = Subject(victim_mac, address, packet.vlan)
        targets = [
            victim,
            *([Subject(0, fooled, packet.vlan)] if addresses.is_host(fooled) and fooled != address else []),
        ]
        ports, count = are_ports(mac, victim_mac), self._spoofed.add((packet.vlan, mac), address, event.ts)
        alert = self.alert(
            event,
            actor=spoofer,
            target=victim,
            targets=targets,
            summary=f"{self._spoofing(spoofer, count)} {self._gateway(packet.vlan, address)}{addresses.text(address)}",
            why=(
                reason,
                *([f"the address belongs to {addresses.mac_text(victim_mac)}"] if victim_mac else []),
                *(["the two MACs are consecutive, as on two ports of one host"] if ports else []),
            ),
            numbers={"claims": claims, "threshold": self.options.claims, "addresses": count},
            severity=Severity.low if ports else self._severity(spoofer) if own else Severity.high,
            confidence=0.5 if ports else 0.9,
            network={"proto": "icmpv6" if v6 else "arp", "vlan": packet.vlan, "direction": "internal"},
            techniques=("T1557",) if v6 else self.techniques,
        )
        alert.key = f"{self.id}|{packet.vlan}|{name}|{'several' if count > MANY else addresses.text(address)}"
        yield alert

    def _spoofing(self, spoofer: Subject, count: int) -> str:
        """Who spoofs, before an address. ``count``: number of addresses that it spoofs."""
        name = addresses.mac_text(spoofer.mac)
        called = f"{who(self.context, spoofer)} ({name})" if spoofer.address else name
        return f"{called} spoofs {f'{count} addresses, including' if count > MANY else ''}".rstrip()

    def _gateway(self, vlan: int, address: int) -> str:
        return "the gateway " if (vlan, address) in self._gateways else ""

    def _severity(self, spoofer: Subject) -> Severity:
        """Severity for a known device: a forwarding device may do it intentionally, a fixed-function one never."""
        if is_fixed_function(self.context, spoofer):
            return Severity.critical
        device = self.context.device(spoofer)
        return Severity.medium if device and device.type in FORWARDERS else Severity.high


def _address_of(owner: Owner, ends: tuple[int, ...]) -> int:
    """An address that a MAC uses besides those that it took, and the two ends of its claim; 0 if there is none."""
    used = (*owner.own, owner.sends_as)
    return next((address for address in used if address not in ends and address not in owner.taken), 0)
