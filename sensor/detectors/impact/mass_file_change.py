"""Many files of a share are renamed to another ending, or overwritten and deleted, within a minute: ransomware at work over the network.

Backups and copies make new files, and synchronisation overwrites single ones; neither renames hundreds to another ending.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.tally import Counts
from sensor.core.wants import Want, field
from sensor.detectors._calls import PAIRS_LIMIT, SECOND, CallDetector, CallOptions, pair_of
from sensor.dissectors._smb_events import SmbCreateResult, SmbDelete, SmbRename

# What an opening did to a file that was there ([MS-SMB2] 2.2.14).
OVERWRITTEN = (0, 3)
WINDOW_S = 60
# Endings that programs give files they write in two steps, and give back.
TEMPORARY = frozenset(("tmp", "temp", "bak", "part", "partial", "crdownload", "swp", "wbk", "lock", "filepart"))


class Options(CallOptions):
    """From which number on."""

    renames: int = Field(100, ge=10, description="files renamed to another ending within a minute")
    changes: int = Field(400, ge=20, description="files renamed, overwritten and deleted within a minute, whatever their endings")


class MassFileChange(CallDetector):
    """Watches renames, deletions and what openings did, by pair of machines."""

    title = "Many files of a share changed"
    severity = Severity.high
    techniques = ("T1486",)
    advice = (
        "Take the client off the network at once, and make the share read-only. Look for new endings and ransom notes; restore from a backup that the client "
        "cannot reach."
    )
    false_positives = "A script that renames a folder of pictures or music; a clean-up of old files; backups that rotate: name their machines as managers."
    Options = Options
    watches = (SmbRename, SmbDelete, SmbCreateResult)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._renames: Counts[tuple[int, int]] = Counts(WINDOW_S * SECOND)
        self._changes: Counts[tuple[int, int]] = Counts(WINDOW_S * SECOND)
        self._told: Bounded[tuple[int, int], int] = Bounded(PAIRS_LIMIT)

    def wants(self) -> dict[type[Event], Want]:
        return {SmbCreateResult: field("action").is_in(*OVERWRITTEN)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, SmbCreateResult) and event.action not in OVERWRITTEN:
            return
        pair, want = pair_of(event.packet, answer=isinstance(event, SmbCreateResult)), self.options
        changes = self._changes.add(pair, event.ts)
        renames = self._renames.add(pair, event.ts) if isinstance(event, SmbRename) and _ending_changed(event) else 0
        if renames >= want.renames and isinstance(event, SmbRename):
            why = (
                f"{renames} files got another ending within {WINDOW_S} s; counts from {want.renames} on",
                f"the last of them: {event.name!r} became {event.new_name!r}",
            )
            yield from self._once(event, pair, renames, "gives many files another ending on", why, "renames", want.renames, Severity.high)
        elif changes >= want.changes:
            why = (
                f"{changes} files were renamed, overwritten or deleted within {WINDOW_S} s; counts from {want.changes} on",
                "copies and backups make new files",
            )
            yield from self._once(event, pair, changes, "changes many files on", why, "changes", want.changes, Severity.medium)

    def _once(
        self, event: Event, pair: tuple[int, int], count: int, deed: str, why: tuple[str, ...], what: str, threshold: int, grade: Severity
    ) -> Iterator[Alert]:
        """At most once in ten seconds, so that the alert grows and does not flood."""
        then = self._told.get(pair)
        if then is not None and 0 <= event.ts - then < 10 * SECOND:
            return
        self._told.put(pair, event.ts)
        numbers: dict[str, int | float | str] = {what: count, "threshold": threshold, "window_s": WINDOW_S}
        yield self.told(event, deed, why, numbers, key=(what,), severity=grade, confidence=0.85, answer=isinstance(event, SmbCreateResult))


def _ending_changed(event: SmbRename) -> bool:
    """Whether the file got another ending, and none of those that come and go while programs write."""
    old, new = event.name.rpartition("\\")[2].lower(), event.new_name.rpartition("\\")[2].lower()
    was, now = old.rpartition(".")[2], new.rpartition(".")[2]
    return bool(new) and was != now and not {was, now} & TEMPORARY
