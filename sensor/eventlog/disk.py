"""System calls of the event log's writer, in one place so that tests can substitute a disk that fails."""

from __future__ import annotations

import os
from pathlib import Path


class Disk:
    """A disk that works."""

    def create(self, path: Path) -> int:
        """Create an empty file, replacing any file of that name."""
        return open_file(path, os.O_TRUNC)

    def write(self, file: int, data: memoryview, place: int) -> int:
        """Write at least one byte of the data at an offset, so that a failed write can be repeated there. Returns the
        number of bytes written.
        """
        return os.pwrite(file, data, place)

    def sync(self, file: int) -> None:
        """Wait until the contents are on disk."""
        (os.fdatasync if hasattr(os, "fdatasync") else os.fsync)(file)


def open_file(path: Path, flags: int = 0) -> int:
    """Open a file for reading and writing, and create it if it does not exist; it is owned by the owner of its folder:
    a sensor started as root may continue as another user.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | flags, 0o640)
    if os.geteuid() == 0:
        there = path.parent.stat()
        os.fchown(file, there.st_uid, there.st_gid)
    return file


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on disk."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def point(log: Path, segment: Path) -> None:
    """Make the name of a log a link to one of its segments, atomically."""
    link = log.with_name(log.name + ".new")
    link.unlink(missing_ok=True)
    link.symlink_to(f"{segment.parent.name}/{segment.name}")
    link.replace(log)
