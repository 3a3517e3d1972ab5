"""What the writer of an event log asks of the system: a few calls, in one place so that a test can have a disk that
fails.
"""

from __future__ import annotations

import os
from pathlib import Path


class Disk:
    """A disk that works."""

    def create(self, path: Path) -> int:
        """A new empty file, whatever had its name."""
        return open_file(path, os.O_TRUNC)

    def write(self, file: int, data: memoryview, place: int) -> int:
        """Some of the data, at least a byte of it. At a place, so that what failed can be written there again."""
        return os.pwrite(file, data, place)

    def sync(self, file: int) -> None:
        """Wait until the contents are down. They can be read from then on whatever happens."""
        (os.fdatasync if hasattr(os, "fdatasync") else os.fsync)(file)


def open_file(path: Path, flags: int = 0) -> int:
    """A file to read and write, made where it is not there; it belongs to whom its folder does: a sensor started as
    root may continue as another user.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | flags, 0o640)
    if os.geteuid() == 0:
        there = path.parent.stat()
        os.fchown(file, there.st_uid, there.st_gid)
    return file


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are down."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def point(log: Path, segment: Path) -> None:
    """Make the name of a log a link to one of its segments, in one step."""
    link = log.with_name(log.name + ".new")
    link.unlink(missing_ok=True)
    link.symlink_to(f"{segment.parent.name}/{segment.name}")
    link.replace(log)
