"""A device with a restricted type communicates with the internet: building automation, industrial and medical devices,
door locks, power supplies, label printers.

The operator configures which types, and which networks must not reach the internet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context
from sensor.core.flow import Change, Flow
from sensor.core.ip_protocols import PROTOCOLS
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.core.type_labels import type_label
from sensor.counting.changes import CLIENT_INSIDE, SERVER_INSIDE, Changes, subjects
from sensor.counting.flow_detector import FlowDetector
from sensor.detectors.shared.hosts import client_of, network_of, server_of, who
from sensor.detectors.shared.named_hosts import AddressBlocks, Blocks

PAIRS_LIMIT = 16384
LOOK_AGAIN_S = 600
KEY_BITS, PAIR_BITS = 12, 15
TYPES = ("industrial", "building", "medical", "door_access", "ups", "label_printer", "barcode_scanner")
SEVERE = ("industrial", "medical")
# Residential door locks use the cloud of their vendor, by name.
CLOUDY = ("door_access",)
HARMLESS = (53, 123)


class Options(detector.Options):
    """Which devices must stay internal."""

    types: tuple[str, ...] = Field(TYPES, description="device types that must not reach the internet")
    networks: Blocks = Field((), description="addresses and CIDR blocks that must not reach the internet")
    allowed: Blocks = Field((), description="external addresses and CIDR blocks that are allowed")
    again_s: int = Field(86400, ge=60, description="seconds until the same device and server may be reported again")


class InternetAccess(FlowDetector):
    """Watches answered outbound flows in bulk; a pair is checked every ten minutes."""

    title = "Internet access by a restricted device"
    severity = Severity.low
    adjusts_severity = True
    techniques = ("T1071",)
    advice = (
        "Allow only the destinations the device needs, with a rule at the border. Review what it "
        "exchanged with this server."
    )
    false_positives = (
        "Devices with remote maintenance by their vendor: allow the vendor's addresses, or remove "
        "the type from `types`."
    )
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._looked = self.tables.add("evaluated", self.window(LOOK_AGAIN_S * SECOND, KEY_BITS, PAIR_BITS))
        self._reported: Recent[tuple[int, int]] = self.tables.add(
            "reported", Recent(PAIRS_LIMIT, self.options.again_s * SECOND)
        )
        self._networks = AddressBlocks(self.options.networks)
        self._types = frozenset(self.options.types)
        self._allowed = AddressBlocks(self.options.allowed)

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Subject]]:
        rows = changes.contacts
        rows = rows.compress(
            (rows["kind"] == Change.ANSWERED) & ((rows["flags"] & (CLIENT_INSIDE | SERVER_INSIDE)) == CLIENT_INSIDE)
        )
        if not len(rows):
            return []
        picked = rows["row"][np.flatnonzero(self._looked.count(rows["client"], rows["server"], rows["ts"]))]
        return zip(picked.tolist(), subjects(changes.rows.take(picked), "client"), strict=True)

    def is_relevant(self, numbers: Subject) -> bool:
        """Most hosts are permitted."""
        if numbers.address in self._networks:
            return True
        device = self.context.device(numbers)
        return device is not None and device.type in self._types

    def evaluate(self, flow: Flow, numbers: Subject) -> Iterator[Alert]:
        if (
            flow.server in self._allowed
            or flow.server_port in HARMLESS
            or not self._reported.fresh((flow.client, flow.server), flow.ts)
        ):
            return
        actor, target = client_of(flow), server_of(flow)
        device = self.context.device(actor)
        kind = device.type if device is not None else "unknown"
        policy = kind in self.options.types
        names = self.context.names_of(flow.server)
        resolved = some(list(names)) if names else "no host name"
        service = f"{PROTOCOLS.get(flow.proto, str(flow.proto))}/{flow.server_port}"
        yield self.alert(
            flow,
            actor=actor,
            target=target,
            summary=(
                f"{who(self.context, actor)} communicated with {names[0] if names else addresses.text(flow.server)} on "
                f"the internet ({service})"
            ),
            why=(
                f"devices of type {type_label(kind)} must not reach the internet"
                if policy
                else "its network must not reach the internet",
                f"{addresses.text(flow.server)} answered; {resolved} resolved to this address",
            ),
            numbers={"type": kind, "threshold": 1, "port": flow.server_port},
            key=(addresses.text(flow.server),),
            severity=Severity.medium
            if kind in SEVERE or not policy or (kind in CLOUDY and not names)
            else Severity.low,
            confidence=round(0.9 * device.attributes["type"].confidence, 2) if policy and device is not None else 0.9,
            actor_port=flow.client_port,
            target_port=flow.server_port,
            network=network_of(self.context, flow),
        )
