"""Search for local administrator rights: one host opens the Service Control Manager of several others and closes it
immediately, whether access was granted or not.

An administrator would open a service afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core.addresses import text
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field, held
from sensor.counting.tally import Distinct
from sensor.detectors.shared.calls import CallDetector, CallOptions
from sensor.detectors.shared.hosts import Numbers
from sensor.dissectors.shared.rpc_events import RpcCall

CLOSE, OPENS = 0, frozenset((15, 27, 64))
CONVERSATIONS_LIMIT = 4096


class Options(CallOptions):
    """Threshold of hosts."""

    hosts: int = Field(
        2, ge=2, description="threshold: hosts whose Service Control Manager was opened and closed without another call"
    )
    many: int = Field(5, ge=2, description="threshold for medium severity")
    window_s: int = Field(3600, ge=60, description="time window in seconds")


class AdminHunt(CallDetector):
    """Watches calls of the Service Control Manager."""

    title = "Local administrator access discovery"
    severity = Severity.medium
    techniques = ("T1018",)
    advice = (
        "Ask the user of this host: a tool there tests where its account is an administrator. Review "
        "its earlier and later traffic, and isolate it."
    )
    false_positives = "Monitoring that only tests its login: add its host to `managers`."
    Options = Options
    watches = (RpcCall,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._opened: Bounded[tuple[int, int, int], int] = self.tables.add("opened", Bounded(CONVERSATIONS_LIMIT))
        self._hosts: Distinct[int, int] = self.tables.add("hosts", Distinct(self.options.window_s * SECOND))

    def wants(self) -> dict[type[Event], Want]:
        goes_on = held(self._opened, "packet.src", "packet.dst", "packet.sport")
        return {RpcCall: (field("interface") == "svcctl") & (field("number").is_in(*OPENS) | goes_on)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, RpcCall) or event.interface != "svcctl":
            return
        packet = event.packet
        conversation = (packet.src, packet.dst, packet.sport)
        if event.number in OPENS:
            self._opened.put(conversation, event.ts)
        elif self._opened.pop(conversation) is not None and event.number == CLOSE:
            count, want = self._hosts.add(packet.src, packet.dst, event.ts), self.options
            if count >= want.hosts:
                yield self._found(event, count)

    def _found(self, event: RpcCall, count: int) -> Alert:
        packet, want = event.packet, self.options
        hosts = self._hosts.values(packet.src)
        numbers: Numbers = {"hosts": count, "threshold": want.hosts, "window_s": want.window_s}
        why = (
            (
                f"it opened and closed the Service Control Manager of {count} hosts within {want.window_s} s "
                f"without another call (threshold {want.hosts})"
            ),
            f"including {some([text(host) for host in reversed(hosts)])}",
        )
        alert = self.call_alert(
            event, f"tested administrator access on {count} hosts, the last", why, numbers,
            severity=Severity.medium if count >= want.many else Severity.low,
            confidence=0.7, targets=[Subject(0, host, packet.vlan) for host in reversed(hosts)],
        )  # fmt: skip
        alert.key = f"{self.id}|{packet.src}"
        return alert
