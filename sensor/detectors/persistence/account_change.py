"""Accounts are created or changed remotely through SAMR: a new user, a password reset, a new group member.

Administrators do so with their consoles, and a host that joins a domain creates its own account: single calls are low.
A new user that is added to a group within minutes is a common persistence method. Users who change their own password
use other calls, which are ignored.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.detectors.shared.calls import PAIRS_LIMIT, CallDetector, call_of, pair_of
from sensor.dissectors.shared.rpc_events import RpcCall

CREATE, SETS, MEMBERS = frozenset((12, 50)), frozenset((37, 58)), frozenset((22, 31))
NEW_ACCOUNT, CHANGED = "T1136.002", "T1098"
TOGETHER_S = 600


class AccountChange(CallDetector):
    """Watches SAMR calls that change something."""

    title = "Account created or changed remotely"
    severity = Severity.low
    techniques = (CHANGED,)
    advice = (
        "Ask who administers accounts from this host. If no one does, review the target's security log (events 4720, "
        "4724, 4728, 4732), disable the account, and isolate the actor."
    )
    false_positives = "Administrators and help desks, hosts that join a domain: add administration hosts to `managers`."
    watches = (RpcCall,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._made: Bounded[tuple[int, int], int] = self.tables.add("made", Bounded(PAIRS_LIMIT))

    def wants(self) -> dict[type[Event], Want]:
        return {RpcCall: (field("interface") == "samr") & field("number").is_in(*CREATE, *SETS, *MEMBERS)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, RpcCall) or event.interface != "samr":
            return
        why = [call_of(event)]
        if event.number in CREATE:
            machine = any(text.endswith("$") for text in event.texts)
            if not machine:
                self._made.put(pair_of(event.packet), event.ts)
            what = "created a computer account on" if machine else "created an account on"
            yield self.call_alert(
                event, what, why, key=("create",), confidence=0.5 if machine else 0.7, techniques=(NEW_ACCOUNT,)
            )
        elif event.number in SETS:
            yield self.call_alert(event, "changed an account or its password on", why, key=("set",), confidence=0.6)
        elif event.number in MEMBERS:
            made = self._made.get(pair_of(event.packet))
            after = made is not None and 0 <= event.ts - made <= TOGETHER_S * SECOND
            if after:
                why.append(f"it created an account there within {TOGETHER_S // 60} minutes before")
            grade = Severity.medium if after else Severity.low
            yield self.call_alert(
                event,
                "added a group member on",
                why,
                key=("member",),
                severity=grade,
                confidence=0.85 if after else 0.6,
            )
