"""VLAN hopping: a host that is not a switch offers to make its link a trunk (Cisco's Dynamic Trunking Protocol), which
gives it frames of every VLAN; or it sends frames with two tags of IEEE 802.1Q, of which the first switch removes the
outer one, so that the next switch forwards them to the inner VLAN.

A port left in its default mode (`dynamic auto`, `dynamic desirable`) agrees. Only switches have such ports: a sender
that is known as one, that sends spanning tree or CDP messages, or whose MAC belongs to Cisco, is not reported.

Providers nest tags as well, for all stations of a link and in both directions. Replies to an attack do not come back
through the tags: a single station that nests tags, among others that do not, is reported. The outer tag of an attack is
the VLAN of the station. A station of another VLAN has its tag, and a mirror session added the outer one.

Behind the first switch, such a frame has one tag, that of the inner VLAN. A station that sends ARP messages in one VLAN
only, and other messages with its own address in a second VLAN, where it gets no answer, is reported. Hosts that move
send ARP messages in the new VLAN, routers in many.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import detector
from sensor.core.addresses import is_group_mac, is_random_mac, mac_text
from sensor.core.alert import Alert, Severity
from sensor.core.batch import Problem
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, armed, field
from sensor.detectors.shared.hosts import CARRIERS, who
from sensor.detectors.shared.vlan_homes import VlanHomes
from sensor.dissectors.arp import ArpAnnouncement, ArpMessage, ArpReply, ArpRequest
from sensor.dissectors.cdp import CdpAnnouncement
from sensor.dissectors.dns import DnsQuery, DnsResponse
from sensor.dissectors.dtp import DtpMessage
from sensor.dissectors.icmp import IcmpEcho, IcmpEchoReply
from sensor.dissectors.stp import StpConfiguration

SENDERS_LIMIT, REPORTED_S = 1024, 3600
NESTED_TAG = int(Problem.NESTED_TAG)
OFFERS = ("on", "desirable")
VENDOR = "Cisco"


class Options(detector.Options):
    """How long a sender is watched."""

    watched_s: int = Field(
        10,
        ge=2,
        le=60,
        description="seconds after the first offer within which a switch is recognized by other protocols",
    )
    frames: int = Field(
        2,
        ge=1,
        le=1000,
        description="threshold: messages of one host in frames with two tags, or in a VLAN to which it does not belong",
    )


class VlanHopping(EventDetector):
    """Watches offers to form a trunk, messages in frames with two tags, and messages from stations of other VLANs."""

    title = "VLAN hopping (trunk negotiation, double tagging)"
    severity = Severity.medium
    techniques = ("T1599",)
    advice = (
        "Find the switch port of this MAC and disconnect the host. Set ports of end devices to access mode and "
        "disable the negotiation (`switchport nonegotiate`); use a native VLAN that no end device is in."
    )
    false_positives = "A switch of another vendor that uses this protocol; a virtual switch in a lab network."
    Options = Options
    watches = (
        DtpMessage, StpConfiguration, CdpAnnouncement, ArpRequest, ArpReply, ArpAnnouncement, IcmpEcho, IcmpEchoReply,
        DnsQuery, DnsResponse,
    )  # fmt: skip

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._first: Bounded[tuple[int, int], int] = self.tables.add("first", Bounded(SENDERS_LIMIT))
        self._bridges: Bounded[int, bool] = self.tables.add("bridges", Bounded(SENDERS_LIMIT))
        self._reported: Recent[tuple[int, int]] = self.tables.add(
            "reported", Recent(SENDERS_LIMIT, REPORTED_S * SECOND)
        )
        # Number of messages with two tags by MAC, and a station that sends frames without.
        self._nested: Bounded[int, int] = self.tables.add("nested", Bounded(SENDERS_LIMIT))
        self._plain: Bounded[int, bool] = self.tables.add("plain", Bounded(1))
        self._homes = VlanHomes(self.tables)

    def wants(self) -> dict[type[Event], Want]:
        own, homes = field("packet.src_mac").filled(), self._homes
        nested = field("packet.problem").passes(_is_nested)
        return {
            DtpMessage: field("mode").is_in(*OFFERS),
            StpConfiguration: own,
            CdpAnnouncement: own,
            **dict.fromkeys((ArpRequest, ArpReply, ArpAnnouncement), nested | ~armed(self._plain) | homes.unknown()),
            **dict.fromkeys((IcmpEcho, DnsQuery), nested | homes.strange()),
            **dict.fromkeys((IcmpEchoReply, DnsResponse), nested | homes.answer()),
        }

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet = event.packet
        if isinstance(event, StpConfiguration | CdpAnnouncement):
            self._bridges.put(packet.src_mac, True)
        elif isinstance(event, DtpMessage):
            yield from self._offered(event)
        elif _is_nested(packet.problem):
            yield from self._double(event)
        elif isinstance(event, ArpMessage) and packet.src_mac and not packet.tunnels:
            if not len(self._plain):
                self._plain.put(packet.src_mac, True)
            self._homes.learn(event)
        elif isinstance(event, IcmpEchoReply | DnsResponse):
            self._homes.answered(packet)
        elif isinstance(event, IcmpEcho | DnsQuery):
            yield from self._visit(event)

    def _visit(self, event: Event) -> Iterator[Alert]:
        """A message of a station that may belong to another VLAN."""
        packet = event.packet
        home, count = self._homes.visit(packet)
        sender = Subject(packet.src_mac, packet.src, home)
        blind = is_group_mac(packet.dst_mac)
        if (count < self.options.frames and not (count and blind)) or self._is_switch(sender):
            return
        if not self._reported.fresh((packet.vlan, packet.src_mac), packet.ts):
            return
        yield self.alert(
            event,
            actor=sender,
            target=Subject(0, packet.dst, packet.vlan),
            summary=f"{who(self.context, sender)} of VLAN {home} sent frames into VLAN {packet.vlan}",
            why=(
                (
                    f"{count} messages in VLAN {packet.vlan} (threshold {self.options.frames}) with its own address, "
                    f"although it sends ARP messages in VLAN {home} only"
                ),
                *(["it sent an IP packet to the broadcast MAC"] if blind else []),
                "it got no answer there: the second tag of a frame leads in one direction only",
            ),
            numbers={"frames": count, "threshold": self.options.frames},
            key=("home", mac_text(packet.src_mac)),
            confidence=0.75 if blind else 0.6,
            network={"proto": "vlan", "vlan": packet.vlan, "direction": "internal"},
        )

    def _double(self, event: Event) -> Iterator[Alert]:
        """A message in a frame with two tags."""
        packet, want = event.packet, self.options
        sender = Subject(packet.src_mac, packet.src, packet.vlan)
        count = (self._nested.get(packet.src_mac) or 0) + 1
        self._nested.put(packet.src_mac, count)
        alone = len(self._nested) == 1 and len(self._plain) > 0
        alone &= all(home in (0, packet.vlan) for home in self._homes.of(packet.src_mac))
        # A host of another VLAN is not known by its MAC: no other reason to send an IP packet to all stations.
        blind = packet.ip_version and is_group_mac(packet.dst_mac)
        if (count < want.frames and not blind) or not alone or self._is_switch(sender):
            return
        if not self._reported.fresh((packet.vlan, packet.src_mac), packet.ts):
            return
        yield self.alert(
            event,
            actor=sender,
            target=Subject(0, packet.dst, 0),
            summary=f"{who(self.context, sender)} sent frames with two VLAN tags",
            why=(
                f"{count} messages with a second 802.1Q tag (threshold {want.frames}), outer VLAN {packet.vlan}",
                *(["it sent an IP packet to the broadcast MAC"] if blind else []),
                "no other station of the capture sends such frames",
            ),
            numbers={"frames": count, "threshold": want.frames},
            key=("double", mac_text(packet.src_mac)),
            confidence=0.75,
            network={"proto": "vlan", "vlan": packet.vlan, "direction": "internal"},
        )

    def _offered(self, event: DtpMessage) -> Iterator[Alert]:
        """An offer to form a trunk."""
        packet = event.packet
        if event.mode not in OFFERS:
            return
        sender = Subject(packet.src_mac, 0, packet.vlan)
        key = (packet.vlan, packet.src_mac)
        first = self._first.get(key)
        if first is None:
            self._first.put(key, packet.ts)
            return
        seconds = (packet.ts - first) // SECOND
        if seconds < self.options.watched_s or self._is_switch(sender) or not self._reported.fresh(key, packet.ts):
            return
        yield self.alert(
            event,
            actor=sender,
            target=Subject(event.neighbor if event.neighbor != packet.src_mac else 0, 0, packet.vlan),
            summary=f"{who(self.context, sender)} offered to make its link a trunk of all VLANs",
            why=(
                f"it offered a trunk in mode {event.mode} for {seconds} s (threshold {self.options.watched_s})",
                "it is not known as a switch: it sent no spanning tree or CDP message",
            ),
            numbers={"seconds": seconds, "threshold": self.options.watched_s, "trunk": int(event.trunk)},
            key=(mac_text(packet.src_mac),),
            confidence=0.75 if is_random_mac(packet.src_mac) else 0.7,
            network={"proto": "dtp", "vlan": packet.vlan, "direction": "internal"},
        )

    def _is_switch(self, sender: Subject) -> bool:
        device = self.context.device(sender)
        if self._bridges.get(sender.mac) or device is None:
            return self._bridges.get(sender.mac) is not None
        vendor = device.attributes.get("vendor")
        return device.type in CARRIERS or (vendor is not None and VENDOR in vendor.value)


def _is_nested(problem: int) -> bool:
    return bool(problem & NESTED_TAG)
