"""LLMNR/NBT-NS/mDNS poisoning: one host answers multicast or broadcast name queries for names of others and so attracts
their logins.

A host answers for its own name, over all three protocols. A poisoner answers every query, always with the same address,
also for names that no host has: random names that browsers test, and the WPAD proxy name. Names that a host announced
before the query (registration, probe, announcement) are its own, up to a few; DNS servers and proxies answer with an
address for each name, and are queried by unicast. Several names of one host over mDNS only may be configured aliases:
low severity.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.dns_codes import AAAA, ANY, A
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.packet import Packet
from sensor.core.phrases import counted, some
from sensor.core.time_units import DAY, SECOND
from sensor.core.wants import Want, field
from sensor.counting.tally import Distinct
from sensor.detectors.shared.hosts import who
from sensor.detectors.shared.names import generated
from sensor.dissectors.llmnr import LlmnrQuery, LlmnrResponse
from sensor.dissectors.mdns import MdnsAnnouncement, MdnsQuery
from sensor.dissectors.nbns import NbnsAnswer, NbnsQuery, NbnsRegistration
from sensor.dissectors.shared.dns_message import Question

SENDERS_LIMIT, NAMES_LIMIT, OWN_LIMIT, QUERIED_LIMIT = 4096, 32, 8, 4096
ADDRESSES = (A, AAAA)  # record types with an address
OF_ADDRESSES = (*ADDRESSES, ANY)
HOST_SUFFIXES = (0x00, 0x20)  # NetBIOS names of a host and of its file service
NETBIOS_SIZE = 15
ANSWERED = 3 * SECOND  # maximum delay of an mDNS answer
LOCAL = ".local"
BAIT = frozenset(("wpad", "proxysrv"))
RANDOM = 0.6  # abbreviations without vowels have lower values
# Names by which browsers hide host addresses, a new one for each page.
HIDDEN = lazy_pattern(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\Z")


class Options(detector.Options):
    """When answers are poisoning."""

    names: int = Field(
        3, ge=2, description="threshold: names answered by one host with the same address and never announced"
    )
    window_s: int = Field(
        3600,
        ge=60,
        le=86400,
        description="time window in seconds, and seconds until the same host may be reported again",
    )


class _Name(NamedTuple):
    """An answered name, and its protocol."""

    name: str
    protocol: str


class NamePoisoning(EventDetector):
    """Watches local name queries and answers."""

    title = "LLMNR/NBT-NS/mDNS poisoning"
    severity = Severity.high
    techniques = ("T1557.001",)
    advice = (
        "Isolate the host. Disable LLMNR and NetBIOS over TCP/IP by policy, and require SMB and LDAP signing. Change "
        "the passwords of the users whose hosts received answers: their logins may have been captured."
    )
    false_positives = (
        "A server with several NetBIOS aliases, or a host with several mDNS names that are first "
        "queried during the capture."
    )
    decisive = {"names": "names"}
    Options = Options
    watches = (LlmnrQuery, LlmnrResponse, NbnsQuery, NbnsAnswer, NbnsRegistration, MdnsQuery, MdnsAnnouncement)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        window = self.options.window_s * SECOND
        self._own: Distinct[int, str] = self.tables.add("own", Distinct(DAY, SENDERS_LIMIT, OWN_LIMIT))
        self._answered: Distinct[tuple[int, int], _Name] = self.tables.add(
            "answered", Distinct(window, SENDERS_LIMIT, NAMES_LIMIT)
        )
        self._victims: Distinct[int, Subject] = self.tables.add("victims", Distinct(window, SENDERS_LIMIT, NAMES_LIMIT))
        # Name queried over mDNS → time, client.
        self._queried: Bounded[str, tuple[int, Subject]] = self.tables.add("queried", Bounded(QUERIED_LIMIT))
        # Name servers that are queried by unicast.
        self._servers: Bounded[int, int] = self.tables.add("servers", Bounded(SENDERS_LIMIT))
        self._reported: Recent[tuple[int, Severity]] = self.tables.add("reported", Recent(SENDERS_LIMIT, window))

    def wants(self) -> dict[type[Event], Want]:
        return {
            LlmnrQuery: field("claim").filled(),
            LlmnrResponse: ~field("rcode").filled(),
            NbnsQuery: ~field("broadcast").filled() & ~field("status").filled(),
            MdnsQuery: field("questions").passes(_queries_address),
            MdnsAnnouncement: field("own").filled()
            & field("records").passes(lambda records: any(record.type in ADDRESSES for record in records)),
        }

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet = event.packet
        if isinstance(event, MdnsQuery):
            self._query(event)
        elif isinstance(event, MdnsAnnouncement):
            yield from self._announcement(event)
        elif isinstance(event, LlmnrResponse):
            if not event.rcode:
                for record in event.answers:
                    if record.type in ADDRESSES:
                        yield from self._answer(event, record.name, record.address, "LLMNR", _client(packet))
        elif isinstance(event, NbnsAnswer):
            if self._is_of_host(event):
                yield from self._answer(event, event.name, event.owners[0][0], "NetBIOS", _client(packet))
        elif isinstance(event, LlmnrQuery | NbnsRegistration):
            if isinstance(event, NbnsRegistration) or event.claim:
                self._claim(packet, event.name, event.ts)
        elif isinstance(event, NbnsQuery) and not event.broadcast and not event.status:
            self._servers.put(packet.dst, event.ts)

    def _is_of_host(self, event: NbnsAnswer) -> bool:
        """Whether an answer has one host address, and does not come from a name server."""
        if event.rcode or event.server or event.suffix not in HOST_SUFFIXES or len(event.owners) != 1:
            return False
        return not event.owners[0][1] and event.packet.src not in self._servers

    def _query(self, event: MdnsQuery) -> None:
        packet = event.packet
        for question in event.questions:
            if question.type in OF_ADDRESSES and question.name.lower().endswith(LOCAL):
                if event.probe:
                    self._claim(packet, question.name, event.ts)
                else:
                    self._queried.put(
                        _plain(question.name), (event.ts, Subject(packet.src_mac, packet.src, packet.vlan))
                    )

    def _announcement(self, event: MdnsAnnouncement) -> Iterator[Alert]:
        """Addresses announced over mDNS: an answer without a preceding query is an announcement, and so a claim."""
        packet = event.packet
        for record in event.records if event.own else ():
            if (
                record.type not in ADDRESSES
                or not record.ttl
                or record.address != packet.src
                or HIDDEN.match(record.name.lower().removesuffix(LOCAL))
            ):
                continue
            ts, client = self._queried.get(_plain(record.name)) or (0, Subject(0))
            if not 0 <= event.ts - ts <= ANSWERED or client.address == packet.src:
                self._claim(packet, record.name, event.ts)
            else:
                yield from self._answer(event, record.name, record.address, "mDNS", client)

    def _claim(self, packet: Packet, name: str, ts: int) -> None:
        self._own.add(packet.src_mac or packet.src, _plain(name), ts)

    def _answer(self, event: Event, name: str, address: int, protocol: str, client: Subject) -> Iterator[Alert]:
        """A host answers for a name."""
        packet, plain = event.packet, _plain(name)
        sender = packet.src_mac or packet.src
        if not plain or plain in self._own.values(sender):
            return
        self._answered.add((sender, address), _Name(plain, protocol), event.ts)
        self._victims.add(sender, client, event.ts)
        found = self._answered.values((sender, address))
        severity, confidence = self._verdict(found)
        if confidence and self._reported.fresh((sender, severity), event.ts):
            yield self._found(event, found, severity, confidence, self._victims.values(sender))

    def _verdict(self, found: list[_Name]) -> tuple[Severity, float]:
        """Severity and confidence; 0 if it is benign."""
        names = {each.name for each in found}
        protocols = {each.name for each in found if each.protocol != "mDNS"}
        odd = {name for name in names if name in BAIT or _looks_random(name)}
        if len(names) >= self.options.names:
            return (self.severity, 0.95 if odd else 0.9) if odd or len(protocols) > 1 else (Severity.low, 0.4)
        if odd and len(names) > 1:
            return self.severity, 0.8
        return (Severity.medium, 0.6) if odd & BAIT else (self.severity, 0.0)

    def _found(
        self, event: Event, found: list[_Name], severity: Severity, confidence: float, victims: list[Subject]
    ) -> Alert:
        packet = event.packet
        actor = Subject(packet.src_mac, packet.src, packet.vlan)
        names = sorted({each.name for each in found})
        odd = [name for name in names if name in BAIT or _looks_random(name)]
        protocols = " and ".join(sorted({each.protocol for each in found}))
        least = min(self.options.names, len(names))  # fewer suffice if one of them is a decoy or random
        such = " with such a name" if least < self.options.names else ""
        return self.alert(
            event,
            actor=actor,
            target=victims[-1],
            targets=reversed(victims),
            summary=(
                f"{who(self.context, actor)} answered {protocols} queries for "
                f"{counted(len(names), 'unannounced name')}: {some(names)}"
            ),
            why=(
                (
                    f"{counted(len(names), 'name')} with one address within {self.options.window_s} s (threshold "
                    f"{least}{such})"
                ),
                *([f"names that no host has, or that poisoners wait for: {some(odd)}"] if odd else []),
            ),
            numbers={
                "names": len(names),
                "threshold": least,
                "window_s": self.options.window_s,
                "answered": len(victims),
            },
            severity=severity,
            confidence=confidence,
            actor_port=packet.sport,
            network={"proto": "udp", "app": event.kind.partition(".")[0], "vlan": packet.vlan, "direction": "internal"},
        )


def _client(packet: Packet) -> Subject:
    return Subject(packet.dst_mac, packet.dst, packet.vlan)


def _plain(name: str) -> str:
    """A name in the form that all three protocols share: NetBIOS truncates it."""
    return name.lower().removesuffix(LOCAL)[:NETBIOS_SIZE]


def _looks_random(name: str) -> bool:
    """Whether a name may be a browser's random test name: only letters without meaning."""
    return name.isalpha() and generated(name) >= RANDOM


def _queries_address(questions: tuple[Question, ...]) -> bool:
    return any(question.type in OF_ADDRESSES for question in questions)
