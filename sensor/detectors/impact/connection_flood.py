"""Service exhaustion by one host: connections that are answered, opened faster than clients do (HTTP flood), or opened
and held until the server has none left (Slowloris, slow POST).

Connections without an answer are ``service_flood``. Proxies and load balancers open many connections too: low severity
below three times the threshold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context
from sensor.core.flow import Change, Flow
from sensor.core.ip_protocols import TCP
from sensor.core.time_units import SECOND
from sensor.counting.changes import Changes
from sensor.counting.flow_detector import FlowDetector
from sensor.counting.rates import RateWindow
from sensor.counting.windows import combine
from sensor.detectors.shared.hosts import client_of, is_fixed_function, network_of, server_of, who

REPORTED_LIMIT = 1024
MANY = 3


class Options(detector.Options):
    """When connections of one source exhaust a service."""

    opened: int = Field(1000, ge=100, description="threshold: answered connections of one source to one service")
    window_s: int = Field(10, ge=1, le=600, description="time window in seconds for `opened`")
    held: int = Field(150, ge=20, description="threshold: answered connections of one source that are still open")
    held_s: int = Field(60, ge=10, le=600, description="time window in seconds in which they were opened")
    again_s: int = Field(300, ge=10, description="seconds until the same alert may be raised again")
    exempt: tuple[str, ...] = Field((), description="addresses and CIDR blocks of proxies, load balancers, load tests")


class Finding(NamedTuple):
    """Number of connections, whether they are counted as held open, and whether they exceed the threshold by far."""

    connections: int
    held: bool
    many: bool


class ConnectionFlood(FlowDetector):
    """Counts answered connections by source and service: all of them, and those that did not end."""

    title = "HTTP flood or slow HTTP attack (service exhaustion)"
    severity = Severity.medium
    techniques = ("T1499.002", "T1499", "T1498.001")
    advice = (
        "Stop the program on the source, or block it. Limit connections by source at the target, and close connections "
        "whose requests do not become complete in time."
    )
    false_positives = (
        "Proxies, load balancers and load tests (list them in `exempt`); programs that open a "
        "connection for each request."
    )
    decisive = {"opened": "connections", "held": "connections"}
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        want = self.options
        self._opened, self._held = (
            self.tables.add("opened", RateWindow(want.window_s * SECOND)),
            self.tables.add("held", RateWindow(want.held_s * SECOND)),
        )
        self._reported: Recent[tuple[int, int, int, bool, bool]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, want.again_s * SECOND)
        )
        self._exempt = tuple(addresses.parse_network(block) for block in want.exempt)

    def candidates(self, changes: Changes) -> Iterable[tuple[int, Finding]]:
        contacts, rows = changes.contacts, changes.rows
        kinds = contacts["kind"]
        over = (kinds == Change.ENDED) & (rows["answered"][contacts["row"]] != 0)
        contacts = contacts[((kinds == Change.ANSWERED) | over) & (contacts["service"] & 0xFF == TCP)]
        if not len(contacts):
            return []
        begins = (contacts["kind"] == Change.ANSWERED).astype(np.int8)
        keys = combine(combine(contacts["client"], contacts["server"]), contacts["service"].astype(np.uint64))
        want = self.options
        opened = self._found(self._opened, contacts, keys, begins, want.opened, held=False)
        held = self._found(self._held, contacts, keys, 2 * begins - np.int8(1), want.held, held=True)
        return sorted([*opened, *held])

    def _found(
        self,
        window: RateWindow,
        contacts: npt.NDArray[np.void],
        keys: npt.NDArray[np.uint64],
        steps: npt.NDArray[np.int8],
        threshold: int,
        *,
        held: bool,
    ) -> Iterator[tuple[int, Finding]]:
        for i, count, _ in window.follow(keys, contacts["client"], contacts["ts"], steps, threshold, 1):
            yield int(contacts["row"][i]), Finding(count, held, count >= MANY * threshold)

    def evaluate(self, flow: Flow, numbers: Finding) -> Iterator[Alert]:
        if any(low <= flow.client <= high for low, high in self._exempt):
            return
        reported = (flow.client, flow.server, flow.server_port, numbers.held, numbers.many)
        if not self._reported.fresh(reported, flow.ts):
            return
        want, actor, target = self.options, client_of(flow), server_of(flow)
        threshold, window = (want.held, want.held_s) if numbers.held else (want.opened, want.window_s)
        action = "held open" if numbers.held else "opened"
        severe = numbers.many or is_fixed_function(self.context, actor)
        yield self.alert(
            flow,
            actor=actor,
            target=target,
            summary=(
                f"{who(self.context, actor)} {action} {numbers.connections} connections to "
                f"tcp/{flow.server_port} of {who(self.context, target)}"
            ),
            why=(f"{numbers.connections} answered connections {action} within {window} s (threshold {threshold})",),
            numbers={"connections": numbers.connections, "threshold": threshold, "window_s": window},
            key=(addresses.text(flow.server), flow.server_port, action),
            severity=Severity.medium if severe else Severity.low,
            confidence=0.7 if numbers.many else 0.5,
            target_port=flow.server_port,
            network=network_of(self.context, flow),
        )
