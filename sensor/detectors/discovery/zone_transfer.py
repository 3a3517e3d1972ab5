"""DNS zone transfer (AXFR, RFC 5936): a client requests a whole zone, the list of all hosts.

Secondary name servers do so by design, other hosts never. A secondary answers queries itself, or its primary notifies
it of changes (RFC 1996). Incremental transfers (IXFR) require a known version of the zone, and are ignored.
The response shows the request if the capture lacks the query.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.dns_codes import AXFR, NOTIFY
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field, held
from sensor.detectors.shared.hosts import ends_of, is_fixed_function, network_of_packet, who
from sensor.detectors.shared.named_hosts import AddressBlocks, Blocks
from sensor.dissectors.dns import DnsQuery, DnsResponse

SERVERS_LIMIT, REPORTED_LIMIT = 4096, 1024
REPORTED_S = 600


class Options(detector.Options):
    """Which hosts may request zones."""

    exempt: Blocks = Field((), description="addresses and CIDR blocks of secondary name servers")


class ZoneTransfer(EventDetector):
    """Watches AXFR queries, hosts that answer queries, and notifications."""

    title = "DNS zone transfer request (AXFR)"
    severity = Severity.medium
    techniques = ("T1590.002",)
    advice = (
        "Allow zone transfers for secondary servers only. Check whether the transfer was answered: then "
        "the source knows the names of all hosts."
    )
    false_positives = (
        "A secondary name server without clients and notifications, or in another segment (list it in `exempt`); "
        "administrators who test their servers."
    )
    Options = Options
    watches = (DnsQuery, DnsResponse)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._servers: Bounded[int, bool] = self.tables.add("servers", Bounded(SERVERS_LIMIT))
        # Secondary and primary.
        self._notified: Bounded[tuple[int, int], bool] = self.tables.add("notified", Bounded(SERVERS_LIMIT))
        self._reported: Recent[tuple[int, int, str]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, REPORTED_S * SECOND)
        )
        self._exempt = AddressBlocks(self.options.exempt)

    def wants(self) -> dict[type[Event], Want]:
        whole = field("type") == AXFR
        return {
            DnsQuery: (whole & ~field("operation").filled()) | (field("operation") == NOTIFY),
            DnsResponse: whole | (~field("rcode").filled() & ~held(self._servers, "packet.src")),
        }

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet = event.packet
        if isinstance(event, DnsQuery) and event.operation:
            if event.operation == NOTIFY:
                self._notified.put((packet.dst, packet.src), True)
        elif isinstance(event, DnsQuery | DnsResponse) and event.type == AXFR:
            yield from self._requested(event)
        elif isinstance(event, DnsResponse) and event.rcode == 0 and packet.src not in self._servers:
            self._servers.put(packet.src, True)

    def _requested(self, event: DnsQuery | DnsResponse) -> Iterator[Alert]:
        packet, answer = event.packet, isinstance(event, DnsResponse)
        actor, target, near, far = ends_of(packet, answer=answer)
        secondary = actor.address in self._servers or (actor.address, target.address) in self._notified
        if secondary or actor.address in self._exempt:
            return
        if not self._reported.fresh((actor.address, target.address, event.name), event.ts):
            return
        yield self.alert(
            event,
            actor=actor,
            target=target,
            summary=(
                f"{who(self.context, actor)} requested the DNS zone {event.name or '.'} from "
                f"{who(self.context, target)}"
            ),
            why=(
                f"record type {AXFR} of {event.name or '.'} was requested (threshold 1)",
                "the source answers no queries itself: it is not a name server",
            ),
            numbers={"zone": event.name, "threshold": 1},
            key=(addresses.text(target.address), event.name),
            severity=Severity.high if is_fixed_function(self.context, actor) else Severity.medium,
            confidence=0.85,
            actor_port=near,
            target_port=far,
            network=network_of_packet(self.context, packet, "dns", answer=answer),
        )
