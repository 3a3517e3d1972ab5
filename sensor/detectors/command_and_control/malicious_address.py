"""A flow with an IP address on a threat list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, Listed
from sensor.core.flow import Change, Flow
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.time_units import SECOND
from sensor.counting.changes import Changes
from sensor.counting.flow_detector import FlowDetector
from sensor.detectors.shared.hosts import client_of, is_fixed_function, network_of, server_of, who
from sensor.detectors.shared.listed import facts, listing

FLOWS_LIMIT = 8192
PAIRS_LIMIT = 65536
# An entry, and whether it covers the server.
Hit = tuple[Listed, bool]


class Options(detector.Options):
    """How often the same pair is reported."""

    again_s: int = Field(86400, ge=60, description="seconds until the same pair of addresses may be reported again")


class MaliciousAddress(FlowDetector):
    """Looks up both ends of every new flow in bulk; listed flows are followed to their answer and end.

    Without lists it has no cost.
    """

    title = "Contact with an address on a threat list"
    severity = Severity.medium
    adjusts_severity = True
    techniques = ("T1071",)
    floods = True
    advice = (
        "Review what the internal host exchanged with this address. If the address answered, treat the host as "
        "compromised until proven otherwise. Block the address at the border."
    )
    false_positives = (
        "Shared hosting where one tenant put the address on a list; outdated lists; unanswered scans from the internet."
    )
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._followed: Bounded[int, Hit] = self.tables.add("followed", Bounded(FLOWS_LIMIT))
        window = self.options.again_s * SECOND
        self._reported = {
            stage: self.tables.add(f"reported.{stage.name.lower()}", Recent[tuple[int, int]](PAIRS_LIMIT, window))
            for stage in Change
        }

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Hit]]:
        return self._hits(changes.rows)

    def _hits(self, changes: npt.NDArray[np.void]) -> list[tuple[int, Hit]]:
        server, client = (
            self.context.intel.listed(changes[end + "_hi"], changes[end + "_lo"], changes["ts"])
            for end in ("server", "client")
        )
        rows = np.flatnonzero(np.maximum(server, client) >= 0)
        rows = rows[changes["kind"][rows] == Change.NEW]
        entry = self.context.intel.entry
        hits = {
            row: (entry(int(server[row])), True) if server[row] >= 0 else (entry(int(client[row])), False)
            for row in rows.tolist()
        }
        if not hits and not len(self._followed):
            return []
        return list(self._in_order(changes, hits))

    def _in_order(self, changes: npt.NDArray[np.void], hits: dict[int, Hit]) -> Iterator[tuple[int, Hit]]:
        """New listed flows and changes of followed ones, row by row: the limit must not depend on batch boundaries."""
        flows = changes["flow"]
        known = np.fromiter((*self._followed, *(int(flows[row]) for row in hits)), np.uint64)
        for row in np.flatnonzero(np.isin(flows, known)).tolist():
            uid, kind = int(flows[row]), int(changes["kind"][row])
            if row in hits:
                self._followed.put(uid, hits[row])
                yield row, hits[row]
                continue
            held = self._followed.get(uid)
            if held is None:
                continue
            if kind == Change.ENDED:
                self._followed.pop(uid)
            if kind != Change.REFUSED:
                yield row, held

    def evaluate(self, flow: Flow, numbers: Hit) -> Iterator[Alert]:
        entry, server_listed = numbers
        if entry.expired(flow.ts):
            return
        pair = (flow.client, flow.server)
        if not self._reported[flow.kind].fresh(pair, flow.ts) or (flow.kind == Change.ENDED and not flow.answered):
            return
        client, server = client_of(flow), server_of(flow)
        bad, other = (server, client) if server_listed else (client, server)
        verb = "contacted" if server_listed else "was contacted by"
        network = network_of(self.context, flow)
        answered = "answered" if flow.answered else "not answered yet"
        yield self.alert(
            flow,
            actor=client,
            target=server,
            summary=(
                f"{who(self.context, other)} {verb} {addresses.text(bad.address)}, on threat list {entry.list_name}"
            ),
            why=(
                f"{addresses.text(bad.address)} matches {listing(entry, flow.ts)}",
                f"the flow is {network['direction']} and {answered}",
                f"{flow.client_bytes:,} bytes sent, {flow.server_bytes:,} bytes received so far",
            ),
            numbers={
                **facts(entry, flow.ts),
                "answered": int(flow.answered),
                "client_bytes": flow.client_bytes,
                "server_bytes": flow.server_bytes,
            },
            key=(addresses.text(bad.address), addresses.text(other.address)),
            severity=self._severity(other, server_listed=server_listed, answered=flow.answered),
            confidence=round(entry.confidence * (1 if flow.answered else 0.8), 2),
            actor_port=flow.client_port,
            target_port=flow.server_port,
            network=network,
        )

    def _severity(self, other: Subject, *, server_listed: bool, answered: bool) -> Severity:
        """An unanswered probe from a listed address is background noise; an answered contact is severe, most for a
        fixed-function device.
        """
        if not server_listed and not answered:
            return Severity.low
        severe = Severity.high if answered else Severity.medium
        return Severity(min(severe + 1, Severity.critical)) if is_fixed_function(self.context, other) else severe
