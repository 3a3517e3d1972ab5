"""A session of another user on a remote host is shadowed, taken over or ended over RPC ([MS-TSTS]). Help desks shadow
sessions to support users; intruders read along, or continue in the session of an administrator.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.wants import Want, fields
from sensor.detectors.shared.calls import CallDetector
from sensor.dissectors.shared.rpc_events import RpcCall

# (interface, call): what is done, and the severity. Calls that only list sessions are enumeration.
CALLS = {
    ("SessEnvPublicRpc", 0): ("shadowed a desktop session on", Severity.medium),
    ("TermSrvSession", 2): ("connected to another session on", Severity.medium),
    ("TermSrvSession", 3): ("disconnected a session on", Severity.low),
    ("TermSrvSession", 4): ("logged a session off on", Severity.low),
}


class SessionTakeover(CallDetector):
    """Watches calls about sessions of Remote Desktop Services."""

    title = "Remote desktop session shadowed or taken over"
    severity = Severity.medium
    techniques = ("T1563.002", "T1021.001")
    advice = (
        "Ask the help desk whether it supported this user. If not, isolate the caller and change the password of the "
        "user whose session it was."
    )
    false_positives = (
        "Remote support by the help desk; administrators of terminal servers: add their hosts to `managers`."
    )
    watches = (RpcCall,)

    def wants(self) -> dict[type[Event], Want]:
        return {RpcCall: fields("interface", "number").is_in(tuple(CALLS))}

    def inspect(self, event: Event) -> Iterator[Alert]:
        found = CALLS.get((event.interface, event.number)) if isinstance(event, RpcCall) else None
        if isinstance(event, RpcCall) and found is not None:
            action, severity = found
            yield self.call_alert(
                event,
                action,
                (f"{event.interface} {event.call}",),
                key=(event.number,),
                severity=severity,
                confidence=0.7,
            )
