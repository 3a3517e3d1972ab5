"""A machine turns to a domain that is made to be taken for another: bait for people, and cover for programs that call their masters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.wants import Want
from sensor.detectors._asked import ASKING, asks, name_of, verb_of
from sensor.detectors._lookalikes import imitated
from sensor.detectors._names import registered, under
from sensor.detectors._words import app_of, ends_of, is_fixed_function, network_of_packet, who
from sensor.dissectors.dns import DnsQuery

SECOND = 1_000_000_000
TOLD_LIMIT = 4096


class Options(detector.Options):
    """Which names are meant so, and how often a machine is told."""

    allowed: tuple[str, ...] = Field((), description="domains that only look like an imitation")
    again_s: int = Field(86400, ge=60, description="seconds after which the same machine and domain are told again")


class LookalikeDomain(EventDetector):
    """Watches the names asked for in DNS, TLS, QUIC and HTTP."""

    title = "Look-alike of a known name"
    severity = Severity.low
    weighs_itself = True
    techniques = ("T1071.004",)
    advice = "Ask who followed which link. Where nobody did, find the program that asked; look when the domain was registered and by whom, and block it."
    false_positives = "A slip of the finger at the keyboard: makers often hold such names themselves."
    Options = Options
    watches = ASKING

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._told: Recent[tuple[int, str]] = Recent(TOLD_LIMIT, self.options.again_s * SECOND)
        self._allowed = frozenset(self.options.allowed)

    def wants(self) -> dict[type[Event], Want]:
        return asks(_imitates)

    def inspect(self, event: Event) -> Iterator[Alert]:
        name = name_of(event)
        domain = registered(name) if "." in name else ""
        meant, how = imitated(domain.partition(".")[0]) if domain else ("", "")
        return self._tell(event, name, domain, meant, how) if meant else iter(())

    def _tell(self, event: Event, name: str, domain: str, meant: str, how: str) -> Iterator[Alert]:
        actor, target, sport, dport = ends_of(event.packet)
        if under(name, self._allowed) or not self._told.fresh((actor.address, domain), event.ts):
            return
        device = is_fixed_function(self.context, actor)
        yield self.alert(
            event,
            actor=actor,
            target=target,
            summary=f"{who(self.context, actor)} {verb_of(event)} {name}, which imitates {meant}",
            why=(f"{domain} reads like {meant}: {how}", *(["nobody types at a device with one job"] if device else [])),
            numbers={"name": name, "imitates": meant, "threshold": 1},
            key=(domain,),
            severity=Severity.medium if device or domain.startswith("xn--") else self.severity,
            confidence=0.5,
            actor_port=sport,
            target_port=dport,
            network=network_of_packet(self.context, event.packet, app_of(event)),
            techniques=("T1071.004",) if isinstance(event, DnsQuery) else ("T1071.001",),
        )


def _imitates(name: str) -> bool:
    return "." in name and bool(imitated(registered(name).partition(".")[0])[0])
