"""The database of a domain controller is read as a file, from its share or from a shadow copy."""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.wants import Want, field
from sensor.detectors._calls import CallDetector
from sensor.dissectors._smb_events import SmbCreate


class NtdsCopy(CallDetector):
    """Watches files opened by SMB."""

    title = "Copy of the domain's database"
    severity = Severity.high
    techniques = ("T1003.003",)
    advice = (
        "Take every password of the domain as known: isolate the actor, reset krbtgt twice and all privileged accounts, and find out how the copy was made."
    )
    false_positives = "Backup programs that read it through a share: name their machines as managers."
    watches = (SmbCreate,)

    def wants(self) -> dict[type[Event], Want]:
        return {SmbCreate: field("extension") == "dit"}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, SmbCreate) and event.extension == "dit" and event.name.lower().endswith("ntds.dit"):
            yield self.told(event, "opened the domain's database on", (f"it opened {event.name!r} in {event.share}",))
