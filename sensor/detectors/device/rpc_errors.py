"""RPC error rate: calls between Windows hosts that mostly return faults, or rejected interfaces: a broken service,
missing permissions, or probing.

Disabled by default.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core.alert import Alert, Severity
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.detectors.shared.calls import MANAGERS, CallDetector, pair_of
from sensor.detectors.shared.hosts import Numbers
from sensor.detectors.shared.named_hosts import Blocks
from sensor.detectors.shared.ratios import ErrorOptions, Ratio
from sensor.dissectors.shared.rpc_events import RpcAnswer, RpcRefused


class Options(ErrorOptions):
    """Options of all error rates and of RPC detectors."""

    managers: Blocks = Field((), description=MANAGERS)


class RpcErrors(CallDetector):
    """Watches responses and rejections, by client and server."""

    title = "High RPC error rate"
    severity = Severity.low
    techniques = ()
    advice = (
        "Check the log of the server for the called service, whether client and server versions and permissions match, "
        "and what the client does: probing fails too."
    )
    false_positives = (
        "A program newer than its server; a server right after its start; a client whose permissions were removed "
        "intentionally."
    )
    decisive = {"errors": "errors"}
    Options = Options
    watches = (RpcAnswer, RpcRefused)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._ratio = self.tables.include("ratio", Ratio(self.options))

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, RpcAnswer | RpcRefused):
            return
        found = self._ratio.add(
            pair_of(event.packet, answer=True), isinstance(event, RpcRefused) or event.fault, event.ts
        )
        if found is None:
            return
        want = self.options
        last = (
            f"the last was {event.call or event.number} of {event.interface}"
            if isinstance(event, RpcAnswer)
            else f"it requested {', '.join(event.interfaces[:3])}"
        )
        why = (
            (
                f"{found.errors} of {found.answers} responses within {want.window_s} s were faults (threshold "
                f"{want.errors} and {want.share:.0%} of all)"
            ),
            last,
        )
        numbers: Numbers = {"errors": found.errors, "answers": found.answers, "threshold": want.errors}
        yield self.call_alert(event, "sent failing RPC calls to", why, numbers, answer=True, confidence=0.8)
