"""Uploads: captures that arrive in parts; a child process analyzes each into a dataset.

A part has its position, so that an interrupted upload can continue. A file that does not begin like a capture is
rejected and deleted at once.
"""

from __future__ import annotations

import re
import secrets
import shutil
import threading
import time
from pathlib import Path

import msgspec

from sensor.capture.compression import MAGIC_SIZE, compression_of
from sensor.capture.formats import recognise
from sensor.console.analysis import LIMITS, analyze
from sensor.console.cards import Cards
from sensor.console.child import Limits
from sensor.console.worker import Worker
from sensor.core.reader import clean
from sensor.datasets.choose import datasets_in
from sensor.datasets.names import name_of
from sensor.views.errors import Malformed, Unknown

FOLDER, CARD = "uploads", "upload.json"
# Limits in bytes: a capture, a part, free disk space that must remain; and the number of stored uploads.
MOST, PART, FREE, KEPT = 4 << 30, 8 << 20, 1 << 30, 100
# An upload without a new part for this many seconds is deleted.
STALE_S = 86_400
RECEIVING, WAITING, ANALYZING, DONE, FAILED = "receiving", "waiting", "analyzing", "done", "failed"
NAME_LIMIT = 120


class Upload(msgspec.Struct):
    """``received``: bytes so far; ``message``: why it failed; ``dataset``: its name after the analysis; ``changed``:
    seconds since the epoch.
    """

    id: str
    name: str
    size: int
    who: str
    state: str = RECEIVING
    received: int = 0
    message: str = ""
    dataset: str = ""
    changed: float = 0.0


class Uploads:
    """Uploads of a state folder. They are analyzed one at a time, with the configuration ``config``."""

    def __init__(self, state: Path, limits: Limits = LIMITS, config: Path | None = None) -> None:
        self._state, self._folder, self._limits, self._config = state, state / FOLDER, limits, config
        self._cards = Cards(self._folder, CARD, Upload, lambda one: one.changed)
        self._lock = threading.Lock()
        self._worker = Worker("uploads", self._work)
        for one in self.all():
            if one.state in (WAITING, ANALYZING):
                self._end(one, FAILED, "The console was stopped during the analysis.")

    def all(self) -> list[Upload]:
        """All uploads, newest first."""
        return self._cards.all()

    def get(self, name: str) -> Upload:
        """An upload by its id. Raises Unknown."""
        found = self._cards.read(name) if re.fullmatch(r"upload-[0-9a-f]{16}", name) else None
        if found is None:
            raise Unknown("id", name, ())
        return found

    def begin(self, name: str, size: int, who: str) -> Upload:
        """Start an upload. Raises Malformed if it is too large or the disk is too full; OSError."""
        if not 0 < size <= MOST:
            raise Malformed("size", f"{size:,} bytes", f"1 to {MOST:,}")
        self._remove_stale()
        if len(self.all()) >= KEPT:
            raise Malformed("uploads", f"{KEPT} of them", "fewer: remove one first")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        free = shutil.disk_usage(self._folder).free
        if size + FREE > free:
            raise Malformed("size", f"{size:,} bytes", f"less: the disk has {max(free - FREE, 0):,} bytes available")
        one = Upload(f"upload-{secrets.token_hex(8)}", _file_name(name), size, who, changed=time.time())
        (self._folder / one.id).mkdir(mode=0o700)
        self._path(one).touch(0o600)
        self._cards.write(one.id, one)
        return one

    def append(self, name: str, offset: int, data: bytes) -> Upload:
        """Append a part. Raises Malformed if it does not continue the upload, or the file is not a capture; OSError."""
        with self._lock:
            one = self.get(name)
            if one.state != RECEIVING:
                raise Malformed("state", one.state, RECEIVING)
            if offset != one.received or offset + len(data) > one.size:
                raise Malformed("offset", str(offset), str(one.received))
            with self._path(one).open("r+b") as file:
                file.seek(offset)
                file.write(data)
            one.received, one.changed = offset + len(data), time.time()
            if offset == 0 and (fault := _no_capture(data, complete=one.received == one.size)):
                self._end(one, FAILED, f"{one.name} is not a capture: {fault}. It was deleted.")
            elif one.received == one.size:
                one.state = WAITING
                self._cards.write(one.id, one)
                self._worker.put(one.id)
            else:
                self._cards.write(one.id, one)
            return one

    def remove(self, name: str) -> Upload:
        """Delete an upload with its capture; the dataset stays. Raises Unknown; Malformed during its analysis."""
        with self._lock:
            one = self.get(name)
            if one.state in (WAITING, ANALYZING):
                raise Malformed("state", one.state, "the end of the analysis")
            shutil.rmtree(self._folder / one.id)
            return one

    def _work(self, name: str) -> None:
        try:
            one = self.get(name)
        except Unknown:
            return
        try:
            self._analyze(one)
        except OSError as error:
            self._end(one, FAILED, f"{error.filename or self._folder}: {error.strerror or error}")

    def _analyze(self, one: Upload) -> None:
        one.state, one.changed = ANALYZING, time.time()
        self._cards.write(one.id, one)
        dataset = self._free_name(one.name)
        fault = analyze(self._path(one), dataset, self._state, self._limits, self._config)
        one.dataset = "" if fault else dataset
        self._end(one, FAILED if fault else DONE, fault)

    def _end(self, one: Upload, state: str, message: str) -> None:
        """Finish an upload; the capture of a failed one is deleted."""
        one.state, one.message, one.changed = state, clean(message, 1000), time.time()
        if state == FAILED:
            self._path(one).unlink(missing_ok=True)
        self._cards.write(one.id, one)

    def _free_name(self, name: str) -> str:
        stem, taken, number = name_of([name]), {one.name for one in datasets_in(self._state)}, 1
        while (found := stem if number == 1 else f"{stem}-{number}") in taken:
            number += 1
        return found

    def _remove_stale(self) -> None:
        for one in self.all():
            if one.state == RECEIVING and one.changed < time.time() - STALE_S:
                shutil.rmtree(self._folder / one.id, ignore_errors=True)

    def _path(self, one: Upload) -> Path:
        return self._folder / one.id / one.name


def _file_name(name: str) -> str:
    """The name without a folder; characters with a meaning to file systems or shells are replaced."""
    found = re.sub(r"[^A-Za-z0-9._-]+", "-", name.replace("\\", "/").rpartition("/")[2])[-NAME_LIMIT:].strip("-.")
    return found if found and found != CARD else "capture.pcap"


def _no_capture(head: bytes, *, complete: bool) -> str:
    """Why a file is not a capture; empty if it may be one."""
    if compression_of(head[:MAGIC_SIZE]):
        return ""
    found = recognise(head[:64], 0)
    if isinstance(found, int):
        return "too short to be one" if complete else ""
    return found if isinstance(found, str) else ""
