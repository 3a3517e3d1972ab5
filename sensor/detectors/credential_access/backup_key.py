"""The backup key of the domain is read from its controller: with it, every password that users let Windows protect (DPAPI) can be opened.

It is one of the controller's LSA secrets. Machines also ask the controller to restore single keys of their users (BackupKey), in the ordinary way after a
password was changed elsewhere; tools that open stolen keys do the same: that is told low.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.wants import Want, fields
from sensor.detectors._calls import CallDetector, quoted
from sensor.dissectors._rpc_events import RpcCall

READS = frozenset((28, 30, 43))
NAME = "bckupkey"


class BackupKey(CallDetector):
    """Watches LSARPC for the names of the backup keys."""

    title = "Domain backup key read"
    severity = Severity.critical
    techniques = ("T1555", "T1003.004")
    advice = (
        "Take everything that users of the domain stored as known, for good: the key cannot be renewed. Isolate the actor and find out whose account it was."
    )
    false_positives = "None that we know of; controllers replicate the key in another way."
    watches = (RpcCall,)

    def wants(self) -> dict[type[Event], Want]:
        return {RpcCall: fields("interface", "number").is_in((("BackupKey", 0), *(("lsarpc", number) for number in READS)))}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, RpcCall):
            return
        if event.interface == "BackupKey" and event.number == 0:
            why = (
                f"BackupKey {event.call}" + (", arguments encrypted" if event.level >= 6 else ""),
                "machines do this for their users, and so do tools with stolen keys",
            )
            yield self.told(event, "has a user's key opened by", why, key=("restore",), severity=Severity.low, confidence=0.4, techniques=("T1555",))
        elif event.interface == "lsarpc" and event.number in READS and any(NAME in text.lower() for text in event.texts):
            yield self.told(event, "reads the domain's backup key on", (f"lsarpc {event.call} with {quoted(event.texts)}",), confidence=0.95)
