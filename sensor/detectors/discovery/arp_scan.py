"""ARP or IPv6 neighbor scan: one host sends ARP requests or neighbor solicitations (RFC 4861, 4.3) for many addresses
that do not answer.

Gateways and servers request many addresses too, but existing ones. Where the capture shows no reply to the requesting
host (a port that receives broadcasts only), that difference is invisible: then only requests in address order are a
scan. A gateway also sends requests for the targets of a scan from another subnet. It is recognized as a gateway, and
the severity is low, if packets from other subnets have its MAC and a decremented hop limit, or if hosts send it packets
for other subnets. Forged sources with an initial hop limit are not sufficient. Smart home hubs, which search for
devices in their subnet every few minutes, also have low severity.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, held
from sensor.counting.flow_detector import sized_window
from sensor.counting.tally import Distinct
from sensor.detectors.shared.event_window import EventWindow
from sensor.detectors.shared.hosts import is_fixed_function, who
from sensor.detectors.shared.named_hosts import Macs
from sensor.dissectors.arp import ArpReply, ArpRequest
from sensor.dissectors.icmp import IcmpEcho
from sensor.dissectors.ndp import NdpNeighbourAdvertisement, NdpNeighbourSolicitation
from sensor.dissectors.tcp_syn import TcpSyn

KEY_BITS, PAIR_BITS, WAIT_BITS = 11, 14, 12
ASKERS_LIMIT = 4096
# Share of steps, and largest step, of targets in address order.
IN_ORDER, NEAR = 0.8, 4
# Devices that request many addresses by design: by type, and by role.
SEARCHERS = ("router", "firewall", "access_point", "wireless_controller", "hub")
FORWARDING = frozenset(("router", "gateway"))
HALF = 64  # bits of an IPv6 address that number the hosts of a network (RFC 4291, 2.5.1)
FORWARDED_LIMIT, NETWORK = 8, 8  # the last bits of an IPv4 address, as in /24
FIRST_TTLS = (32, 64, 128, 255)  # of packets that no router forwarded


class Options(detector.Options):
    """When unanswered requests are a scan."""

    targets: int = Field(40, ge=2, description="threshold: targets without an answer")
    window_s: int = Field(360, ge=10, le=3600, description="time window in seconds")
    grace_s: float = Field(3.0, gt=0, le=10, description="seconds after which a request is unanswered")
    share: float = Field(0.4, ge=0, le=1, description="minimum share of unanswered targets")
    exempt_macs: Macs = Field((), description="MACs of gateways and of your own scanners")


class ArpScan(EventDetector):
    """Watches requests and replies, by the requesting MAC."""

    title = "ARP or IPv6 neighbor scan"
    severity = Severity.medium
    techniques = ("T1018",)
    advice = "Identify the program on the source. If it was not planned, review what the source did next."
    false_positives = (
        "Inventory programs and administrators' network tools; a gateway under an external scan of unused addresses."
    )
    decisive = {"targets": "unanswered"}
    Options = Options
    watches = (ArpRequest, ArpReply, NdpNeighbourSolicitation, NdpNeighbourAdvertisement, TcpSyn, IcmpEcho)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        want = self.options
        # One window waits for answers; the other counts at once, for scans that end before hosts can answer.
        self._patient = self.tables.include("patient", self._window(int(want.grace_s * SECOND)))
        self._quick = self.tables.include("quick", self._window(0))
        self._reported: Recent[tuple[int, int, int]] = self.tables.add(
            "reported", Recent(ASKERS_LIMIT, want.window_s * SECOND)
        )
        # Senders of ARP requests: MAC → address; and MAC → addresses of other networks that came with it.
        self._senders: Bounded[int, int] = self.tables.add("senders", Bounded(ASKERS_LIMIT))
        self._forwarded: Distinct[int, int] = self.tables.add(
            "forwarded", Distinct(want.window_s * SECOND, ASKERS_LIMIT, FORWARDED_LIMIT)
        )
        # MAC of a next hop → an address of another network that was reached through it.
        self._next_hops: Bounded[int, int] = self.tables.add("next_hops", Bounded(ASKERS_LIMIT))
        self._exempt = frozenset(map(addresses.parse_mac, want.exempt_macs))

    def _window(self, grace: int) -> EventWindow:
        window = sized_window(self.context, self.options.window_s * SECOND, KEY_BITS, PAIR_BITS, grace, WAIT_BITS)
        window.rule(threshold=self.options.targets, share=self.options.share)
        return EventWindow(window)

    def wants(self) -> dict[type[Event], Want]:
        new_hop = held(self._senders, "packet.dst_mac") & ~held(self._next_hops, "packet.dst_mac")
        return dict.fromkeys((TcpSyn, IcmpEcho), held(self._senders, "packet.src_mac") | new_hop)

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet = event.packet
        if isinstance(event, TcpSyn | IcmpEcho):
            if self._is_other(packet.src_mac, packet.src) and packet.ttl not in FIRST_TTLS:
                self._forwarded.add(packet.src_mac, packet.src, event.ts)
            if packet.dst_mac not in self._next_hops and self._is_other(packet.dst_mac, packet.dst):
                self._next_hops.put(packet.dst_mac, packet.dst)
        elif isinstance(event, ArpRequest):
            if event.sender:
                self._senders.put(event.packet.src_mac or event.sender_mac, event.sender)
            yield from self._request(event, event.packet.src_mac or event.sender_mac)
        elif isinstance(event, NdpNeighbourSolicitation):
            if event.sender:
                yield from self._request(event, event.packet.src_mac or event.mac)
        elif isinstance(event, ArpReply | NdpNeighbourAdvertisement):
            address = event.sender if isinstance(event, ArpReply) else event.target
            key = _key(packet.dst_mac, packet.vlan, address)
            self._patient.answered(key, address, event.ts)
            self._quick.answered(key, address, event.ts)

    def _is_other(self, mac: int, address: int) -> bool:
        """Whether an IPv4 address is not of the network of the host with this MAC."""
        own = self._senders.get(mac)
        return own is not None and addresses.is_v4(address) and address >> NETWORK != own >> NETWORK

    def _request(self, event: ArpRequest | NdpNeighbourSolicitation, mac: int) -> Iterator[Alert]:
        vlan = event.packet.vlan
        if not addresses.is_host(event.target) or mac in self._exempt:
            return
        key = _key(mac, vlan, event.target)
        patient = self._patient.opened(key, event.target, event.ts)
        quick = self._quick.opened(key, event.target, event.ts)
        if patient and not (patient[1] or _in_order(patient[2])):
            # Without visible replies to this host, and not in address order, it may be a gateway whose replies are not
            # captured.
            patient = None
        if quick and not _in_order(quick[2]):
            quick = None
        found = patient or quick
        # Both windows may report it; four times as much is reported again.
        if found and self._reported.fresh((mac, vlan, found[0].bit_length() // 2), event.ts):
            yield self._alert(event, mac, *found)

    def _alert(
        self,
        event: ArpRequest | NdpNeighbourSolicitation,
        mac: int,
        unanswered: int,
        answered: int,
        sample: list[int],
    ) -> Alert:
        want, vlan = self.options, event.packet.vlan
        actor, arp = Subject(mac, event.sender, vlan), isinstance(event, ArpRequest)
        targets = [event.target >> HALF << HALF | half for half in sample]
        others = self._routed(mac) if arp else ""
        requests = "ARP requests" if arp else "neighbor solicitations"
        silence = "no replies are in the capture, but the targets are in address order"
        return self.alert(
            event,
            actor=actor,
            target=Subject(0, event.target, vlan),
            targets=[Subject(0, address, vlan) for address in targets],
            summary=f"{who(self.context, actor)} sent {requests} for {unanswered} addresses that did not answer",
            why=(
                f"{unanswered} targets within {want.window_s} s without an answer (threshold {want.targets})",
                f"{answered} others answered" if answered else silence,
                f"including {some(list(map(addresses.text, targets)))}",
                *([f"it forwards packets, {others}: the scan may come from another subnet"] if others else []),
            ),
            numbers={
                "unanswered": unanswered,
                "answered": answered,
                "threshold": want.targets,
                "window_s": want.window_s,
            },
            key=(addresses.mac_text(mac), vlan),
            severity=Severity.low if others else self._severity(actor),
            confidence=0.5 if others else 0.9 if answered else 0.75,
            network={"proto": "arp" if arp else "icmpv6", "vlan": vlan, "direction": "internal"},
        )

    def _routed(self, mac: int) -> str:
        """What shows that a host is a gateway."""
        sources, target = self._forwarded.values(mac), self._next_hops.get(mac)
        if sources:
            return f"of {some([addresses.text(address) for address in sources])}"
        return f"to {addresses.text(target)}" if target is not None else ""

    def _severity(self, actor: Subject) -> Severity:
        device = self.context.device(actor)
        if device is not None and (device.type in SEARCHERS or device.roles & FORWARDING):
            return Severity.low
        return Severity.high if is_fixed_function(self.context, actor) else Severity.medium


def _key(mac: int, vlan: int, target: int) -> int:
    """The key of the windows, which count the lower halves of addresses: of IPv6 targets those of one network."""
    return mac << 16 ^ vlan ^ target >> HALF


def _in_order(sample: list[int]) -> bool:
    """Whether most steps between targets are small, and in one direction; or, if packets were reordered, lead far."""
    steps = [after - before for before, after in pairwise(sample)]
    up, down = sum(0 < step <= NEAR for step in steps), sum(-NEAR <= step < 0 for step in steps)
    most = up + down if abs(sum(steps)) >= IN_ORDER * len(steps) else max(up, down)
    return bool(steps) and most >= IN_ORDER * len(steps)
