"""A host contacts a domain that imitates a well-known one: phishing, or cover for C2 traffic."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.domains import registered, under
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.time_units import SECOND
from sensor.core.wants import Want
from sensor.detectors.shared.hosts import app_of, is_fixed_function, network_of_packet, who
from sensor.detectors.shared.lookalikes import imitated
from sensor.detectors.shared.requested_names import ASKING, asks, ends_of_request, name_of, verb_of
from sensor.dissectors.dns import DnsQuery, DnsResponse

REPORTED_LIMIT = 4096


class Options(detector.Options):
    """Which names are legitimate, and how often a host is reported."""

    allowed: tuple[str, ...] = Field((), description="legitimate domains that resemble a known one")
    again_s: int = Field(86400, ge=60, description="seconds until the same host and domain may be reported again")


class LookalikeDomain(EventDetector):
    """Watches names in DNS, TLS, QUIC and HTTP."""

    title = "Lookalike domain"
    severity = Severity.low
    adjusts_severity = True
    techniques = ("T1071.004",)
    advice = (
        "Ask the user which link was followed. If none, identify the program. Look up when and by whom "
        "the domain was registered, and block it."
    )
    false_positives = "A typing error: vendors often register such names themselves."
    Options = Options
    watches = ASKING

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._reported: Recent[tuple[int, str]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, self.options.again_s * SECOND)
        )
        self._allowed = frozenset(self.options.allowed)

    def wants(self) -> dict[type[Event], Want]:
        return asks(_imitates)

    def inspect(self, event: Event) -> Iterator[Alert]:
        name = name_of(event)
        domain = registered(name) if "." in name else ""
        meant, how = imitated(domain.partition(".")[0]) if domain else ("", "")
        return self._alert(event, name, domain, meant, how) if meant else iter(())

    def _alert(self, event: Event, name: str, domain: str, meant: str, how: str) -> Iterator[Alert]:
        actor, target, sport, dport = ends_of_request(event)
        if under(name, self._allowed) or not self._reported.fresh((actor.address, domain), event.ts):
            return
        device = is_fixed_function(self.context, actor)
        yield self.alert(
            event,
            actor=actor,
            target=target,
            summary=f"{who(self.context, actor)} {verb_of(event)} {name}, which imitates {meant}",
            why=(
                f"{domain} resembles {meant}: {how}",
                *(["a fixed-function device has no keyboard: this is not a typing error"] if device else []),
            ),
            numbers={"name": name, "imitates": meant, "threshold": 1},
            key=(domain,),
            severity=Severity.medium if device or domain.startswith("xn--") else self.severity,
            confidence=0.5,
            actor_port=sport,
            target_port=dport,
            network=network_of_packet(self.context, event.packet, app_of(event), answer=isinstance(event, DnsResponse)),
            techniques=("T1071.004",) if isinstance(event, DnsQuery | DnsResponse) else ("T1071.001",),
        )


def _imitates(name: str) -> bool:
    return "." in name and bool(imitated(registered(name).partition(".")[0])[0])
