"""LSA secrets are read remotely; the DPAPI backup keys are reported by ``credential_access.backup_key``."""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.wants import Want, fields
from sensor.detectors.shared.calls import CallDetector, call_of
from sensor.dissectors.shared.rpc_events import RpcCall

READS = frozenset((28, 30, 43))
OPEN_KEY = 15
BACKUP = "bckupkey"
POLICY = "policy\\secrets"


class LsaSecrets(CallDetector):
    """Watches LSARPC, and the remote registry where it opens the key of the secrets."""

    title = "LSA secrets read remotely"
    severity = Severity.high
    techniques = ("T1003.004", "T1021.002")
    advice = (
        "Treat the passwords of the target's service accounts and computer account as compromised: change "
        "them, and isolate the actor."
    )
    false_positives = (
        "Domain controllers that read each other's trust passwords; old management programs: add "
        "their hosts to `managers`."
    )
    watches = (RpcCall,)

    def wants(self) -> dict[type[Event], Want]:
        return {
            RpcCall: fields("interface", "number").is_in(
                (("winreg", OPEN_KEY), *(("lsarpc", number) for number in READS))
            )
        }

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, RpcCall):
            return
        if (
            event.interface == "lsarpc"
            and event.number in READS
            and not any(BACKUP in text.lower() for text in event.texts)
        ):
            yield self.call_alert(event, "read LSA secrets of", (call_of(event),), key=("lsa",))
        elif (
            event.interface == "winreg"
            and event.number == OPEN_KEY
            and any(POLICY in text.lower() for text in event.texts)
        ):
            yield self.call_alert(event, "read LSA secrets of", (call_of(event),), key=("registry",))
