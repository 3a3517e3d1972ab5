"""Forged DNS answers: a second response with other addresses arrives from another host of the network, or a resolver
receives answers with wrong ids for many names of one zone (cache poisoning, RFC 5452).

A server answers a query once. Two answers within a second that share no address, and whose frames come from different
MACs or have another TTL, have two senders. The packets do not show which one is forged. It is assumed to be the
response whose MAC or TTL differs from earlier responses of this server; otherwise the one whose TTL was not decremented
by a router, as from a host of the same segment; otherwise the first one, because a forger must be faster.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sensor.core import addresses, detector
from sensor.core.addresses import mac_text
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.dns_codes import AAAA, A
from sensor.core.event import Event
from sensor.core.ip_protocols import UDP
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.counting.lookups import Answer, DnsAnswers, SuspiciousAnswer
from sensor.counting.tally import Distinct
from sensor.detectors.shared.hosts import network_of_packet, who
from sensor.dissectors.dns import DnsQuery, DnsResponse

ZONES_LIMIT, REPORTED_LIMIT = 1024, 1024
REPORTED_S = 300
INITIAL_TTLS = frozenset((64, 128, 255))


class Options(detector.Options):
    """When answers are forged."""

    apart_s: float = Field(1.0, gt=0, le=4, description="maximum seconds between two answers to one query")
    names: int = Field(
        8, ge=3, description="threshold: names of one zone answered to one resolver with an ID that matches no query"
    )
    window_s: int = Field(60, ge=5, le=3600, description="time window for names in seconds")


class DnsSpoofing(EventDetector):
    """Watches answers with addresses over UDP, and the ids of queries."""

    title = "Forged DNS answers"
    severity = Severity.high
    techniques = ("T1557",)
    advice = (
        "Identify the host with this MAC, and check it for ARP spoofing. Treat what the client sent to the forged "
        "address as disclosed, and flush the caches of the client and of its resolver."
    )
    false_positives = "A DNS filter that answers instead of the server; several resolvers that share one address."
    decisive = {"names": "names"}
    Options = Options
    watches = (DnsQuery, DnsResponse)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._lookups, self._apart = DnsAnswers(), int(self.options.apart_s * SECOND)
        for name in ("answers", "servers", "queries"):
            self.tables.add(name, getattr(self._lookups, name))
        self._wrong: Distinct[tuple[int, int, str], str] = self.tables.add(
            "wrong", Distinct(self.options.window_s * SECOND, ZONES_LIMIT, 4 * self.options.names)
        )
        self._reported: Recent[tuple[int, int, str]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, REPORTED_S * SECOND)
        )

    def wants(self) -> dict[type[Event], Want]:
        addressed = field("type").is_in(A, AAAA) & (field("packet.proto") == UDP)
        return {DnsQuery: addressed, DnsResponse: addressed & field("answers").filled()}

    def inspect(self, event: Event) -> Iterable[Alert]:
        packet = event.packet
        if not isinstance(event, (DnsQuery, DnsResponse)) or packet.proto != UDP or event.type not in (A, AAAA):
            return ()
        if isinstance(event, DnsQuery):
            self._lookups.query(packet, event.name, event.id)
            return ()
        suspicion = self._lookups.answer(packet, event.name, event.id, event.type, event.answers, self._apart)
        return self._suspicious(event, suspicion) if suspicion is not None else ()

    def _suspicious(self, event: DnsResponse, suspicion: SuspiciousAnswer) -> Iterator[Alert]:
        packet = event.packet
        second = Answer(packet.ts, packet.src_mac, packet.ttl, event.answers)
        if suspicion.first is not None and _found(event, second).isdisjoint(_found(event, suspicion.first)):
            yield from self._twice(event, _forged(suspicion.first, second, suspicion.usual))
        zone = event.name.partition(".")[2]
        if suspicion.unsolicited and "." in zone:
            yield from self._wrong_id(event, zone)

    def _twice(self, event: DnsResponse, forged: Answer) -> Iterator[Alert]:
        packet = event.packet
        if not self._reported.fresh((packet.dst, packet.src, "twice"), packet.ts):
            return
        actor, client = Subject(forged.mac, 0, packet.vlan), Subject(packet.dst_mac, packet.dst, packet.vlan)
        where = some([addresses.text(each) for each in sorted(_found(event, forged))])
        yield self.alert(
            event,
            actor=actor,
            target=client,
            targets=(client, Subject(0, packet.src, packet.vlan)),
            summary=(
                f"{who(self.context, client)} received two different answers for {event.name}: "
                f"one from {mac_text(forged.mac)} resolves to {where}"
            ),
            why=(
                f"both answer one query to {addresses.text(packet.src)}, within {self.options.apart_s:g} s",
                "they have no address in common, and came from another MAC or with another TTL",
                f"TTL {forged.ttl} of the answer that is likely forged",
            ),
            numbers={"answers": 2, "threshold": 2, "name": event.name},
            key=(addresses.text(packet.dst),),
            confidence=0.85,
            network=network_of_packet(self.context, packet, "dns", answer=True),
        )

    def _wrong_id(self, event: DnsResponse, zone: str) -> Iterator[Alert]:
        """An answer to a name that the resolver queried, with an id that it did not use."""
        packet = event.packet
        count = self._wrong.add((packet.dst, packet.src, zone), event.name, packet.ts)
        if count < self.options.names or not self._reported.fresh((packet.dst, packet.src, "poisoned"), packet.ts):
            return
        actor = Subject(packet.src_mac, packet.src, packet.vlan)
        resolver = Subject(packet.dst_mac, packet.dst, packet.vlan)
        yield self.alert(
            event,
            actor=actor,
            target=resolver,
            summary=(
                f"answers with wrong transaction IDs for names of {zone} reached {who(self.context, resolver)}: "
                "cache poisoning"
            ),
            why=(
                f"{count} names of {zone} answered with an ID that matches no query (threshold {self.options.names})",
                f"the sender claims to be {addresses.text(packet.src)}",
            ),
            numbers={"names": count, "threshold": self.options.names, "window_s": self.options.window_s},
            key=(addresses.text(packet.dst), "poisoned"),
            confidence=0.8,
            network=network_of_packet(self.context, packet, "dns", answer=True),
        )


def _found(event: DnsResponse, answer: Answer) -> frozenset[int]:
    """The addresses in an answer to the same query."""
    return frozenset([record.address for record in answer.records if record.type == event.type])


def _forged(first: Answer, second: Answer, usual: Answer | None) -> Answer:
    """The answer that is more likely forged; ``usual``: the first answer of the server."""
    if usual is not None and usual.ts < first.ts and (usual.is_from(first) or usual.is_from(second)):
        return second if usual.is_from(first) else first
    local = [each for each in (first, second) if each.ttl in INITIAL_TTLS]
    return local[0] if len(local) == 1 else first
