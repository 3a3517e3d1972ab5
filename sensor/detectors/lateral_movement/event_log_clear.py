"""The event log of another host is cleared: an intruder hides traces."""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.wants import Want, fields
from sensor.detectors.shared.calls import CallDetector, call_of
from sensor.dissectors.shared.rpc_events import RpcCall

CLEARS = {("eventlog", 0), ("eventlog", 12), ("eventlog6", 6)}


class EventLogClear(CallDetector):
    """Watches the old and the current event log interface."""

    title = "Event log cleared remotely"
    severity = Severity.high
    techniques = ("T1070.001",)
    advice = (
        "Ask who did it and why. Otherwise treat the target as compromised: look for earlier activity in copies of its "
        "log, and forward logs to another host from now on."
    )
    false_positives = (
        "An administrator who clears a full log, or cleans up after a test; the setup of a log "
        "collector or of a system image."
    )
    watches = (RpcCall,)

    def wants(self) -> dict[type[Event], Want]:
        return {RpcCall: fields("interface", "number").is_in(CLEARS)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, RpcCall) and (event.interface, event.number) in CLEARS:
            yield self.call_alert(event, "cleared an event log of", (call_of(event),), confidence=0.95)
