"""Secrets of the local security authority are read from another machine; the keys that protect everybody's stored passwords are backup_key's."""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.wants import Want, fields
from sensor.detectors._calls import CallDetector, quoted
from sensor.dissectors._rpc_events import RpcCall

READS = frozenset((28, 30, 43))
OPEN_KEY = 15
BACKUP = "bckupkey"
POLICY = "policy\\secrets"


class LsaSecrets(CallDetector):
    """Watches LSARPC, and the remote registry where it opens the key of the secrets."""

    title = "LSA secrets read from a remote machine"
    severity = Severity.high
    techniques = ("T1003.004",)
    advice = "Take the passwords of the target's service accounts and its machine account as known: change them, and isolate the actor."
    false_positives = "Domain controllers that read trust passwords of each other; old management programs: name their machines as managers."
    watches = (RpcCall,)

    def wants(self) -> dict[type[Event], Want]:
        return {RpcCall: fields("interface", "number").is_in((("winreg", OPEN_KEY), *(("lsarpc", number) for number in READS)))}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, RpcCall):
            return
        if event.interface == "lsarpc" and event.number in READS and not any(BACKUP in text.lower() for text in event.texts):
            why = (f"lsarpc {event.call}" + (f" with {quoted(event.texts)}" if event.texts else ""),)
            yield self.told(event, "reads LSA secrets of", why, key=("lsa",))
        elif event.interface == "winreg" and event.number == OPEN_KEY and any(POLICY in text.lower() for text in event.texts):
            yield self.told(event, "reads LSA secrets of", (f"winreg {event.call} with {quoted(event.texts)}",), key=("registry",))
