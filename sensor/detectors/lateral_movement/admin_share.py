"""A host connects to administrative shares (ADMIN$, C$ …) of others, or creates a share there.

A single one is daily administration, of low severity; many hosts within minutes are a sweep. A rejected connection is a
test for administrator rights.
"""

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
from sensor.core.wants import Want, field, fields
from sensor.counting.tally import Distinct
from sensor.detectors.shared.calls import ADMIN_SHARES, CallDetector, CallOptions, pair_of
from sensor.detectors.shared.hosts import Numbers
from sensor.dissectors.shared.rpc_events import RpcCall
from sensor.dissectors.shared.smb_events import SmbTreeConnect, SmbTreeResult

DENIED = 0xC0000022
SHARE_ADD = 14


class Options(CallOptions):
    """Threshold."""

    hosts: int = Field(
        5,
        ge=2,
        description=(
            "threshold for medium severity: hosts whose administrative shares were used, or rejected the connection"
        ),
    )
    window_s: int = Field(600, ge=60, description="time window in seconds")


class AdminShare(CallDetector):
    """Watches answers to tree connects, requests if the answers are not captured, and calls that create shares."""

    title = "Administrative share access"
    severity = Severity.low
    techniques = ("T1021.002", "T1570")
    advice = (
        "Ask who administers the target from this host. Block port 445 between clients, and administer "
        "from dedicated hosts only."
    )
    false_positives = "Administrators, backup, inventory and deployment programs: add their hosts to `managers`."
    Options = Options
    watches = (SmbTreeResult, SmbTreeConnect, RpcCall)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        window = self.options.window_s * SECOND
        self._used: Distinct[int, int] = self.tables.add("used", Distinct(window))
        self._refused: Distinct[int, int] = self.tables.add("refused", Distinct(window))

    def wants(self) -> dict[type[Event], Want]:
        connected = field("share").is_in(*ADMIN_SHARES) & field("status").is_in(0, DENIED)
        requested = field("share").is_in(*ADMIN_SHARES) & field("packet.one_sided").filled()
        add = fields("interface", "number").is_in((("srvsvc", SHARE_ADD),))
        return {RpcCall: add, SmbTreeResult: connected, SmbTreeConnect: requested}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, RpcCall):
            if event.interface == "srvsvc" and event.number == SHARE_ADD:
                yield self.call_alert(
                    event, "created a share on", (f"srvsvc {event.call}",), key=("add",), severity=Severity.medium
                )
        elif isinstance(event, SmbTreeResult) and event.share in ADMIN_SHARES and event.status in (0, DENIED):
            yield from self._connected(event, refused=event.status == DENIED)
        elif isinstance(event, SmbTreeConnect) and event.share in ADMIN_SHARES and event.packet.one_sided:
            yield from self._connected(event, refused=False)

    def _connected(self, event: SmbTreeResult | SmbTreeConnect, *, refused: bool) -> Iterator[Alert]:
        """A share was connected or denied, or requested if the response is not in the capture."""
        want, answer = self.options, isinstance(event, SmbTreeResult)
        actor, target = pair_of(event.packet, answer=answer)
        seen = self._refused if refused else self._used
        hosts = seen.add(actor, target, event.ts)
        if refused and hosts < 2:
            return
        others = list(reversed(seen.values(actor)))
        result = "rejected" if refused else "connected" if answer else "requested"
        action = {
            "rejected": "was denied the administrative share of",
            "connected": f"connected to the administrative share {event.share} of",
            "requested": f"requested the administrative share {event.share} of",
        }[result]
        why = [f"{event.path!r} was {result}"]
        if hosts > 1:
            why.append(
                f"{hosts} hosts within {want.window_s} s (threshold of a sweep {want.hosts}): "
                f"{some([text(host) for host in others])}"
            )
        numbers: Numbers = {"hosts": hosts, "threshold": want.hosts, "window_s": want.window_s}
        yield self.call_alert(
            event, action, why, numbers, key=(refused,),
            severity=Severity.medium if hosts >= want.hosts else Severity.low,
            confidence=0.8 if answer else 0.6, answer=answer,
            techniques=("T1135", "T1021.002") if refused else None,
            targets=[Subject(0, host, event.packet.vlan) for host in others] if hosts > 1 else (),
        )  # fmt: skip
