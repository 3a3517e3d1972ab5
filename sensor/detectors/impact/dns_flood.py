"""DNS water torture: queries for random names below one domain, which no cache answers, exhaust its name servers and
the resolvers that wait for them.

Evaluated by the responses to all clients: names below one domain that do not exist or that the server could not
resolve. Reputation services and block lists, which are queried for many such names as well, are excluded by domain and
form; names that consist of words are an enumeration. Counted for each server.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.dns_codes import NXDOMAIN, SERVFAIL
from sensor.core.domains import registered, under
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.counting.tally import Distinct
from sensor.detectors.shared.hosts import ends_of, network_of_packet, who
from sensor.detectors.shared.names import QUERIED_BY_NAME, REVERSED, below, is_coded
from sensor.dissectors.dns import DnsResponse

DOMAINS_LIMIT, NAMES_LIMIT, CLIENTS_LIMIT, REPORTED_LIMIT = 64, 512, 32, 1024
AGAIN_S = 300


class Options(detector.Options):
    """When answers are a flood."""

    names: int = Field(
        300, ge=50, le=NAMES_LIMIT, description="threshold: random names below one domain without an answer"
    )
    window_s: int = Field(10, ge=1, le=600, description="time window in seconds")
    allowed: tuple[str, ...] = Field(QUERIED_BY_NAME, description="domains under which such names are normal")


class DnsFlood(EventDetector):
    """Watches answers that a name does not exist or could not be resolved."""

    title = "DNS flood (random subdomains, water torture)"
    severity = Severity.medium
    techniques = ("T1499.002", "T1499", "T1498.001")
    advice = (
        "Limit the rate of such answers and of queries by client at the server, and answer from the signed denials in "
        "its cache (RFC 8198). Look for an infected host among the clients."
    )
    false_positives = "Lookups of a security product with identifiers in names: add its domain to `allowed`."
    decisive = {"names": "names"}
    Options = Options
    watches = (DnsResponse,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        window = self.options.window_s * SECOND
        self._names: Distinct[tuple[int, str], str] = self.tables.add(
            "names", Distinct(window, DOMAINS_LIMIT, NAMES_LIMIT)
        )
        self._clients: Distinct[tuple[int, str], int] = self.tables.add(
            "clients", Distinct(window, DOMAINS_LIMIT, CLIENTS_LIMIT)
        )
        self._reported: Recent[tuple[int, str]] = self.tables.add("reported", Recent(REPORTED_LIMIT, AGAIN_S * SECOND))
        self._allowed = frozenset(self.options.allowed)

    def wants(self) -> dict[type[Event], Want]:
        return {DnsResponse: field("rcode").is_in(SERVFAIL, NXDOMAIN)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, DnsResponse) or event.rcode not in (SERVFAIL, NXDOMAIN):
            return
        domain = registered(event.name)
        part = below(event.name, domain)
        if not part or not is_coded(part) or event.name.endswith(REVERSED) or under(domain, self._allowed):
            return
        key = (event.packet.src, domain)
        clients, names = self._clients.add(key, event.packet.dst, event.ts), self._names.add(key, part, event.ts)
        if names >= self.options.names and self._reported.fresh(key, event.ts):
            yield self._alert(event, domain, names, clients)

    def _alert(self, event: DnsResponse, domain: str, names: int, clients: int) -> Alert:
        want = self.options
        actor, target, near, far = ends_of(event.packet, answer=True)
        others = " and other hosts" if clients > 1 else ""
        samples = self._names.values((event.packet.src, domain))[-3:]
        return self.alert(
            event,
            actor=actor,
            target=target,
            summary=(
                f"{who(self.context, actor)}{others} flooded {who(self.context, target)} with queries for random names "
                f"below {domain}"
            ),
            why=(
                f"{names} names without an answer within {want.window_s} s (threshold {want.names})",
                f"last: {some([name[:64] for name in samples])}",
            ),
            numbers={
                "names": names,
                "clients": clients,
                "threshold": want.names,
                "window_s": want.window_s,
                "domain": domain,
            },
            key=(addresses.text(target.address), domain),
            confidence=0.8,
            actor_port=near,
            target_port=far,
            network=network_of_packet(self.context, event.packet, "dns", answer=True),
        )
