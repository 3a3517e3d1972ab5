"""One machine knocks at the service managers of several others and does nothing there: it looks where its account is an administrator.

Whoever manages machines opens a service after the manager; tools that hunt for rights close it at once, whether they were let in or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from sensor.core.addresses import text
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.observation import Subject
from sensor.core.tally import Distinct
from sensor.core.wants import Want, field, held
from sensor.detectors._calls import SECOND, CallDetector, CallOptions
from sensor.detectors._words import some
from sensor.dissectors._rpc_events import RpcCall

CLOSE, OPENS = 0, frozenset((15, 27, 64))
CONVERSATIONS_LIMIT = 4096


class Options(CallOptions):
    """How many hosts are a hunt."""

    hosts: int = Field(2, ge=2, description="hosts whose service manager was opened and closed again with nothing in between")
    many: int = Field(5, ge=2, description="so many of them are of medium severity")
    window_s: int = Field(3600, ge=60, description="seconds in which they must fall")


class AdminHunt(CallDetector):
    """Watches calls of the service manager."""

    title = "Hunt for machines with administrator rights"
    severity = Severity.medium
    techniques = ("T1018",)
    advice = "Ask who uses this machine: somebody there tries where his account is an administrator. Look what it did before and after, and isolate it."
    false_positives = "Monitoring that only looks whether it may log in: name its machine as manager."
    Options = Options
    watches = (RpcCall,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._opened: Bounded[tuple[int, int, int], int] = Bounded(CONVERSATIONS_LIMIT)
        self._hosts: Distinct[int, int] = Distinct(self.options.window_s * SECOND)

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
        numbers: dict[str, int | float | str] = {"hosts": count, "threshold": want.hosts, "window_s": want.window_s}
        why = (
            f"it opened and closed the service managers of {count} hosts within {want.window_s} s, with nothing in between; counts from {want.hosts} on",
            f"among them {some([text(host) for host in reversed(hosts)])}",
        )
        alert = self.told(
            event, "knocks at service managers, the last that of", why, numbers, severity=Severity.medium if count >= want.many else Severity.low,
            confidence=0.7, targets=[Subject(0, host, packet.vlan) for host in reversed(hosts)],
        )  # fmt: skip
        alert.key = f"{self.id}|{packet.src}"
        return alert
