"""Registry hives with secrets are copied remotely: saved through the remote registry, or read as files through an
administrative share.

The boot key that encrypts them is stored in four pieces under the keys JD, Skew1, GBG and Data, which no other program
opens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.wants import Want, field
from sensor.detectors.shared.calls import ADMIN_SHARES, CallDetector, call_of
from sensor.dissectors.shared.rpc_events import RpcCall
from sensor.dissectors.shared.smb_events import SmbCreate

OPEN_KEY, SAVES = 15, frozenset((20, 31))
PIECES = lazy_pattern(r"\\control\\lsa\\(?:jd|skew1|gbg|data)$", re.IGNORECASE)
# Hive files, and the names of copies that tools create.
FILES = lazy_pattern(
    r"(?:system32\\config\\(?:regback\\)?|^|\\)(?:sam|security|system)(?:\.(?:hiv|hive|save|bak|old|sav))?$",
    re.IGNORECASE,
)


class RemoteHive(CallDetector):
    """Watches the remote registry and files opened in administrative shares."""

    title = "Registry hive with credentials copied remotely"
    severity = Severity.high
    techniques = ("T1003.002", "T1021.002")
    advice = (
        "Treat the passwords of the target's local accounts and computer account as compromised: change them, isolate "
        "the actor, and stop the remote registry service where it is not needed."
    )
    false_positives = "Backup programs that save the registry remotely: add their hosts to `managers`."
    watches = (RpcCall, SmbCreate)

    def wants(self) -> dict[type[Event], Want]:
        registry = (field("interface") == "winreg") & field("number").is_in(OPEN_KEY, *SAVES)
        return {
            RpcCall: registry,
            SmbCreate: field("share").is_in(*ADMIN_SHARES) & ~field("writes").filled() & field("name").matches(FILES),
        }

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, RpcCall):
            if event.interface == "winreg" and event.number in SAVES:
                yield self.call_alert(event, "saved a registry hive of", (call_of(event),), key=("save",))
            elif (
                event.interface == "winreg"
                and event.number == OPEN_KEY
                and any(PIECES.search(text) for text in event.texts)
            ):
                why = (f"{call_of(event)}, a part of the boot key",)
                yield self.call_alert(event, "read the boot key from the registry of", why, key=("key",))
        elif (
            isinstance(event, SmbCreate)
            and event.share in ADMIN_SHARES
            and not event.writes
            and FILES.search(event.name)
            and "config" in event.name.lower()
        ):
            yield self.call_alert(
                event, "read a registry hive of", (f"it opened {event.name!r} in {event.share}",), key=("file",)
            )
