"""Policy violation of a fixed-function device: it offers or uses a service that its type never does, or reaches a new
segment.

Services that no device of a type needs are known from the first day (the starting baselines). After a device was
monitored for three days, services that it and similar devices never used, and segments that it never reached, are known
as well. Administration sessions are reported by ``admin_from_device``. Where a profile is installed for a device (RFC
8520), it takes precedence: what it allows is not reported, anything else is, whatever the type.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, StartingBaseline
from sensor.core.device import FIXED_FUNCTION, Device
from sensor.core.flow import Change, Flow
from sensor.core.ip_protocols import PROTOCOLS, UDP
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.time_units import SECOND
from sensor.core.type_labels import a_type, type_label, type_plural
from sensor.counting.changes import Changes, subjects
from sensor.counting.flow_detector import FlowDetector
from sensor.counting.recent_flows import RecentFlows
from sensor.detectors.shared.hosts import client_of, network_of, server_of, who
from sensor.detectors.shared.named_hosts import AddressBlocks, Blocks
from sensor.detectors.shared.sessions import SERVICES as ADMIN

AGAIN_S, QUICK_BITS = 600, 12
REPORTED_LIMIT = 16384
# Number of other devices of its type that make a service usual.
OTHERS = 2
SURE = 0.9
# ns: a client that resolved a name before monitoring began resolves it again within this time, because DNS answers are
# rarely cached for longer.
NAMED_NS = 86_400 * SECOND
PROXIES = (1080, 3128)
# By violated rule: its confidence; which rules are learned, and which come from a profile.
TRUST = {"never": 0.9, "learned": 0.6, "segment": 0.6, "profile": 0.95, "unnamed": 0.4}
LEARNED, PROFILED = ("learned", "segment"), ("profile", "unnamed")


class Options(detector.Options):
    """Learning period, and allowed devices."""

    learn_h: float = Field(
        72, ge=1, le=2160, description="learning period of a device in hours; starting baselines need none"
    )
    again_s: int = Field(86400, ge=60, description="seconds until the same alert may be raised again")
    exempt_types: tuple[str, ...] = Field((), description="exempt device types")
    exempt: Blocks = Field((), description="addresses and CIDR blocks of exempt devices")


class RoleViolation(FlowDetector):
    """Watches answered flows of fixed-function devices, as clients and as servers."""

    title = "Device violates its policy or usual role"
    severity = Severity.medium
    adjusts_severity = True
    techniques = ("T1021",)
    advice = (
        "Find out what the device exchanged and why. Update or reset it, change its password, and allow only what its "
        "purpose needs on the switch or firewall: the services of its type and its own servers."
    )
    false_positives = (
        "A device classified as another type; new firmware or an enabled feature; a new server for such devices; a "
        "profile that lacks rare traffic (create it again: `sensor profiles`)."
    )
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._never = self.tables.include(
            "never", RecentFlows(AGAIN_S * SECOND, QUICK_BITS, at_once=True, wanted=_never(context))
        )
        self._all = self.tables.include("all", RecentFlows(AGAIN_S * SECOND))
        self._reported: Recent[tuple[object, ...]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, self.options.again_s * SECOND)
        )
        self._exempt = AddressBlocks(self.options.exempt)
        # Devices with a profile: evaluated as soon as a peer answers, and separately for each external server.
        self._at_once = self.tables.include("at_once", RecentFlows(AGAIN_S * SECOND, at_once=True))
        self._abroad = self.tables.include("external", RecentFlows(AGAIN_S * SECOND, at_once=True, apart=True))
        self._began = 0

    def candidates(self, changes: Changes) -> Iterable[tuple[int, tuple[Subject, Subject]]]:
        confined = (*self._at_once.fresh(changes), *self._abroad.fresh(changes)) if self.context.profiles else ()
        picked = sorted({*self._never.fresh(changes), *self._all.fresh(changes), *confined})
        rows = changes.rows.take(picked)
        return zip(picked, zip(subjects(rows, "client"), subjects(rows, "server"), strict=True), strict=True)

    def is_relevant(self, numbers: tuple[Subject, Subject]) -> bool:
        """Whether one of the two is a fixed-function device, or has a profile."""
        for end in numbers:
            device = self.context.device(end)
            if device is not None and (device.fixed_function or self._confined(device)):
                return True
        return False

    def _confined(self, device: Device) -> bool:
        return bool(self.context.profiles) and self.context.profiles.has(device)

    def evaluate(self, flow: Flow, numbers: tuple[Subject, Subject]) -> Iterator[Alert]:
        service = flow.proto << 16 | flow.server_port
        self._began = self._began or flow.ts
        for subject, serves in ((client_of(flow), False), (server_of(flow), True)):
            device = self.context.device(subject)
            if device is not None and self._confined(device):
                yield from self._beyond(flow, device, subject, serves=serves)
                continue
            start = self._start(device, subject)
            if device is None or start is None:
                continue
            if why := (start.never_serves if serves else start.never_uses).get(service):
                yield from self._alert(
                    flow, device, serves, why, "never", Severity.high if _certainty(device) >= SURE else Severity.medium
                )
            elif not serves and flow.server_port not in ADMIN and self._over(flow):
                yield from self._learned(flow, device, start, service)

    def _beyond(self, flow: Flow, device: Device, subject: Subject, *, serves: bool) -> Iterator[Alert]:
        """Violations of its profile. A probed device has offered no service."""
        if self._is_exempt(device, subject) or (serves and not self._over(flow)):
            return
        breach = self.context.profiles.breach(flow, serves=serves)
        if breach is None or not (breach.sure or flow.ts - self._began >= NAMED_NS):
            return
        missing = "" if breach.sure else "; it allows host names, and no DNS query for this address was seen"
        why = f"not allowed by the profile {breach.profile}: {breach.lists}{missing}"
        yield from self._alert(
            flow,
            device,
            serves,
            why,
            "profile" if breach.sure else "unnamed",
            Severity.medium if breach.sure else Severity.low,
        )

    def _is_exempt(self, device: Device, subject: Subject) -> bool:
        return device.type in self.options.exempt_types or subject.address in self._exempt

    def _start(self, device: Device | None, subject: Subject) -> StartingBaseline | None:
        """The initial baseline that applies to a device; None if there is none."""
        if device is None or not device.fixed_function or self._is_exempt(device, subject):
            return None
        return self.context.baseline.start(device.type)

    def _over(self, flow: Flow) -> bool:
        """Learned baselines count finished flows."""
        return flow.kind == Change.ENDED or flow.proto == UDP

    def _learned(self, flow: Flow, device: Device, start: StartingBaseline, service: int) -> Iterator[Alert]:
        """Services that the device and similar ones never used, and segments that it never reached."""
        client = client_of(flow)
        server = server_of(flow)
        baseline = self.context.baseline
        kind = type_label(device.type)
        if baseline.maturity(client, self.options.learn_h) < 1:
            return
        inside = self.context.networks.inside(flow.server)
        new = not (baseline.servers(client, service) or baseline.first_use(client, server, service))
        if new and service not in start.uses and baseline.alike(device.type, service, offered=False) < OTHERS:
            why = (
                f"no {kind} used this service in the learning period of {self.options.learn_h:g} h, and "
                f"{type_plural(device.type)} usually do not"
            )
            yield from self._alert(flow, device, False, why, "learned", Severity.medium if inside else Severity.low)
        elif (
            inside
            and (place := addresses.segment(flow.server)) not in (known := baseline.segments(client))
            and known
            and new
        ):
            why = f"no flow to {place} in the learning period of {self.options.learn_h:g} h"
            yield from self._alert(
                flow, device, False, why, "segment", Severity.low if service in start.uses else Severity.medium
            )

    def _alert(
        self, flow: Flow, device: Device, serves: bool, why: str, rule: str, severity: Severity
    ) -> Iterator[Alert]:
        actor, target = (server_of(flow), client_of(flow)) if serves else (client_of(flow), server_of(flow))
        what = f"{PROTOCOLS.get(flow.proto, flow.proto)}/{flow.server_port}"
        if not self._reported.fresh((actor.address, target.address if rule == "segment" else 0, what, serves), flow.ts):
            return
        name = who(self.context, actor)
        other = who(self.context, target)
        certainty = 1.0 if rule == "profile" else _certainty(device)
        kind, ruled = a_type(device.type), rule in PROFILED
        reported = "not allowed by its profile" if ruled else f"unusual for {kind}"
        yield self.alert(
            flow,
            actor=actor,
            target=target,
            summary=f"{name} {'offers' if serves else 'uses'} {what} {'to' if serves else 'of'} {other}: {reported}",
            why=(
                why,
                *(() if ruled else (f"its type is {type_label(device.type)} (confidence {certainty:.2f})",)),
                f"the flow with {other} was answered",
            ),
            numbers={
                "rule": rule,
                "service": what,
                "device_confidence": round(certainty, 2),
                "threshold_h": self.options.learn_h if rule in LEARNED else 0,
            },
            key=(what, "serves" if serves else "uses"),
            severity=severity,
            confidence=round(TRUST[rule] * certainty, 2),
            actor_port=flow.server_port if serves else flow.client_port,
            target_port=flow.client_port if serves else flow.server_port,
            network=network_of(self.context, flow),
            techniques=(self._technique(flow, serves),),
        )

    def _technique(self, flow: Flow, serves: bool) -> str:
        if flow.server_port in PROXIES:
            return "T1090"
        if serves:
            return "T1571"
        return "T1021" if self.context.networks.inside(flow.server) else "T1071"


def _never(context: Context) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Services on the list of any type: those of TCP, then those of UDP."""
    wanted = np.zeros(1 << 17, np.uint8)
    for kind in FIXED_FUNCTION:
        start = context.baseline.start(kind)
        for service in (*start.never_serves, *start.never_uses) if start is not None else ():
            wanted[(service & 0xFFFF) + ((service >> 16 == UDP) << 16)] = 1
    return wanted


def _certainty(device: Device) -> float:
    return device.attributes["type"].confidence if "type" in device.attributes else 0.5
