"""Remote execution over WMI: a method is called on another host, or an object is written: programs are started remotely
without a service.

Queries and notifications are monitoring and are ignored. Arguments are nearly always encrypted: the calls are not.
Objects written remotely are usually event subscriptions (persistence).
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.wants import Want, field
from sensor.detectors.shared.calls import CallDetector, quoted
from sensor.dissectors.shared.rpc_events import RpcCall

# IWbemServices calls: method execution; writing a class or an instance, such as an event subscription.
EXECUTES, PUTS = frozenset((24, 25)), frozenset((8, 14))
SUBSCRIPTION = "T1546.003"


class WmiExecution(CallDetector):
    """Watches IWbemServices."""

    title = "Remote execution over WMI"
    severity = Severity.high
    techniques = ("T1047", "T1021.003")
    advice = (
        "Ask who administers the target from this host. If no one does, review which processes WmiPrvSE.exe started on "
        "the target at that time, isolate both hosts, and restrict WMI to management hosts."
    )
    false_positives = (
        "Inventory, monitoring and deployment programs that call WMI methods: add their hosts to `managers`."
    )
    watches = (RpcCall,)

    def wants(self) -> dict[type[Event], Want]:
        return {RpcCall: (field("interface") == "IWbemServices") & field("number").is_in(*EXECUTES, *PUTS)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, RpcCall) or event.interface != "IWbemServices":
            return
        executes = event.number in EXECUTES
        if not executes and event.number not in PUTS:
            return
        sealed = ", encrypted" if event.encrypted else ""
        why = [f"IWbemServices {event.call}, {event.size} bytes of arguments{sealed}"]
        if event.texts:
            why.append(f"arguments: {quoted(event.texts)}")
        process = any("win32_process" in text.lower() for text in event.texts)
        action = (
            ("started a process through WMI on" if process else "executed a method through WMI on")
            if executes
            else "wrote an object through WMI on"
        )
        grade = Severity.high if executes else Severity.medium
        techniques = self.techniques if executes else (*self.techniques, SUBSCRIPTION)
        yield self.call_alert(
            event,
            action,
            why,
            key=(executes,),
            severity=grade,
            confidence=0.95 if process else 0.85,
            techniques=techniques,
        )
