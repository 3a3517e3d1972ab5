"""The DPAPI domain backup key is read from a domain controller: it decrypts every secret that users protected with
DPAPI.

It is one of the controller's LSA secrets. Hosts also request recovery of single keys of their users from the
controller (BackupKey) after a password change elsewhere; tools that open stolen keys do the same: low severity.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.wants import Want, fields
from sensor.detectors.shared.calls import CallDetector, call_of
from sensor.dissectors.shared.rpc_events import RpcCall

READS = frozenset((28, 30, 43))
NAME = "bckupkey"


class BackupKey(CallDetector):
    """Watches LSARPC for the names of the backup keys."""

    title = "DPAPI domain backup key read"
    severity = Severity.critical
    techniques = ("T1555", "T1003.004")
    advice = (
        "Treat everything that domain users stored with DPAPI as compromised: the key cannot be replaced. Isolate the "
        "actor and identify the account."
    )
    false_positives = "None known; domain controllers replicate the key by other means."
    watches = (RpcCall,)

    def wants(self) -> dict[type[Event], Want]:
        return {
            RpcCall: fields("interface", "number").is_in((("BackupKey", 0), *(("lsarpc", number) for number in READS)))
        }

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, RpcCall):
            return
        if event.interface == "BackupKey" and event.number == 0:
            why = (
                call_of(event),
                "hosts do this for their users, and so do tools with stolen keys",
            )
            yield self.call_alert(
                event,
                "requested recovery of a user's DPAPI key from",
                why,
                key=("restore",),
                severity=Severity.low,
                confidence=0.4,
                techniques=("T1555",),
            )
        elif (
            event.interface == "lsarpc" and event.number in READS and any(NAME in text.lower() for text in event.texts)
        ):
            yield self.call_alert(
                event,
                "read the DPAPI domain backup key of",
                (call_of(event),),
                confidence=0.95,
            )
