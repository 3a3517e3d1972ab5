"""A fixed-function device (printer, phone, camera, TV, conferencing system …) opens an administration session to
another internal host.

Such devices administer nothing. Known benign cases: printers scan to a folder, players read from a share, cameras
record to one, all over SMB; these have lower severity, and the reason is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context
from sensor.core.flow import Flow
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.time_units import SECOND
from sensor.core.type_labels import type_label
from sensor.counting.changes import Changes, subjects
from sensor.counting.contacts import sessions
from sensor.counting.flow_detector import FlowDetector
from sensor.counting.ports import ports_in
from sensor.detectors.shared.hosts import client_of, network_of, server_of, who

PAIRS_LIMIT = 16384
LOOK_AGAIN_S = 600
KEY_BITS, PAIR_BITS = 12, 15
SMB = "SMB"
# Below this confidence of the type, the severity is one step lower.
SURE = 0.6
# port -> (service, technique)
SERVICES = {
    22: ("SSH", "T1021.004"),
    23: ("Telnet", "T1021"),
    135: ("RPC", "T1021.003"),
    139: (SMB, "T1021.002"),
    445: (SMB, "T1021.002"),
    1433: ("SQL Server", "T1021"),
    1521: ("Oracle", "T1021"),
    3306: ("MySQL", "T1021"),
    3389: ("RDP", "T1021.001"),
    5432: ("PostgreSQL", "T1021"),
    **dict.fromkeys(range(5900, 5906), ("VNC", "T1021.005")),
    5985: ("WinRM", "T1021.006"),
    5986: ("WinRM", "T1021.006"),
    2375: ("Docker", "T1021"),
    6379: ("Redis", "T1021"),
    27017: ("MongoDB", "T1021"),
}
# Device types that use shares in their ordinary work, and how.
SHARES = {
    "printer": "printers scan to shared folders",
    "tv": "TVs play videos from shared folders",
    "media_player": "players read media from shared folders",
    "speaker": "speakers read media from shared folders",
}
RECORDERS = {"camera": "cameras may record to a shared folder", "nvr": "recorders may write to a shared folder"}
STORES = ("nas", "nvr")


class Options(detector.Options):
    """Which types are exempt, and how often a pair is reported."""

    again_s: int = Field(86400, ge=60, description="seconds until the same pair and service may be reported again")
    exempt_types: tuple[str, ...] = Field((), description="device types that administer others")


class AdminFromDevice(FlowDetector):
    """Watches new, answered and ended TCP flows to ports of administration services between internal hosts; a pair and
    port is checked again after ten minutes.
    """

    title = "Administration session from a fixed-function device"
    severity = Severity.medium
    adjusts_severity = True
    techniques = ("T1021",)
    advice = (
        "Find out who controls the device: it has no reason to do this. Allow only the traffic its purpose needs "
        "(switch ACL or firewall), reinstall its firmware and change its password."
    )
    false_positives = (
        "Scan-to-folder printers, players and recorders that use a share (low or medium severity); "
        "a computer that was classified as a device."
    )
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._wanted = ports_in(SERVICES).view(np.uint8)
        self._looked = self.tables.add("evaluated", self.window(LOOK_AGAIN_S * SECOND, KEY_BITS, PAIR_BITS))
        self._reported = {
            answered: self.tables.add(
                f"reported.{'answered' if answered else 'unanswered'}",
                Recent[tuple[int, int, str]](PAIRS_LIMIT, self.options.again_s * SECOND),
            )
            for answered in (False, True)
        }

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Subject]]:
        opened = sessions(changes.contacts, self._wanted)
        if not len(opened):
            return []
        picked = opened["at"][np.flatnonzero(self._looked.count(opened["key"], opened["value"], opened["ts"]))]
        return zip(picked.tolist(), subjects(changes.rows.take(picked), "client"), strict=True)

    def is_relevant(self, numbers: Subject) -> bool:
        """Sessions of computers are not evaluated."""
        device = self.context.device(numbers)
        return device is not None and device.fixed_function and device.type not in self.options.exempt_types

    def evaluate(self, flow: Flow, numbers: Subject) -> Iterator[Alert]:
        actor, target = client_of(flow), server_of(flow)
        device = self.context.device(actor)
        if device is None or flow.client == flow.server:
            return
        service, technique = SERVICES[flow.server_port]
        if not self._reported[flow.answered].fresh((flow.client, flow.server, service), flow.ts):
            return
        severity, note = self._weight(flow, device.type, service)
        name, other = who(self.context, actor), who(self.context, target)
        evidence = device.attributes["type"]
        confidence = round(evidence.confidence, 2)
        doubtful = evidence.confidence < SURE and severity > Severity.low
        why = (
            (
                f"its type is {type_label(device.type)} (confidence {evidence.confidence:.2f}): such devices do not "
                "administer other hosts"
            ),
            f"{service} (tcp/{flow.server_port}) to {other} was {'answered' if flow.answered else 'not answered yet'}",
            *([note] if note else []),
            *(["its type has low confidence: it may be a computer"] if doubtful else []),
        )
        yield self.alert(
            flow,
            actor=actor,
            target=target,
            summary=f"{name} {'opened' if flow.answered else 'tried to open'} {service} to {other}",
            why=why,
            numbers={"sessions": 1, "threshold": 1, "answered": int(flow.answered), "device_confidence": confidence},
            key=(target.address, service),
            severity=Severity(severity - doubtful),
            confidence=round(0.95 * evidence.confidence, 2),
            actor_port=flow.client_port,
            target_port=flow.server_port,
            network=network_of(self.context, flow),
            techniques=(technique,),
        )

    def _weight(self, flow: Flow, kind: str, service: str) -> tuple[Severity, str]:
        """Severity, and the benign explanation if there is one."""
        if service == SMB and kind in SHARES:
            return Severity.low, f"{SHARES[kind]}: benign where this is configured"
        if service == SMB and kind in RECORDERS:
            other = self.context.device(server_of(flow))
            store = other is not None and other.type in STORES
            return (
                Severity.high if flow.answered and not store else Severity.medium,
                f"{RECORDERS[kind]}: benign where this is configured",
            )
        return Severity.high if flow.answered else Severity.medium, ""
