"""Rogue router or DHCPv6 server: not in the list of allowed ones, or in conflict with the first one of the segment.

Evaluated by the configuration: routers that announce the same prefix are a pair; one with other DNS servers, or with
its own prefix where there is one already, redirects clients. The first of a segment is learned and not reported, unless
it assigns link-local addresses (mitm6, pretender). Also reported: router advertisement floods, zero-lifetime
advertisements that spoof a known router, hosts that send ICMP redirects to themselves, and redirects that spoof a
router from another MAC. If the zero-lifetime advertisement also has the MAC of the router, it contradicts the router:
tools send it immediately after each of its advertisements, which a router sends at least three seconds apart (RFC 4861,
6.2.6). Advertisements of IPv4 routers (RFC 1256) are reported if their sender forwards no traffic: immediately if it is
a known type of host, otherwise from the second advertisement on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.ip_protocols import PROTOCOLS
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.packet import Packet
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.counting.tally import Counts, Distinct
from sensor.detectors.shared.bindings import is_virtual
from sensor.detectors.shared.hosts import CARRIERS, is_fixed_function, who
from sensor.detectors.shared.named_hosts import Hosts, address_or_mac
from sensor.dissectors.dhcpv6 import Dhcpv6Advertise, Dhcpv6Message, Dhcpv6Reply
from sensor.dissectors.icmp import IcmpRedirect, IcmpRouterAdvertisement
from sensor.dissectors.ndp import NdpRedirect, NdpRouterAdvertisement

SEGMENTS_LIMIT, ROUTERS_LIMIT, REPORTED_LIMIT = 1024, 16, 2048
REPORTED_S = 60
# Zero lifetimes at once after advertisements that are no change of the router itself, and the time between two
# advertisements to all hosts (RFC 4861, 10: MIN_DELAY_BETWEEN_RAS).
WITHDRAWALS, WITHDRAWALS_S, DELAY = 3, 600, 3 * SECOND
# Advertisements of an IPv4 router: of a host of unknown type, and the time between two (RFC 1256, 4.1).
OFFERS, OFFERS_S = 2, 1800
UNKNOWN, FORWARDING = "unknown", frozenset(("router", "gateway"))
# 2000::/3 by its first three bits, fc00::/7 by its first seven, fe80::/10 by its first ten
UNICAST, LOCAL, LINK_LOCAL = 1, 0x7E, 0x3FA


class Options(detector.Options):
    """Which routers are allowed."""

    allowed: Hosts = Field(
        (), description="addresses or MACs of the routers and DHCPv6 servers; if set, every other one raises an alert"
    )
    flood: int = Field(10, ge=3, le=60, description="threshold of a flood: routers in one segment within a minute")


class _Router(NamedTuple):
    """What a router announces: its prefixes of each kind (global, local), and DNS servers."""

    prefixes: frozenset[tuple[int, int]]
    dns: frozenset[int]

    def conflict(self, other: _Router) -> str:
        """Differences that cannot coexist; empty if both routers are compatible."""
        if self.dns and other.dns and self.dns.isdisjoint(other.dns):
            return "DNS servers"
        if (
            self.prefixes
            and other.prefixes
            and self.prefixes.isdisjoint(other.prefixes)
            and set(map(_kind, self.prefixes)) & set(map(_kind, other.prefixes))
        ):
            return "networks"
        return ""

    def text(self, what: str) -> str:
        """The networks, or the DNS servers, as text."""
        return some(
            [_network(each) for each in sorted(self.prefixes)]
            if what == "networks"
            else [addresses.text(each) for each in sorted(self.dns)]
        )


class RogueRouter(EventDetector):
    """Watches router advertisements, DHCPv6 leases and redirects, by segment."""

    title = "Rogue router advertisement, redirect or DHCPv6 server"
    severity = Severity.high
    techniques = ("T1557",)
    advice = (
        "Find the switch port of this MAC and disconnect it. Enable RA guard and DHCPv6 guard, so that "
        "switches accept them from router ports only."
    )
    false_positives = (
        "A second provider or new prefix; a home router, hotspot or virtual network in the segment; "
        "Windows Internet Connection Sharing."
    )
    Options = Options
    watches = (NdpRouterAdvertisement, Dhcpv6Advertise, Dhcpv6Reply, NdpRedirect, IcmpRedirect, IcmpRouterAdvertisement)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._routers: Bounded[int, Bounded[int, _Router]] = self.tables.add("routers", Bounded(SEGMENTS_LIMIT))
        self._servers: Bounded[int, Bounded[str, frozenset[int]]] = self.tables.add("servers", Bounded(SEGMENTS_LIMIT))
        self._seen: Distinct[int, int] = self.tables.add("seen", Distinct(60 * SECOND, SEGMENTS_LIMIT, 64))
        # Segment and MAC of a router → time of its last advertisement with a lifetime.
        self._announced: Bounded[tuple[int, int], int] = self.tables.add("announced", Bounded(SEGMENTS_LIMIT))
        self._withdrawn: Counts[tuple[int, int]] = self.tables.add(
            "withdrawn", Counts(WITHDRAWALS_S * SECOND, SEGMENTS_LIMIT)
        )
        self._offers: Counts[tuple[int, int]] = self.tables.add("offers", Counts(OFFERS_S * SECOND, SEGMENTS_LIMIT))
        self._reported: Recent[tuple[int, int, str]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, REPORTED_S * SECOND)
        )
        self._allowed = frozenset(map(address_or_mac, self.options.allowed))

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet = event.packet
        if self._allowed & {packet.src, packet.src_mac}:
            return
        if self._allowed and not isinstance(event, NdpRedirect | IcmpRedirect):
            yield from self._alert(event, "it is not in the list of allowed routers", "list")
        elif isinstance(event, NdpRouterAdvertisement):
            yield from self._advertised(event)
        elif isinstance(event, Dhcpv6Advertise | Dhcpv6Reply):
            yield from self._served(event)
        elif isinstance(event, IcmpRouterAdvertisement):
            yield from self._offered(event)
        elif isinstance(event, NdpRedirect | IcmpRedirect):
            yield from self._redirected(event)

    def _advertised(self, event: NdpRouterAdvertisement) -> Iterator[Alert]:
        packet, want = event.packet, self.options
        count = self._seen.add(packet.vlan, packet.src, event.ts)
        if count >= want.flood:
            yield from self._alert(
                event,
                f"{count} routers sent advertisements within a minute (threshold {want.flood})",
                "flood",
                segment=True,
            )
            return
        yield from self._contradicted(event)
        known = self._known(self._routers, packet.vlan)
        router = _Router(
            frozenset((first, bits) for first, bits in event.prefixes if _kind((first, bits))), frozenset(event.dns)
        )
        mac = packet.src_mac
        if (
            not event.lifetime_s
            and mac not in known
            and not is_virtual(mac)
            and any(event.mac == there for there in known)
        ):
            yield from self._alert(
                event, f"it spoofed {addresses.mac_text(event.mac)} with a router lifetime of zero", "withdrawal"
            )
        elif mac not in known:
            for first, held in known.items():
                if what := router.conflict(held):
                    yield from self._alert(
                        event,
                        (
                            f"it announces the {what} {router.text(what)}; {addresses.mac_text(first)} announced "
                            "others first"
                        ),
                        what,
                    )
                    return
        if event.lifetime_s or mac in known:
            known.put(mac, router)

    def _contradicted(self, event: NdpRouterAdvertisement) -> Iterator[Alert]:
        """Zero lifetimes that come sooner after an advertisement of their MAC than a router sends two."""
        router = event.packet.vlan, event.packet.src_mac
        if event.lifetime_s:
            self._announced.put(router, event.ts)
            return
        announced = self._announced.pop(router)
        if announced is None or event.ts - announced >= DELAY or is_virtual(event.packet.src_mac):
            return
        count = self._withdrawn.add(router, event.ts)
        if count >= WITHDRAWALS:
            reason = (
                f"{count} advertisements with its MAC and a zero router lifetime followed its own at once (threshold "
                f"{WITHDRAWALS}): another host sent them"
            )
            yield from self._alert(event, reason, "contradiction")

    def _served(self, event: Dhcpv6Message) -> Iterator[Alert]:
        if any(address >> 118 == LINK_LOCAL for address in event.addresses):
            reason = (
                "as a DHCPv6 server it assigns link-local addresses, which hosts configure themselves, as mitm6 does"
            )
            yield from self._alert(event, reason, "link-local")
        if not event.server or not event.dns:
            return
        servers = self._known(self._servers, event.packet.vlan)
        if event.server not in servers:
            for dns in servers.values():
                if dns.isdisjoint(event.dns):
                    given = some([addresses.text(each) for each in event.dns])
                    expected = some([addresses.text(each) for each in sorted(dns)])
                    yield from self._alert(
                        event,
                        f"as a DHCPv6 server it offers the DNS servers {given}; {expected} were offered first",
                        "dhcpv6",
                    )
                    return
        servers.put(event.server, frozenset(event.dns))

    def _offered(self, event: IcmpRouterAdvertisement) -> Iterator[Alert]:
        packet = event.packet
        device = self.context.device(Subject(packet.src_mac, packet.src, packet.vlan))
        kind = device.type if device is not None else UNKNOWN
        routes = kind in CARRIERS or (device is not None and bool(device.roles & FORWARDING))
        if not event.routers or is_virtual(packet.src_mac) or (routes and not self._is_forged(packet)):
            return
        count = self._offers.add((packet.vlan, packet.src_mac), event.ts)
        # A server may route; other types of hosts do not.
        if count >= OFFERS or kind not in ("server", UNKNOWN):
            routers = some(list(map(addresses.text, event.routers)))
            reason = f"it offers the IPv4 routers {routers} for {event.lifetime_s} s, and forwards no traffic"
            yield from self._alert(event, reason, "irdp")

    def _redirected(self, event: NdpRedirect | IcmpRedirect) -> Iterator[Alert]:
        """A router may redirect to another router; a host that redirects to itself, or a fixed-function device, may
        not.

        Hosts ignore a redirect without a source address (RFC 1122, 3.2.2.2); a target that is its own next hop is only
        on-link.
        """
        packet = event.packet
        sender = Subject(packet.src_mac, packet.src, packet.vlan)
        gateway = event.target if isinstance(event, NdpRedirect) else event.gateway
        if gateway == event.destination or not addresses.is_host(packet.src):
            return
        itself = self._leads_to_sender(event, gateway) or self._is_forged(packet)
        if itself or is_fixed_function(self.context, sender):
            reason = f"it redirects traffic for {addresses.text(event.destination)} to {addresses.text(gateway)}"
            # The source address is that of the router, whose redirects hosts follow (RFC 1122, 3.2.2.2).
            yield from self._alert(event, reason, "redirect", address=gateway if itself else packet.src)

    def _leads_to_sender(self, event: NdpRedirect | IcmpRedirect, gateway: int) -> bool:
        """Whether the new next hop has the MAC of the frame."""
        packet = event.packet
        if isinstance(event, NdpRedirect):
            return event.mac == packet.src_mac
        device = self.context.device(Subject(0, gateway, packet.vlan))
        return device is not None and packet.src_mac in device.macs

    def _is_forged(self, packet: Packet) -> bool:
        """Whether the source address belongs to a router with another MAC."""
        device = self.context.device(Subject(0, packet.src, packet.vlan))
        macs = device.macs if device is not None else ()
        return bool(macs) and packet.src_mac not in macs and not is_virtual(packet.src_mac)

    @staticmethod
    def _known(table: Bounded[int, Bounded[Any, Any]], vlan: int) -> Bounded[Any, Any]:
        known = table.get(vlan)
        if known is None:
            known = Bounded(ROUTERS_LIMIT)
            table.put(vlan, known)
        return known

    def _alert(self, event: Event, reason: str, what: str, segment: bool = False, address: int = 0) -> Iterator[Alert]:
        """``address``: of the actor, if it is not the source address."""
        packet = event.packet
        if not self._reported.fresh((packet.vlan, 0 if segment else packet.src_mac, what), event.ts):
            return
        actor = Subject(packet.src_mac, address or packet.src, packet.vlan)
        name = who(self.context, actor)
        kind = "a router" if what in ("redirect", "irdp") else "an IPv6 router"
        summary, target = f"{name} acts as {kind}: {reason}", Subject(0, packet.dst, packet.vlan)
        if what == "contradiction":
            summary, target = f"a host in this segment disables the router {name}: {reason}", actor
        alert = self.alert(
            event,
            actor=actor,
            target=target,
            summary=summary,
            why=(f"sent by {addresses.mac_text(packet.src_mac)}, {addresses.text(packet.src)}", reason),
            numbers={"differs": what},
            network={
                "proto": PROTOCOLS.get(packet.proto, ""),
                "vlan": packet.vlan,
                "direction": "internal",
            },
        )
        alert.key = f"{self.id}|{packet.vlan}|{what}|{'' if segment else addresses.mac_text(packet.src_mac)}"
        yield alert


def _kind(prefix: tuple[int, int]) -> str:
    """Global or unique local prefixes; others are ignored."""
    first = prefix[0]
    return "global" if first >> 125 == UNICAST else "local" if first >> 121 == LOCAL else ""


def _network(prefix: tuple[int, int]) -> str:
    return f"{addresses.text(prefix[0])}/{prefix[1]}"
