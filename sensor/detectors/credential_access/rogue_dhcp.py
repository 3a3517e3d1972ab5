"""Rogue DHCP server: not in the list of allowed servers, or in conflict with the first one of the network.

Evaluated by the configuration that servers offer. Two servers with the same DNS servers, and the same gateway for the
same network, are a pair; a different configuration redirects clients. The first server of a network is learned and not
reported. A server for another network that answers no client of the first server may belong to another segment in the
same capture: low severity.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.phrases import some
from sensor.core.wants import Want, field
from sensor.detectors.shared.hosts import Numbers, who
from sensor.detectors.shared.named_hosts import Hosts, address_or_mac
from sensor.dissectors.dhcp import DhcpAck, DhcpOffer

SCOPES_LIMIT = 4096
SERVERS_LIMIT, CLIENTS_LIMIT = 16, 16384


class Options(detector.Options):
    """Which servers are allowed."""

    allowed: Hosts = Field(
        (), description="addresses or MACs of the DHCP servers; if set, every other server raises an alert"
    )


class _Offer(NamedTuple):
    """What a server offers: network of the lease (first address, netmask), gateways and DNS servers."""

    network: tuple[int, int]
    gateways: frozenset[int]
    dns: frozenset[int]

    def conflict(self, other: _Offer) -> str:
        """Differences that cannot coexist; empty if both servers are compatible."""
        if self.dns and other.dns and self.dns.isdisjoint(other.dns):
            return "dns"
        if (
            self.network == other.network
            and self.gateways
            and other.gateways
            and self.gateways.isdisjoint(other.gateways)
        ):
            return "gateway"
        return ""


class RogueDhcp(EventDetector):
    """Watches DHCPOFFER and DHCPACK messages with a lease, by VLAN and relay."""

    title = "Rogue DHCP server"
    severity = Severity.high
    techniques = ("T1557.003",)
    advice = (
        "Find the switch port of the server's MAC and disconnect it. Enable DHCP snooping, so that switches accept "
        "DHCP offers from server ports only. Renew the leases it issued."
    )
    false_positives = "A server that was replaced or reconfigured; a lab router or virtual network in the same segment."
    Options = Options
    watches = (DhcpOffer, DhcpAck)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._scopes: Bounded[tuple[int, int], Bounded[tuple[int, int], _Offer]] = self.tables.add(
            "scopes", Bounded(SCOPES_LIMIT)
        )
        # Segment and client → its first server.
        self._clients: Bounded[tuple[int, int], tuple[int, int]] = self.tables.add("clients", Bounded(CLIENTS_LIMIT))
        self._allowed = frozenset(map(address_or_mac, self.options.allowed))

    def wants(self) -> dict[type[Event], Want]:
        return {DhcpOffer: field("offered").filled(), DhcpAck: field("offered").filled()}

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet = event.packet
        if not isinstance(event, DhcpOffer | DhcpAck) or not event.offered:
            return
        server = event.server or packet.src
        mac = 0 if event.relay else packet.src_mac
        if self._allowed:
            if not self._allowed & {server, packet.src, mac or -1}:
                yield self._alert(
                    event,
                    Subject(mac, server, packet.vlan),
                    "it is not in the list of allowed servers",
                    {"allowed": len(self._allowed)},
                )
            return
        offer = _Offer(
            (event.offered & _mask(event.netmask), event.netmask), frozenset(event.gateways), frozenset(event.dns)
        )
        known = self._scopes.get((packet.vlan, event.relay))
        if known is None:
            known = Bounded(SERVERS_LIMIT)
            self._scopes.put((packet.vlan, event.relay), known)
        first_for = self._clients.get((packet.vlan, event.mac))
        if first_for is None:
            self._clients.put((packet.vlan, event.mac), (server, mac))
        if (server, mac) not in known:
            for (first, first_mac), held in known.items():
                if what := offer.conflict(held):
                    apart = offer.network != held.network and first_for in (None, (server, mac))
                    yield self._against(
                        event,
                        Subject(mac, server, packet.vlan),
                        offer,
                        Subject(first_mac, first, packet.vlan),
                        held,
                        what,
                        apart,
                    )
                    return
        known.put((server, mac), offer)

    def _against(
        self,
        event: DhcpOffer | DhcpAck,
        rogue: Subject,
        offer: _Offer,
        first: Subject,
        held: _Offer,
        what: str,
        apart: bool,
    ) -> Alert:
        """``apart``: it serves another network, and no clients of the first server."""
        ours, theirs = (held.dns, offer.dns) if what == "dns" else (held.gateways, offer.gateways)
        word = "DNS server" if what == "dns" else "gateway"
        mine = some([addresses.text(address) for address in sorted(theirs)])
        others = some([addresses.text(address) for address in sorted(ours)])
        reason = f"it offers {mine} as {word}; {who(self.context, first)} was first and offers {others}"
        return self._alert(event, rogue, reason, {"differs": what, "given": mine, "expected": others}, apart=apart)

    def _alert(
        self,
        event: DhcpOffer | DhcpAck,
        rogue: Subject,
        reason: str,
        numbers: Numbers,
        *,
        apart: bool = False,
    ) -> Alert:
        client = Subject(event.mac, event.offered, rogue.vlan)
        name = who(self.context, rogue)
        return self.alert(
            event,
            actor=rogue,
            target=client,
            summary=f"{name} offers DHCP leases: {reason}",
            why=(
                f"{name} offered {addresses.text(event.offered)} to {addresses.mac_text(event.mac)}",
                reason,
                *(
                    ["it serves another network and none of the same clients: the capture may contain two segments"]
                    if apart
                    else []
                ),
            ),
            severity=Severity.low if apart else Severity.high,
            confidence=0.5 if apart else 0.9,
            numbers={"lease_s": event.lease_s, **numbers},
            key=(rogue.vlan, addresses.mac_text(rogue.mac)),
            actor_port=event.packet.sport,
            target_port=event.packet.dport,
            network={"proto": "udp", "app": "dhcp", "vlan": rogue.vlan, "direction": "internal"},
        )


def _mask(netmask: int) -> int:
    """The netmask of an IPv4-mapped address as a 128-bit mask; /24 if none was offered."""
    return ~0xFFFFFFFF | (netmask & 0xFFFFFFFF or 0xFFFFFF00)
