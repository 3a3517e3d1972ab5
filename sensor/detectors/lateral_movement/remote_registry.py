"""The registry of another host is changed.

Inventories read it, which is ignored; copied hives are reported by ``credential_access.remote_hive``.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.wants import Want, field
from sensor.detectors.shared.calls import CallDetector, call_of
from sensor.dissectors.shared.rpc_events import RpcCall

ACTIONS = {
    6: "created a registry key on",
    7: "deleted a registry key on",
    8: "deleted a registry value on",
    13: "loaded a registry hive on",
    19: "restored a registry key on",
    22: "set a registry value on",
}
# Keys for autostart or security settings, in lower case.
SEVERE = (
    "\\currentversion\\run", "image file execution options", "\\winlogon", "disablerestrictedadmin",
    "localaccounttokenfilterpolicy", "fdenytsconnections", "\\services\\", "uselogoncredential", "windows defender",
    "\\control\\lsa", "amsi", "disableantispyware",
)  # fmt: skip
OPEN_KEY = 15


class RemoteRegistry(CallDetector):
    """Watches remote registry calls that change something."""

    title = "Registry modified remotely"
    severity = Severity.medium
    techniques = ("T1112",)
    advice = (
        "Ask who administers the target from this host. If no one does, compare the target's registry with a backup, "
        "and stop its remote registry service where it is not needed."
    )
    false_positives = (
        "Administrators and deployment programs that configure hosts remotely: add their hosts to `managers`."
    )
    watches = (RpcCall,)

    def wants(self) -> dict[type[Event], Want]:
        return {RpcCall: (field("interface") == "winreg") & field("number").is_in(*ACTIONS)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if (
            not isinstance(event, RpcCall)
            or event.interface != "winreg"
            or (action := ACTIONS.get(event.number)) is None
        ):
            return
        reported = [text for text in event.texts if any(word in text.lower() for word in SEVERE)]
        why = [call_of(event)]
        if reported:
            why.append(f"{reported[0]!r} controls autostart or logins")
        yield self.call_alert(
            event, action, why, key=(event.number,), severity=Severity.high if reported else Severity.medium
        )
