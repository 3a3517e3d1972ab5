"""DHCP and DHCPv6 starvation: leases are requested for very many clients within a short time, so that none is left for
legitimate clients, or so that they use the attacker's DHCP server.

After a power failure many hosts return at the same time too, but each under its own MAC, and each receives its lease. A
starvation tool spoofs clients: it sends for many under one MAC, starts new transactions all the time, or more clients
request a lease than receive one. Tools also release the leases of other hosts, or decline all addresses, so that the
server has none left (RFC 2131, 4.3.3) or gives those in use away. Relays forward many clients under one MAC
legitimately. Where the capture truncates messages before their types, every message of a client counts as a request,
and every address that a server gives as a lease. A DHCPv6 client is its DUID (RFC 8415, 11), which it keeps under all
its MACs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

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
from sensor.detectors.shared.hosts import is_fixed_function, who
from sensor.detectors.shared.named_hosts import Macs
from sensor.dissectors.dhcp import DhcpAck, DhcpDecline, DhcpDiscover, DhcpMessage, DhcpOther, DhcpRelease, DhcpRequest
from sensor.dissectors.dhcpv6 import Dhcpv6Message, Dhcpv6Reply, Dhcpv6Solicit

SEGMENTS_LIMIT, SENDERS_LIMIT = 256, 1024
CLIENTS_LIMIT = 512
REPORTED_S = 60
# Hop limits of systems for their own packets; that of a packet from beyond a router is one less.
FIRST_HOPS = (64, 128, 255)
NO_RELAY_6 = 1  # instead of a relay, in the keys of DHCPv6: no relay has the loopback address

Client = int | str  # MAC or DUID
Message = DhcpMessage | Dhcpv6Solicit | Dhcpv6Reply


class Step(NamedTuple):
    """A message on the way to a lease. ``segment``: VLAN and relay; ``given``: it gives the lease; ``holds``: its
    client has an address.
    """

    client: Client
    segment: tuple[int, int]
    given: bool
    holds: bool


class Options(detector.Options):
    """When clients are spoofed."""

    clients: int = Field(100, ge=10, le=500, description="threshold: client addresses without a lease in one segment")
    one_sender: int = Field(
        10, ge=3, le=200, description="threshold: client addresses requested by one MAC that is not a relay"
    )
    questions: int = Field(60, ge=10, le=500, description="threshold: DHCP transactions of one MAC that is not a relay")
    window_s: int = Field(60, ge=10, le=3600, description="time window in seconds")
    exempt_macs: Macs = Field((), description="MACs of wireless bridges and test tools that request leases for others")


class DhcpStarvation(EventDetector):
    """Watches requests and leases of both versions, by segment and by the sending MAC."""

    title = "DHCP starvation"
    severity = Severity.high
    techniques = ("T1499.002", "T1499")
    advice = (
        "Find the switch port of the sending MAC and shut it down. Limit MACs per port and the DHCP rate on access "
        "switches. Check whether a second DHCP server started, and release the leases of clients that do not exist."
    )
    false_positives = (
        "Hundreds of hosts switched on in the same minute while the server is down; a wireless "
        "bridge that requests leases for its clients."
    )
    decisive = {"clients": "count", "one_sender": "count", "questions": "count"}
    Options = Options
    watches = (
        DhcpDiscover, DhcpRequest, DhcpAck, DhcpOther, DhcpRelease, DhcpDecline, Dhcpv6Solicit, Dhcpv6Reply,
    )  # fmt: skip

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        window = self.options.window_s * SECOND
        self._requesting: Distinct[tuple[int, int], Client] = self.tables.add(
            "asking", Distinct(window, SEGMENTS_LIMIT, CLIENTS_LIMIT)
        )
        self._served: Distinct[tuple[int, int], Client] = self.tables.add(
            "served", Distinct(window, SEGMENTS_LIMIT, CLIENTS_LIMIT)
        )
        self._clients: Distinct[tuple[int, int], Client] = self.tables.add(
            "clients", Distinct(window, SENDERS_LIMIT, CLIENTS_LIMIT)
        )
        self._questions: Distinct[tuple[int, int], int] = self.tables.add(
            "questions", Distinct(window, SENDERS_LIMIT, CLIENTS_LIMIT)
        )
        self._given_up: Distinct[tuple[int, int], Client] = self.tables.add(
            "given_up", Distinct(window, SENDERS_LIMIT, CLIENTS_LIMIT)
        )
        self._served_again: Bounded[tuple[int, int], int] = self.tables.add("served_again", Bounded(SEGMENTS_LIMIT))
        self._reported: Recent[tuple[int, int]] = self.tables.add(
            "reported", Recent(SENDERS_LIMIT, REPORTED_S * SECOND)
        )
        self._exempt = frozenset(map(addresses.parse_mac, self.options.exempt_macs))

    def wants(self) -> dict[type[Event], Want]:
        wanted: dict[type[Event], Want] = dict.fromkeys(self.watches, field("mac").filled())
        return wanted | {
            DhcpOther: field("mac").filled() & field("packet.truncated").filled(),
            Dhcpv6Solicit: field("duid").filled(),
            Dhcpv6Reply: field("duid").filled() & field("addresses").filled(),
        }

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, DhcpRelease | DhcpDecline):
            yield from self._gave_up(event)
            return
        if not isinstance(event, Message) or (step := _step(event)) is None or not step.client:
            return
        if step.given:
            self._served_again.put(step.segment, self._served.add(step.segment, step.client, event.ts))
        elif not step.holds and event.packet.src_mac not in self._exempt:
            yield from self._requested(event, step)
            if not event.relay and event.packet.src_mac:
                yield from self._sent(event, step.client)

    def _requested(self, event: Message, step: Step) -> Iterator[Alert]:
        """Clients of a segment without a lease."""
        want, served = self.options, self._served_again.get(step.segment)
        waiting = self._requesting.add(step.segment, step.client, event.ts) - (served or 0)
        # A capture between relay and server may show one direction only.
        answered = not event.relay or served is not None
        if answered and waiting >= want.clients and self._reported.fresh((event.packet.vlan, 0), event.ts):
            what = f"{waiting} clients without a lease requested one at once, the last one"
            yield self._alert(event, what, waiting, want.clients, f"{served or 0} received a lease")

    def _sent(self, event: Message, client: Client) -> Iterator[Alert]:
        """Clients and transactions of one MAC."""
        want, sender = self.options, (event.packet.vlan, event.packet.src_mac)
        clients = self._clients.add(sender, client, event.ts)
        questions = self._questions.add(sender, event.xid, event.ts)
        if clients >= want.one_sender and clients > 1 and event.packet.src_mac != client:
            what, count, threshold = f"requested DHCP leases as {clients} different clients", clients, want.one_sender
            unit = "clients"
        elif questions >= want.questions:
            what, count, threshold = f"started {questions} DHCP transactions", questions, want.questions
            unit = "transactions"
        else:
            return
        if self._reported.fresh(sender, event.ts):
            reason = "all were sent by one MAC that is not a relay"
            yield self._alert(event, what, count, threshold, reason, sender=True, unit=unit)

    def _gave_up(self, event: DhcpRelease | DhcpDecline) -> Iterator[Alert]:
        """Leases that one MAC releases for other hosts. Releases are sent to the server, through routers too: then the
        hop limit is no longer that of a sender.
        """
        want, packet = self.options, event.packet
        if packet.src_mac in (0, event.mac, *self._exempt) or event.relay or packet.ttl not in FIRST_HOPS:
            return
        clients = self._given_up.add((packet.vlan, packet.src_mac), event.mac, event.ts)
        if clients >= want.one_sender and self._reported.fresh((packet.vlan, packet.src_mac), event.ts):
            verb = "declined" if isinstance(event, DhcpDecline) else "released"
            what = f"{verb} DHCP leases as {clients} different clients"
            reason = "all were sent by one MAC that is neither a relay nor a router"
            yield self._alert(event, what, clients, want.one_sender, reason, sender=True)

    def _alert(
        self, event: Message, what: str, count: int, threshold: int, reason: str, *, sender: bool = False,
        unit: str = "clients",
    ) -> Alert:  # fmt: skip
        """``sender``: the alert is about one MAC, else about the whole segment. ``unit``: what was counted."""
        packet, want = event.packet, self.options
        v6 = isinstance(event, Dhcpv6Message)
        server = packet.dst if isinstance(event, Dhcpv6Message) else event.server or packet.dst
        # The source address of a release is that of the host whose lease it releases.
        own = 0 if isinstance(event, DhcpRelease | DhcpDecline) else packet.src
        actor = Subject(packet.src_mac or event.mac, own, packet.vlan)
        name = who(self.context, Subject(actor.mac, 0, actor.vlan))
        alert = self.alert(
            event,
            actor=actor,
            target=Subject(0, server, packet.vlan),
            summary=f"{name} {what}" if sender else f"{what} {name}",
            why=(f"{count} {unit} within {want.window_s} s (threshold {threshold})", reason),
            numbers={"count": count, "threshold": threshold, "window_s": want.window_s},
            severity=Severity.critical if sender and is_fixed_function(self.context, actor) else Severity.high,
            confidence=0.95 if sender else 0.8,
            actor_port=packet.sport,
            target_port=packet.dport,
            network={"proto": "udp", "app": "dhcpv6" if v6 else "dhcp", "vlan": packet.vlan, "direction": "internal"},
        )
        # many have the address 0.0.0.0
        alert.key = f"{self.id}|{packet.vlan}|{addresses.mac_text(actor.mac) if sender else 'segment'}"
        return alert


def _step(event: Message) -> Step | None:
    """None for messages that neither request nor give a lease."""
    packet = event.packet
    if isinstance(event, Dhcpv6Reply):
        return Step(event.duid, (packet.vlan, event.relay or NO_RELAY_6), True, True) if event.addresses else None
    if isinstance(event, Dhcpv6Solicit):
        return Step(event.duid, (packet.vlan, event.relay or NO_RELAY_6), False, False)
    if isinstance(event, DhcpOther) and not packet.truncated:
        return None
    given = isinstance(event, DhcpAck) or (isinstance(event, DhcpOther) and bool(event.offered))
    return Step(event.mac, (packet.vlan, event.relay), given, bool(event.address))
