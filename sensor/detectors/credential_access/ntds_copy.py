"""The Active Directory database (ntds.dit) is read as a file, from a share or a shadow copy."""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.wants import Want, field
from sensor.detectors.shared.calls import CallDetector
from sensor.dissectors.shared.smb_events import SmbCreate


class NtdsCopy(CallDetector):
    """Watches files opened over SMB."""

    title = "NTDS.dit copied from a domain controller"
    severity = Severity.high
    techniques = ("T1003.003", "T1021.002")
    advice = (
        "Treat every password of the domain as compromised: isolate the actor, reset krbtgt twice and all privileged "
        "accounts, and find out how the copy was made."
    )
    false_positives = "Backup programs that read it through a share: add their hosts to `managers`."
    watches = (SmbCreate,)

    def wants(self) -> dict[type[Event], Want]:
        return {SmbCreate: field("extension") == "dit"}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, SmbCreate) and event.extension == "dit" and event.name.lower().endswith("ntds.dit"):
            yield self.call_alert(
                event, "opened the Active Directory database on", (f"it opened {event.name!r} in {event.share}",)
            )
