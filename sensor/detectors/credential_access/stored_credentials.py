"""Stored credentials are read over SMB: memory dumps of LSASS, stores of browsers and password managers, private keys,
files with passwords.

Through an administrative share, where no user keeps files. Passwords in Group Policy Preferences (MS14-025) lie in
SYSVOL, which every member of the domain reads: one file is a low indication, files of several kinds a search.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from sensor.core.alert import Alert, Severity
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.model import Field
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.counting.tally import Distinct
from sensor.detectors.shared.calls import ADMIN_SHARES, CallDetector, CallOptions, pair_of
from sensor.dissectors.shared.smb_events import SmbCreate


class Store(NamedTuple):
    """Content of a file by its path, and the technique."""

    what: str
    path: re.Pattern[str]
    technique: str
    severity: Severity = Severity.high


def _store(what: str, path: str, technique: str, severity: Severity = Severity.high) -> Store:
    return Store(what, re.compile(path, re.IGNORECASE), technique, severity)


STORES = (
    _store("a memory dump of LSASS", r"(?:^|\\)[^\\]*lsass[^\\]*\.(?:dmp|mdmp|zip|gz|cab|out|log|txt)$", "T1003.001"),
    _store(
        "passwords or cookies of a browser",
        r"\\(?:Login Data(?: For Account)?|key[34]\.db|logins\.json|signons\.sqlite|cookies\.sqlite)$"
        r"|\\User Data\\(?:.{1,80}\\)?Cookies$",
        "T1555.003",
    ),
    _store(
        "credentials of Windows (DPAPI)",
        r"\\Microsoft\\(?:Protect\\S-1-5-|Credentials\\[0-9A-F]{8}|Vault\\[0-9A-F]{8})",
        "T1555.004",
    ),
    _store("a database of a password manager", r"\.(?:kdbx?|1pif|agilekeychain|psafe3)$", "T1555.005"),
    _store(
        "a private key",
        r"(?:^|\\)id_(?:rsa|dsa|ecdsa|ed25519)$|\.(?:ppk|pfx|p12|jks)$|\\\.ssh\\[^\\]*\.pem$",
        "T1552.004",
    ),
    _store(
        "an answer file of the Windows setup",
        r"\\(?:unattend(?:ed)?|autounattend|sysprep)\.(?:xml|inf|txt)$",
        "T1552.001",
        Severity.medium,
    ),
    _store("the command history of PowerShell", r"\\ConsoleHost_history\.txt$", "T1552.003", Severity.medium),
)
PREFERENCES = lazy_pattern(
    r"\\Preferences\\[^\\]+\\(Groups|Services|ScheduledTasks|DataSources|Printers|Drives)\.xml$", re.IGNORECASE
)
DOMAIN_SHARE = "SYSVOL"


class Options(CallOptions):
    """When reading Group Policy Preferences is a search."""

    kinds: int = Field(
        4, ge=2, le=6, description="threshold for medium severity: kinds of preference files that one client opened"
    )
    window_s: int = Field(60, ge=10, le=3600, description="time window in seconds")


class StoredCredentials(CallDetector):
    """Watches files opened for reading in administrative shares and in SYSVOL."""

    title = "Stored credentials read over SMB"
    severity = Severity.high
    techniques = ("T1552", "T1555", "T1003.001")
    advice = (
        "Ask who administers the target from this host. If no one does, treat the credentials in the file as "
        "compromised: change them, isolate the actor, and restrict administrative shares. Remove passwords from Group "
        "Policy Preferences (MS14-025)."
    )
    false_positives = "Backup programs that read through administrative shares: add their hosts to `managers`."
    Options = Options
    watches = (SmbCreate,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._kinds: Distinct[tuple[int, int], str] = self.tables.add("kinds", Distinct(self.options.window_s * SECOND))

    def wants(self) -> dict[type[Event], Want]:
        any_store = "|".join(f"(?:{store.path.pattern})" for store in STORES)
        stored = field("share").is_in(*ADMIN_SHARES) & field("name").matches(any_store, re.IGNORECASE)
        preferences = (field("share") == DOMAIN_SHARE) & field("name").matches(PREFERENCES)
        return {SmbCreate: ~field("writes").filled() & (stored | preferences)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, SmbCreate) or event.writes:
            return
        if event.share in ADMIN_SHARES:
            for store in STORES:
                if store.path.search(event.name):
                    yield self._read(event, store)
                    return
        elif event.share == DOMAIN_SHARE and (found := PREFERENCES.search(event.name)):
            yield self._preferences(event, found[1].lower())

    def _read(self, event: SmbCreate, store: Store) -> Alert:
        why = (
            f"it opened {event.name!r} in {event.share}",
            "only administrators may read this share, and no user keeps files there",
        )
        return self.call_alert(
            event,
            f"read {store.what} of",
            why,
            key=(store.what,),
            severity=store.severity,
            confidence=0.85,
            techniques=(store.technique, "T1021.002"),
        )

    def _preferences(self, event: SmbCreate, kind: str) -> Alert:
        kinds = self._kinds.add(pair_of(event.packet), kind, event.ts)
        search = kinds >= self.options.kinds
        why = (
            f"it opened {event.name!r} in {event.share}",
            f"{kinds} kinds of preference files within {self.options.window_s} s (threshold {self.options.kinds})",
        )
        return self.call_alert(
            event,
            "read Group Policy Preferences, which may hold passwords, of",
            why,
            {"kinds": kinds, "threshold": self.options.kinds},
            key=("preferences",),
            severity=Severity.medium if search else Severity.info,
            confidence=0.7 if search else 0.3,
            techniques=("T1552.006",),
        )
