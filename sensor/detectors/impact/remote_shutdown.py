"""A host is shut down or restarted from another one: through its shutdown interface or its remote registry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core.addresses import text
from sensor.core.alert import Alert, Severity
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, fields
from sensor.counting.tally import Distinct
from sensor.detectors.shared.calls import CallDetector, CallOptions, call_of
from sensor.dissectors.shared.rpc_events import RpcCall

SHUTDOWNS = {("initshutdown", 0), ("initshutdown", 2), ("winreg", 24), ("winreg", 30)}


class Options(CallOptions):
    """Threshold of restarts for an attack on availability."""

    hosts: int = Field(5, ge=2, description="threshold for high severity: hosts that one source shut down")
    window_s: int = Field(600, ge=60, description="time window in seconds")


class RemoteShutdown(CallDetector):
    """Watches calls that start a shutdown; calls that cancel one are ignored."""

    title = "Host shut down remotely"
    severity = Severity.medium
    techniques = ("T1529",)
    advice = (
        "Ask who administers the target from this host. If no one does, isolate the actor: wipers and ransomware "
        "restart hosts when they are done. Restrict the right to shut down remotely to management hosts."
    )
    false_positives = (
        "Administrators, patch management and power saving that restart hosts: add their hosts to `managers`."
    )
    Options = Options
    watches = (RpcCall,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._hosts: Distinct[int, int] = self.tables.add("hosts", Distinct(self.options.window_s * SECOND))

    def wants(self) -> dict[type[Event], Want]:
        return {RpcCall: fields("interface", "number").is_in(SHUTDOWNS)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, RpcCall) or (event.interface, event.number) not in SHUTDOWNS:
            return
        packet, want = event.packet, self.options
        hosts = self._hosts.add(packet.src, packet.dst, event.ts)
        others = list(self._hosts.values(packet.src))
        why = [call_of(event)]
        if hosts > 1:
            named = some([text(host) for host in others])
            why.append(f"{hosts} hosts within {want.window_s} s (threshold {want.hosts}): {named}")
        yield self.call_alert(
            event,
            "shut down",
            why,
            {"hosts": hosts, "threshold": want.hosts},
            severity=Severity.high if hosts >= want.hosts else Severity.medium,
            targets=[Subject(0, host, packet.vlan) for host in others],
        )
