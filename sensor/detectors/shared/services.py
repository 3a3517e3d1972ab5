"""Base of detectors of internet services by requested name: registered domains, or whole names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.domains import registered, under
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.time_units import SECOND
from sensor.core.wants import Want
from sensor.detectors.shared.hosts import app_of, network_of_packet, who
from sensor.detectors.shared.requested_names import ASKING, asks_under, ends_of_request, name_of, verb_of
from sensor.dissectors.dns import DnsResponse

CLIENTS_LIMIT = 4096


class Options(detector.Options):
    """Which services are approved, and how often a host is reported."""

    allowed: tuple[str, ...] = Field((), description="domains of approved services")
    again_s: int = Field(86400, ge=60, description="seconds until the same host and service may be reported again")


class NamedServices(EventDetector):
    """``domains``: of each service its registered domains or whole names, separated by spaces.

    A lookup is a weak indication; a fixed-function device that requests the name is more severe, except for the types
    in ``usual``.
    """

    domains: ClassVar[Mapping[str, str]]
    usual: ClassVar[frozenset[str]] = frozenset()
    Options = Options
    watches = ASKING

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._reported: Recent[tuple[int, str]] = self.tables.add(
            "reported", Recent(CLIENTS_LIMIT, self.options.again_s * SECOND)
        )
        self._allowed = frozenset(self.options.allowed)
        self._services = {name: service for service, names in self.domains.items() for name in names.split()}

    def wants(self) -> dict[type[Event], Want]:
        return asks_under(self._services)

    def inspect(self, event: Event) -> Iterator[Alert]:
        name = name_of(event)
        service = self._service_of(name)
        return self._named(event, name, service) if service else iter(())

    def _service_of(self, name: str) -> str | None:
        return self._services.get(registered(name)) or self._services.get(name)

    def _named(self, event: Event, name: str, service: str) -> Iterator[Alert]:
        actor, target, sport, dport = ends_of_request(event)
        if under(name, self._allowed) or not self._reported.fresh((actor.address, service), event.ts):
            return
        device = self.context.device(actor)
        severe = device is not None and device.fixed_function and device.type not in self.usual
        yield self.alert(
            event,
            actor=actor,
            target=target,
            summary=f"{who(self.context, actor)} {verb_of(event)} {name} ({service})",
            why=(f"{name} belongs to {service}", *(["a fixed-function device does not need it"] if severe else [])),
            numbers={"name": name, "service": service, "threshold": 1},
            key=(service,),
            severity=Severity.high if severe else self.severity,
            confidence=0.8,
            actor_port=sport,
            target_port=dport,
            network=network_of_packet(self.context, event.packet, app_of(event), answer=isinstance(event, DnsResponse)),
        )
