"""The event log service of another host is made to crash: what an intruder does next is not logged.

EventLogCrasher registers an event source under a malformed name, which any user of the domain may send: the service
reads characters that are not there, and after the third crash it stays down.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.wants import Want, field
from sensor.detectors.shared.calls import CallDetector
from sensor.dissectors.shared.rpc_events import RpcCall

FAULT = ("event_source", "malformed")


class EventLogCrash(CallDetector):
    """Watches registrations of event sources."""

    title = "Event log service crash attempt"
    severity = Severity.high
    techniques = ("T1562.002",)
    advice = (
        "Check whether the event log service of the target runs, restart it, and isolate the actor: "
        "look for what it did while nothing was logged."
    )
    false_positives = (
        "An authorized vulnerability scanner that runs the exploit; tests of the protocol with random data."
    )
    watches = (RpcCall,)

    def wants(self) -> dict[type[Event], Want]:
        return {RpcCall: (field("interface") == "eventlog") & field("facts").has(FAULT)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, RpcCall) and event.interface == "eventlog" and FAULT in event.facts:
            why = (
                (
                    f"{event.interface} {event.call} with a malformed name: a length without characters, or a "
                    "module name, which clients leave empty"
                ),
            )
            yield self.call_alert(
                event, "attempted to crash the event log service of", why, severity=Severity.high, confidence=0.9
            )
