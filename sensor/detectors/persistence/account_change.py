"""Accounts are made or changed on another machine through its account manager (SAMR): a new user, a password set by somebody else, a new member of a group.

Administrators do so by their consoles, and a machine that joins a domain makes its own account: single calls are low. A user that is made and then put into a
group within minutes is how intruders stay. Users who change their own password use other calls, and are no matter of this detector.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.wants import Want, field
from sensor.detectors._calls import PAIRS_LIMIT, SECOND, CallDetector, pair_of, quoted
from sensor.dissectors._rpc_events import RpcCall

CREATE, SETS, MEMBERS = frozenset((12, 50)), frozenset((37, 58)), frozenset((22, 31))
NEW_ACCOUNT, CHANGED = "T1136.002", "T1098"
TOGETHER_S = 600


class AccountChange(CallDetector):
    """Watches calls of SAMR that change something."""

    title = "Account changed on a remote machine"
    severity = Severity.low
    techniques = (CHANGED,)
    advice = (
        "Ask whether somebody administers accounts from this machine. If not, look at the target's security log (events 4720, 4724, 4728, 4732), lock the "
        "account, and isolate the actor."
    )
    false_positives = "Administrators and help desks at work, machines that join a domain: name machines of administration as managers."
    watches = (RpcCall,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._made: Bounded[tuple[int, int], int] = Bounded(PAIRS_LIMIT)

    def wants(self) -> dict[type[Event], Want]:
        return {RpcCall: (field("interface") == "samr") & field("number").is_in(*CREATE, *SETS, *MEMBERS)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, RpcCall) or event.interface != "samr":
            return
        sealed = ", arguments encrypted" if event.level >= 6 else f" with {quoted(event.texts)}" if event.texts else ""
        why = [f"samr {event.call}{sealed}"]
        if event.number in CREATE:
            machine = any(text.endswith("$") for text in event.texts)
            if not machine:
                self._made.put(pair_of(event.packet), event.ts)
            what = "made the account of a machine on" if machine else "made an account on"
            yield self.told(event, what, why, key=("create",), confidence=0.5 if machine else 0.7, techniques=(NEW_ACCOUNT,))
        elif event.number in SETS:
            yield self.told(event, "changed an account, or set its password, on", why, key=("set",), confidence=0.6)
        elif event.number in MEMBERS:
            made = self._made.get(pair_of(event.packet))
            after = made is not None and 0 <= event.ts - made <= TOGETHER_S * SECOND
            if after:
                why.append(f"within {TOGETHER_S // 60} minutes it had made an account there")
            grade = Severity.medium if after else Severity.low
            yield self.told(event, "put a member into a group on", why, key=("member",), severity=grade, confidence=0.85 if after else 0.6)
