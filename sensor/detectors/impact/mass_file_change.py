"""Ransomware on a file share: many files are renamed to another extension, replaced by copies with an additional one,
or overwritten and deleted, within a minute.

Backups and copies create new files, and synchronization overwrites single ones; neither renames hundreds to another
extension. Pictures, sounds and texts that get another extension of their kind (``jpeg`` to ``jpg``) do not count. A
folder that is only deleted, or only copied over another, is a weak indication; new files that replace deleted ones are
not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.counting.tally import Counts
from sensor.detectors.shared.calls import PAIRS_LIMIT, CallDetector, CallOptions, pair_of
from sensor.detectors.shared.hosts import Numbers
from sensor.dissectors.shared.smb_events import SmbCreateResult, SmbDelete, SmbRename

# Create actions ([MS-SMB2] 2.2.14): on an existing file, and a new one.
OVERWRITTEN, CREATED = (0, 3), 2
WINDOW_S = 60
# Temporary extensions of files that programs write in two steps.
TEMPORARY = frozenset("tmp temp bak old orig part partial crdownload swp wbk lock filepart".split())
# Archives and signatures of files, which are created before the file is deleted.
ARCHIVES = frozenset("gz bz2 xz zst lz4 zip 7z rar gpg pgp asc sig md5 sha1 sha256".split())
# Extensions of the same kind of file.
KINDS = {
    extension: kind
    for kind, extensions in enumerate(
        (
            "jpg jpeg jpe jfif png gif bmp tif tiff heic heif webp dng cr2 nef arw svg",
            "mp3 m4a aac wav flac ogg opus wma mp4 m4v mov mkv avi mpg mpeg wmv webm",
            "txt md csv log json xml yaml yml ini conf cfg htm html php css js sql",
            "doc docx docm xls xlsx xlsm ppt pptx odt ods odp rtf pdf",
        )
    )
    for extension in extensions.split()
}
ROTATED = 3  # digits from which an extension is no number of a rotated log (.777 is ransomware)
ONE_SIDED = 0.9  # share of changes of one kind from which they are a clean-up or a copy


class Options(CallOptions):
    """Threshold."""

    renames: int = Field(100, ge=10, description="threshold: files renamed to another extension within a minute")
    changes: int = Field(
        400, ge=20, description="threshold: files renamed, overwritten or deleted within a minute, with any extension"
    )


class MassFileChange(CallDetector):
    """Watches renames, deletions and overwrites, by pair of hosts."""

    title = "Mass file modification on a share (possible ransomware)"
    severity = Severity.high
    techniques = ("T1486",)
    advice = (
        "Isolate the client at once, and make the share read-only. Look for new extensions and ransom notes. Restore "
        "from a backup that the client cannot reach."
    )
    false_positives = (
        "A script that renames a folder of pictures or music; a clean-up of old files; rotating "
        "backups: add their hosts to `managers`."
    )
    decisive = {"renames": "renames", "changes": "changes"}
    Options = Options
    watches = (SmbRename, SmbDelete, SmbCreateResult)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._renames: Counts[tuple[int, int]] = self.tables.add("renames", Counts(WINDOW_S * SECOND))
        self._changes: Counts[tuple[int, int]] = self.tables.add("changes", Counts(WINDOW_S * SECOND))
        self._created: Counts[tuple[int, int]] = self.tables.add("created", Counts(WINDOW_S * SECOND))
        # The same changes by kind of event.
        self._alike: Counts[tuple[int, int, type[Event]]] = self.tables.add("alike", Counts(WINDOW_S * SECOND))
        # (client, server, original file) of which a copy with an additional extension was created
        self._copied: Bounded[tuple[int, int, str], int] = self.tables.add("copied", Bounded(PAIRS_LIMIT))
        self._reported: Bounded[tuple[int, int], int] = self.tables.add("reported", Bounded(PAIRS_LIMIT))

    def wants(self) -> dict[type[Event], Want]:
        return {SmbCreateResult: field("action").is_in(*OVERWRITTEN, CREATED)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        pair, want = pair_of(event.packet, answer=isinstance(event, SmbCreateResult)), self.options
        if isinstance(event, SmbCreateResult) and event.action not in OVERWRITTEN:
            if event.action == CREATED:
                self._created.add(pair, event.ts)
                if original := _original_of(event.name):
                    self._copied.put((*pair, original), event.ts)
            return
        changes, alike = self._changes.add(pair, event.ts), self._alike.add((*pair, type(event)), event.ts)
        renames = self._renames.add(pair, event.ts) if self._is_renamed(event, pair) else 0
        if renames >= want.renames:
            why = (
                f"{renames} files renamed to another extension within {WINDOW_S} s (threshold {want.renames})",
                f"last: {event.name!r} renamed to {event.new_name!r}"
                if isinstance(event, SmbRename)
                else "they were copied to files with an additional extension, and deleted",
            )
            yield from self._once(
                event,
                pair,
                renames,
                f"renamed {renames} files to another extension on",
                why,
                "renames",
                want.renames,
                Severity.high,
            )
        elif changes >= want.changes:
            replaced = self._created.add(pair, event.ts, 0) > changes // 2
            one_sided = alike >= ONE_SIDED * changes and not replaced
            why = (
                f"{changes} files renamed, overwritten or deleted within {WINDOW_S} s (threshold {want.changes})",
                f"{alike} of them in the same way, as a clean-up or a copy does"
                if one_sided
                else "copies and backups create new files",
            )
            grade = Severity.low if one_sided else Severity.medium
            yield from self._once(
                event, pair, changes, f"modified {changes} files on", why, "changes", want.changes, grade
            )

    def _is_renamed(self, event: Event, pair: tuple[int, int]) -> bool:
        """Whether a file got another extension, by renaming it, or by deleting it after a copy was created."""
        if isinstance(event, SmbDelete):
            then = self._copied.pop((*pair, event.name.lower()))
            return then is not None and event.ts - then <= WINDOW_S * SECOND
        return isinstance(event, SmbRename) and _ending_changed(event)

    def _once(
        self,
        event: Event,
        pair: tuple[int, int],
        count: int,
        change: str,
        why: tuple[str, ...],
        what: str,
        threshold: int,
        grade: Severity,
    ) -> Iterator[Alert]:
        """At most once in ten seconds, so that the alert is updated without a flood."""
        then = self._reported.get(pair)
        if then is not None and 0 <= event.ts - then < 10 * SECOND:
            return
        self._reported.put(pair, event.ts)
        numbers: Numbers = {what: count, "threshold": threshold, "window_s": WINDOW_S}
        yield self.call_alert(
            event,
            change,
            why,
            numbers,
            key=(what,),
            severity=grade,
            confidence=0.85,
            answer=isinstance(event, SmbCreateResult),
        )


def _ending_changed(event: SmbRename) -> bool:
    """Whether the file got another extension: not a temporary one, a small number (rotated logs) or one of its kind."""
    old, new = event.name.rpartition("\\")[2].lower(), event.new_name.rpartition("\\")[2].lower()
    was, now = old.rpartition(".")[2], new.rpartition(".")[2]
    if not new or was == now or {was, now} & TEMPORARY or (now.isdigit() and len(now) < ROTATED):
        return False
    return was not in KINDS or KINDS[was] != KINDS.get(now) or new.startswith(old)


def _original_of(name: str) -> str:
    """The file of which a new file with an additional extension may be a copy: ``a.docx`` of ``a.docx.locked``."""
    original, _, ending = name.lower().rpartition(".")
    if "." not in original.rpartition("\\")[2] or ending in TEMPORARY or ending in ARCHIVES:
        return ""
    return "" if ending.isdigit() and len(ending) < ROTATED else original
