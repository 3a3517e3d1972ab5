"""Base of detectors of internet services by requested name: a table maps registered domains, or whole names, to
services.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import Field

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.time_units import SECOND
from sensor.core.wants import Want
from sensor.detectors.shared.hosts import app_of, ends_of, network_of_packet, who
from sensor.detectors.shared.names import registered, under
from sensor.detectors.shared.requested_names import ASKING, asks, name_of, verb_of

CLIENTS_LIMIT = 4096


class Options(detector.Options):
    """Which services are approved, and how often a host is reported."""

    allowed: tuple[str, ...] = Field((), description="domains of approved services")
    again_s: int = Field(86400, ge=60, description="seconds until the same host and service may be reported again")


class NamedServices(EventDetector):
    """``services``: the service behind a registered domain or a whole name.

    A lookup is a weak indication; a fixed-function device that requests the name is more severe, except for the types
    in ``usual``.
    """

    services: ClassVar[Mapping[str, str]]
    usual: ClassVar[frozenset[str]] = frozenset()
    Options = Options
    watches = ASKING

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._reported: Recent[tuple[int, str]] = self.tables.add(
            "reported", Recent(CLIENTS_LIMIT, self.options.again_s * SECOND)
        )
        self._allowed = frozenset(self.options.allowed)

    def wants(self) -> dict[type[Event], Want]:
        return asks(lambda name: registered(name) in self.services or name in self.services)

    def inspect(self, event: Event) -> Iterator[Alert]:
        name = name_of(event)
        service = self.services.get(registered(name)) or self.services.get(name)
        return self._named(event, name, service) if service else iter(())

    def _named(self, event: Event, name: str, service: str) -> Iterator[Alert]:
        actor, target, sport, dport = ends_of(event.packet)
        if under(name, self._allowed) or not self._reported.fresh((actor.address, service), event.ts):
            return
        device = self.context.device(actor)
        severe = device is not None and device.fixed_function and device.type not in self.usual
        yield self.alert(
            event,
            actor=actor,
            target=target,
            summary=f"{who(self.context, actor)} {verb_of(event)} {name} ({service})",
            why=(f"{name} belongs to {service}", *(["a fixed-function device has no use for it"] if severe else [])),
            numbers={"name": name, "service": service, "threshold": 1},
            key=(service,),
            severity=Severity.high if severe else self.severity,
            confidence=0.8,
            actor_port=sport,
            target_port=dport,
            network=network_of_packet(self.context, event.packet, app_of(event)),
        )
