"""DNS rebinding: an external name resolved to a public address, and resolves to an internal one moments later, so that
a page loaded from there may exchange data with devices of the network as if they were its own server.

A browser trusts a name, not an address (same-origin policy). The attacker's server answers with a short lifetime, then
with the address of a router, camera or printer; or with both addresses in one response. A request to the internal
address with the name in its Host header proves it. With split DNS a name resolves to an internal address from the
beginning, and filters and login portals resolve many names to one address: neither is reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.dns_codes import AAAA, A
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, armed, field
from sensor.counting.lookups import PublicAddress, PublicAddresses
from sensor.counting.tally import Distinct
from sensor.detectors.shared.hosts import network_of_packet, who
from sensor.dissectors.dns import DnsResponse
from sensor.dissectors.http import HttpRequest
from sensor.dissectors.shared.dns_message import Record

NAMES_LIMIT, ADDRESSES_LIMIT, REPORTED_LIMIT = 8192, 1024, 4096
REPORTED_S = 3600
SHARED = 3  # names of different domains with one address: a filter, a login portal, a server of many names
SHARED_S = 3600
LOCAL = (".local", ".lan", ".home", ".home.arpa", ".internal", ".intranet", ".corp", ".localdomain", ".test")
LOOPBACK = 127


class Options(detector.Options):
    """When a name is rebound."""

    window_s: int = Field(
        600, ge=10, le=86400, description="maximum seconds between the public and the internal address"
    )
    ttl_s: int = Field(300, ge=0, le=86400, description="maximum TTL of the public address; clients cache longer ones")
    allowed: tuple[str, ...] = Field((), description="domains whose names legitimately resolve to internal addresses")


class DnsRebinding(EventDetector):
    """Watches answers with addresses, and web requests to internal addresses."""

    title = "DNS rebinding"
    severity = Severity.medium
    techniques = ("T1189",)
    advice = (
        "Enable rebind protection in the resolver: answers from the internet must not contain internal addresses. Find "
        "the page that was open on the client, check the device that was addressed for changes, and give it a password."
    )
    false_positives = (
        "A captive portal or filter that answers with an internal address, until a third name leads there; a service "
        "with an outer and an inner address when its client changes networks."
    )
    Options = Options
    watches = (DnsResponse, HttpRequest)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._public = self.tables.add("public", PublicAddresses())
        self._bound: Bounded[tuple[int, str], int] = self.tables.add("bound", Bounded(NAMES_LIMIT))
        self._names: Distinct[int, str] = self.tables.add(
            "names", Distinct(SHARED_S * SECOND, ADDRESSES_LIMIT, 2 * SHARED)
        )
        self._reported: Recent[tuple[int, str, bool]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, REPORTED_S * SECOND)
        )
        self._allowed = tuple(f".{domain.strip('.').lower()}" for domain in self.options.allowed) + LOCAL

    def wants(self) -> dict[type[Event], Want]:
        return {
            DnsResponse: field("type").is_in(A, AAAA) & field("answers").filled(),
            HttpRequest: armed(self._bound) & field("host").filled() & ~field("forwarded").filled(),
        }

    def inspect(self, event: Event) -> Iterable[Alert]:
        if isinstance(event, HttpRequest):
            return self._request(event)
        return self._answer(event) if isinstance(event, DnsResponse) and event.type in (A, AAAA) else ()

    def _answer(self, event: DnsResponse) -> Iterable[Alert]:
        if "." not in event.name:
            return ()
        packet, inside = event.packet, self.context.networks.inside
        outer: Record | None = None
        inner = 0
        for record in event.answers:
            address = record.address if record.type == event.type else 0
            if address and not inside(address):
                outer = outer or record
            elif address != packet.src:
                inner = inner or address
        before = self._public.last(packet, event.name) if inner else None
        if outer is not None:
            self._public.resolved(packet, event.name, outer.address, outer.ttl, bool(inner))
        elif inner and before is None:
            self._public.resolved_inside(packet, event.name)
        if not inner or f".{event.name}".endswith(self._allowed) or self._shared(inner, event.name, packet.ts):
            return ()
        return self._inner(event, event.name, inner, outer, before)

    def _inner(
        self, event: DnsResponse, name: str, inner: int, outer: Record | None, before: PublicAddress | None
    ) -> Iterator[Alert]:
        """An answer with an internal address. ``before``: earlier answers to this client."""
        ts = event.packet.ts
        if outer is not None and before is None:
            yield from self._report(event, name, inner, f"one answer contains it and {_text(outer.address)}", True)
        elif outer is None and before is not None and self._rebound(before, ts):
            seconds = round((ts - before.ts) / SECOND)
            reason = f"it resolved to {_text(before.address)} {seconds} s before, with a TTL of {before.ttl} s"
            self._bound.put((event.packet.dst, name), inner)
            yield from self._report(event, name, inner, reason, inner >> 24 & 0xFF == LOOPBACK)

    def _rebound(self, before: PublicAddress, ts: int) -> bool:
        """Whether the query was repeated because the lifetime of the public address expired."""
        want = self.options
        return not before.inside and 0 <= ts - before.ts <= want.window_s * SECOND and before.ttl <= want.ttl_s

    def _shared(self, address: int, name: str, ts: int) -> bool:
        """Whether names of several domains have this internal address."""
        return self._names.add(address, ".".join(name.split(".")[-2:]), ts) >= SHARED

    def _request(self, event: HttpRequest) -> Iterator[Alert]:
        """A request to the internal address, with the name of the external host."""
        packet, name = event.packet, event.host.lower()
        if self._bound.get((packet.src, name)) == packet.dst and self._reported.fresh(
            (packet.src, name, True), event.ts
        ):
            reason = f"it then requested {event.path[:80]} of {_text(packet.dst)} with the host name {name}"
            client = Subject(packet.src_mac, packet.src, packet.vlan)
            yield self._made(event, client, name, packet.dst, reason, Severity.high)

    def _report(self, event: DnsResponse, name: str, address: int, reason: str, weak: bool) -> Iterator[Alert]:
        packet = event.packet
        if self._reported.fresh((packet.dst, name, False), packet.ts):
            client = Subject(packet.dst_mac, packet.dst, packet.vlan)
            yield self._made(event, client, name, address, reason, Severity.low if weak else Severity.medium)

    def _made(self, event: Event, client: Subject, name: str, address: int, reason: str, severity: Severity) -> Alert:
        packet = event.packet
        target = Subject(0, address, packet.vlan)
        return self.alert(
            event,
            actor=client,
            target=target,
            summary=f"{name} was rebound to {who(self.context, target)} for {who(self.context, client)}",
            why=(f"{name} resolves to the internal address {_text(address)}", reason),
            numbers={"names": 1, "threshold": 1, "name": name},
            key=(name,),
            severity=severity,
            confidence={Severity.low: 0.5, Severity.medium: 0.7}.get(severity, 0.9),
            network=network_of_packet(self.context, packet, answer=packet.src != client.address),
        )


def _text(address: int) -> str:
    return addresses.text(address)
