"""A method is called on another machine through WMI, or an object put there: how programs are started remotely without a service.

Queries and notifications are what monitoring does, and no matter of this detector. Arguments are nearly always encrypted: the calls are not. Objects that are
put there remotely are, as a rule, subscriptions: what is to happen when an event does.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.wants import Want, field
from sensor.detectors._calls import CallDetector, quoted
from sensor.dissectors._rpc_events import RpcCall

# Calls of IWbemServices: a method executed; a class or an instance written, as subscriptions to events are.
EXECUTES, PUTS = frozenset((24, 25)), frozenset((8, 14))
SUBSCRIPTION = "T1546.003"


class WmiExecution(CallDetector):
    """Watches IWbemServices."""

    title = "Method executed through WMI on a remote machine"
    severity = Severity.high
    techniques = ("T1047",)
    advice = (
        "Ask whether somebody administers the target from this machine. If not, look which processes WmiPrvSE.exe started on the target at that time, isolate "
        "both machines, and allow WMI only from management machines."
    )
    false_positives = "Inventory, monitoring and deployment programs that call methods through WMI: name their machines as managers."
    watches = (RpcCall,)

    def wants(self) -> dict[type[Event], Want]:
        return {RpcCall: (field("interface") == "IWbemServices") & field("number").is_in(*EXECUTES, *PUTS)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, RpcCall) or event.interface != "IWbemServices":
            return
        executes = event.number in EXECUTES
        if not executes and event.number not in PUTS:
            return
        why = [f"IWbemServices {event.call}, {event.size} bytes of arguments" + (", encrypted" if event.level >= 6 else "")]
        if event.texts:
            why.append(f"its arguments: {quoted(event.texts)}")
        process = any("win32_process" in text.lower() for text in event.texts)
        deed = ("started a process through WMI on" if process else "executed a method through WMI on") if executes else "wrote an object through WMI on"
        grade = Severity.high if executes else Severity.medium
        techniques = self.techniques if executes else (*self.techniques, SUBSCRIPTION)
        yield self.told(event, deed, why, key=(executes,), severity=grade, confidence=0.95 if process else 0.85, techniques=techniques)
