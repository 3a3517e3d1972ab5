"""Writes evidence: one pcapng file per alert, with a comment for each packet, passwords masked. Runs in a separate
thread, because disks are slow.

A live engine never waits for the writer: if it is behind, frames are dropped and counted. A replay waits. The folder
has a size limit; the oldest files are deleted. Format: draft-ietf-opsawg-pcapng, little-endian, times in ns; opens in
Wireshark.
"""

from __future__ import annotations

import contextlib
import os
import queue
import struct
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from sensor.core.bounded import Bounded
from sensor.core.reader import clean
from sensor.evidence.blank import Blanker
from sensor.evidence.ring import Frame

PATTERN = "alert-*.pcapng"
MIB = 512
WAITING = 1024
# Number of files that may still grow; if one was evicted, its blanker starts over.
FILES_LIMIT = 256
COMMENT_LIMIT = 512
CLOSE_S = 0.5
BLANKED = "passwords are blanked"

_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_COMMENT, _APPLICATION, _RESOLUTION = 1, 4, 9

Job = tuple[str, str, list[tuple[Frame, str]]]


class _File(msgspec.Struct, eq=False):
    """A file being written: its blanker, and the interface number of each link type in its last section."""

    path: Path
    blanker: Blanker
    links: dict[int, int]


class Writer:
    """``dropped``: frames that were not written, because the disk was slow or full; ``complain`` is called once with
    the reason.
    """

    def __init__(
        self,
        folder: Path,
        application: str = "sensor",
        *,
        mib: int = MIB,
        wait: bool = True,
        complain: Callable[[str], None] = lambda _: None,
    ) -> None:
        """``wait``: block the caller until the disk has written. Raises OSError if the folder cannot be created."""
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)  # it holds private data
        self.folder, self.dropped = folder, 0
        self._application, self._room, self._wait, self._complain = application, mib << 20, wait, complain
        self._files: Bounded[str, _File] = Bounded(FILES_LIMIT)
        self._begun: set[str] = set()
        self._held = sum(path.stat().st_size for path in folder.glob(PATTERN))
        self._failed = False
        self._jobs: queue.Queue[Job | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._work, name="evidence", daemon=True)
        self._thread.start()

    def limit(self, mib: int) -> None:
        """Set the size limit of the folder, from the next file on."""
        self._room = mib << 20

    def write(self, name: str, about: str, frames: list[tuple[Frame, str]]) -> None:
        """Queue frames for the file of an alert."""
        try:
            self._jobs.put((name, about, frames), block=self._wait)
        except queue.Full:
            self.dropped += len(frames)

    def close(self) -> None:
        """Write the queue, then end. A live run does not wait for a disk that does not respond: frames not written in
        time are dropped.
        """
        limit = None if self._wait else CLOSE_S
        with contextlib.suppress(queue.Full):
            self._jobs.put(None, timeout=limit)
            self._thread.join(limit)
        if self._thread.is_alive():
            with contextlib.suppress(queue.Empty):
                while (job := self._jobs.get_nowait()) is not None:
                    self.dropped += len(job[2])

    # In the writer's thread.

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                self._append(*job)
            except OSError as error:
                self.dropped += len(job[2])
                if not self._failed:
                    self._complain(f"cannot write evidence to {self.folder}: {error.strerror}")
                self._failed = True

    def _append(self, name: str, about: str, frames: Sequence[tuple[Frame, str]]) -> None:
        file = self._files.get(name)
        if file is None:
            file = _File(self.folder / f"{name}.pcapng", Blanker(), {})
            self._files.put(name, file)
        head = b"" if file.links else section(about, self._application)
        blocks = [head]
        blanked = file.blanker.blank([frame for frame, _ in frames])
        for (frame, word), (data, was) in zip(frames, blanked, strict=True):
            if frame.link not in file.links:
                blocks.append(interface(frame.link))
                file.links[frame.link] = len(file.links)
            comment = f"{word}; {BLANKED}" if was else word
            blocks.append(packet(file.links[frame.link], frame, data, comment))
        text = b"".join(blocks)
        try:
            _append(file.path, text, os.O_TRUNC if head and self._first(name) else os.O_APPEND)
        except OSError:
            file.links.clear()  # the next frames begin a new section
            raise
        self._held += len(text)
        self._make_room(name)

    def _first(self, name: str) -> bool:
        """Whether a file is started by this run; one of an earlier run is overwritten. A file may have several
        sections.
        """
        if name in self._begun:
            return False
        if len(self._begun) >= 16 * FILES_LIMIT:
            self._begun.clear()
        self._begun.add(name)
        return True

    def _make_room(self, name: str) -> None:
        """Delete the oldest files, but never the one being written."""
        if self._held <= self._room:
            return
        found = []
        for path in self.folder.glob(PATTERN):
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                found.append((status.st_mtime_ns, path.name, status.st_size, path))
        self._held = sum(size for _, _, size, _ in found)
        for _, own, size, path in sorted(found):
            if self._held <= self._room * 9 // 10:
                break
            if own != f"{name}.pcapng":
                path.unlink(missing_ok=True)
                self._files.pop(path.stem)
                self._held -= size


def _append(path: Path, text: bytes, how: int) -> None:
    """Write to a file with as few calls as possible: after each one the thread waits for the engine (the GIL). If the
    disk is full, nothing is left of it: later blocks would be unreadable behind a part of a block.
    """
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | how, 0o666)
    left, before = memoryview(text), os.fstat(file).st_size
    try:
        while left:
            left = left[os.write(file, left) :]
    except OSError:
        os.ftruncate(file, before)
        raise
    finally:
        os.close(file)


# Blocks.


def section(about: str, application: str) -> bytes:
    """The header of a section: its description, and the application that wrote it."""
    options = _option(_COMMENT, _text(about)) + _option(_APPLICATION, _text(application))
    return _block(_SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + options + _END)


def interface(link: int) -> bytes:
    """An interface description for a link type, with times in ns."""
    return _block(_INTERFACE, struct.pack("<HHI", link, 0, 0) + _option(_RESOLUTION, b"\x09") + _END)


def packet(number: int, frame: Frame, data: bytes, comment: str) -> bytes:
    """An enhanced packet block of interface ``number``."""
    ts = max(frame.ts, 0)
    head = struct.pack("<IIIII", number, ts >> 32 & 0xFFFFFFFF, ts & 0xFFFFFFFF, len(data), max(frame.size, len(data)))
    return _block(_PACKET, head + _padded(data) + _option(_COMMENT, _text(comment)) + _END)


_END = struct.pack("<HH", 0, 0)


def _block(kind: int, body: bytes) -> bytes:
    size = 12 + len(body)
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _padded(value: bytes) -> bytes:
    return value + bytes(-len(value) % 4)


def _text(words: str) -> bytes:
    """A text that may contain text of peers: cleaned and limited."""
    return clean(words, COMMENT_LIMIT).encode()
