"""Calls between Windows machines that mostly end in a fault, or interfaces that are refused: a broken service, wrong rights, or somebody who tries calls.

Off unless switched on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core.alert import Alert, Severity
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.detectors._calls import CallDetector, CallOptions, Numbers, pair_of
from sensor.detectors._ratios import ErrorOptions, Ratio
from sensor.dissectors._rpc_events import RpcAnswer, RpcRefused


class Options(ErrorOptions, CallOptions):
    """As of all errors and of all calls."""


class RpcErrors(CallDetector):
    """Watches answers and refusals, by client and server."""

    title = "Calls fail"
    severity = Severity.low
    techniques = ()
    advice = (
        "Look into the log of the server for the service that is called, whether client and server agree in version and rights, and what the client is after: "
        "somebody who tries calls out fails, too."
    )
    false_positives = "A program that is newer than the server it calls; a server just after its start; a client whose rights were taken away on purpose."
    Options = Options
    watches = (RpcAnswer, RpcRefused)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._ratio = Ratio(self.options)

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, RpcAnswer | RpcRefused):
            return
        found = self._ratio.add(pair_of(event.packet, answer=True), isinstance(event, RpcRefused) or event.fault, event.ts)
        if found is None:
            return
        want = self.options
        last = (
            f"the last was {event.call or event.number} of {event.interface}"
            if isinstance(event, RpcAnswer)
            else f"it wanted {', '.join(event.interfaces[:3])}"
        )
        why = (
            f"{found.errors} of {found.answers} answers within {want.window_s} s were faults; counts from {want.errors} on, and {want.share:.0%} of all",
            last,
        )
        numbers: Numbers = {"errors": found.errors, "answers": found.answers, "threshold": want.errors}
        yield self.told(event, "makes calls in vain at", why, numbers, answer=True, confidence=0.8)
