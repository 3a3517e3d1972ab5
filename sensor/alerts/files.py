"""The files of the alerts of one run: mutes, the log of suppressed alerts, the operator's notes, and packets.

They are beside the event log or in the state folder. Files that cannot be read or written cause a warning and never
stop the run: without a file of mutes every alert is reported.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from sensor import __version__
from sensor.alerts.mutes import Mutes, load_mutes, load_shared_mutes
from sensor.alerts.processor import AlertProcessor
from sensor.core.record import Record
from sensor.documents import DocumentErrors, Stamps, stamps
from sensor.eventlog.paths import muted_log, notes_log
from sensor.eventlog.writer import EventLog
from sensor.evidence.gather import Gatherer
from sensor.evidence.writer import Writer

NOTES_LIMIT = 1 << 20


class Note(msgspec.Struct):
    """The operator's note about an alert: one line of the file of notes. ``action``: close or comment; ``ts``: RFC
    3339.
    """

    ts: str
    alert: str
    action: str
    by: str
    text: str = ""


class AlertFiles:
    """``log``: the event log, if it is a file; ``mutes``: the file of mutes; ``evidence``: the folder for packets; None
    if not used. ``shared``: further files of mutes; ``clock`` (live runs): seconds since the epoch.
    """

    def __init__(
        self, log: Path | None, *, mutes: Path | None = None, shared: Sequence[Path] = (),
        evidence: Path | None = None, mib: int = 512, clock: Callable[[], float] | None = None,
        complain: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._log, self._mutes_file, self._shared, self._complain = log, mutes, list(shared), complain
        self._clock, self._live = clock, clock is not None
        self.mutes = Mutes()
        # Frames dropped by writers of earlier evidence folders.
        self._gone = 0
        self._stamp: Stamps | None = None
        self._read_mutes()
        self._muted = self._open_muted()
        self._writer = self._open_writer(evidence, mib)
        self.gatherer = (
            Gatherer(self._writer.write, evidence.name) if self._writer is not None and evidence is not None else None
        )
        self._notes = notes_log(log) if log is not None else None
        # Bytes of the notes that were read, and those at which they could not be.
        self._noted, self._unreadable = self._size_of_notes(), -1

    @property
    def dropped(self) -> int:
        """Number of frames of evidence that were not written."""
        return self._gone + (self._writer.dropped if self._writer is not None else 0)

    @property
    def evidence(self) -> Path | None:
        """The folder that packets are written to; None if packets are not kept."""
        return self._writer.folder if self._writer is not None else None

    @property
    def mutes_file(self) -> Path | None:
        """The file that mutes are read from; None if there is none."""
        return self._mutes_file

    def writer_for(self, evidence: Path | None, mib: int) -> Writer | None:
        """The writer of evidence for a folder: the current one if it writes there already or no other is possible,
        otherwise a new one. May be called from another thread.
        """
        if self._writer is not None and evidence == self._writer.folder:
            return self._writer
        return (self._open_writer(evidence, mib) or self._writer) if evidence is not None else None

    def take_up(self, mutes: Path | None, shared: Sequence[Path], writer: Writer | None, mib: int) -> Gatherer | None:
        """Use other files from now on; mutes are read at the next check. Returns the gatherer of packets."""
        if (mutes, list(shared)) != (self._mutes_file, self._shared):
            self._mutes_file, self._shared, self._stamp = mutes, list(shared), None
        old, self._writer = self._writer, writer
        if writer is old:
            if writer is not None:
                writer.limit(mib)
            return self.gatherer
        if self.gatherer is not None:
            self.gatherer.finish()
        if old is not None:
            self._gone += old.dropped
            threading.Thread(target=old.close, name="evidence-end", daemon=True).start()
        self.gatherer = Gatherer(writer.write, writer.folder.name) if writer is not None else None
        return self.gatherer

    def muted(self, record: Record) -> None:
        """Write a suppressed alert to its log."""
        if self._muted is None:
            return
        try:
            self._muted.write(record)
        except OSError as error:
            self._complain(f"cannot write {self._muted.path}: {error.strerror}")

    def watch(self, alert_processor: AlertProcessor, now: int) -> None:
        """Check for new notes of the operator; called about once a second in live runs. ``now``: ns."""
        if self._read_mutes():
            alert_processor.mutes = self.mutes
        for note in self._new_notes():
            if note.action == "close":
                alert_processor.close(note.alert, note.by, note.text, now)
        if self._muted is not None:
            self._flush(self._muted)

    def close(self) -> None:
        """End of the run: write everything."""
        if self._writer is not None:
            self._writer.close()
            if self._writer.dropped:
                self._complain(
                    f"{self._writer.dropped:,} frames of evidence could not be written to {self._writer.folder}"
                )
        if self._muted is not None:
            self._flush(self._muted)
            self._muted.close()

    # The files, one by one.

    def _read_mutes(self) -> bool:
        """Read the mutes if a file changed; returns whether they changed. If a file has errors, the earlier mutes stay
        in force.
        """
        own = [self._mutes_file] if self._mutes_file is not None else []
        if not (stamp := stamps([*own, *self._shared])) or stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            found = [mute for path in own for mute in load_mutes(path)]
            found += [mute for path in self._shared for mute in load_shared_mutes(path)]
        except DocumentErrors as errors:
            self._complain(f"the previous mutes stay in effect:\n{errors}")
            return False
        self.mutes = Mutes(found, self.mutes.counts)
        return True

    def _open_muted(self) -> EventLog | None:
        """Open the log of suppressed alerts: in live runs at once, since that may be impossible later; in a replay when
        the first alert is suppressed.
        """
        if self._log is None or not self._log.is_file():
            return None
        path = muted_log(self._log)
        try:
            if not self._live and not len(self.mutes):
                path.unlink(missing_ok=True)
                return None
            return EventLog(path, fresh=not self._live, clock=self._clock)
        except OSError as error:
            self._complain(f"cannot write {path}: {error.strerror}")
            return None

    def _flush(self, log: EventLog) -> None:
        try:
            log.flush()
        except OSError as error:
            self._complain(f"cannot write {log.path}: {error.strerror}")

    def _open_writer(self, folder: Path | None, mib: int) -> Writer | None:
        if folder is None:
            return None
        try:
            return Writer(folder, f"sensor {__version__}", mib=mib, wait=not self._live, complain=self._complain)
        except OSError as error:
            self._complain(f"cannot keep evidence in {folder}: {error.strerror}")
            return None

    def _size_of_notes(self) -> int:
        try:
            return self._notes.stat().st_size if self._notes is not None else 0
        except OSError:
            return 0

    def _new_notes(self) -> list[Note]:
        """The lines added since the last call; an incomplete line waits for its end."""
        size = self._size_of_notes()
        if self._notes is None or size <= self._noted:
            self._noted = min(self._noted, size)
            return []
        try:
            with self._notes.open("rb") as file:
                file.seek(self._noted)
                text = file.read(NOTES_LIMIT)
        except OSError as error:
            if size != self._unreadable:  # the next call is in a second
                self._unreadable = size
                self._complain(f"cannot read {self._notes}: {error.strerror}")
            return []
        whole = text[: text.rfind(b"\n") + 1]
        self._noted += len(whole)
        return [note for line in whole.splitlines() if (note := note_of(line)) is not None]


def note_of(line: bytes) -> Note | None:
    """A line of the notes; None if it is invalid."""
    try:
        return msgspec.json.decode(line, type=Note)
    except msgspec.DecodeError:
        return None
