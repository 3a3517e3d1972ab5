"""The machine as far as a sensor needs it: rights, clock, and the folders it writes to."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket  # noqa: TID251 - whether one may be opened is what is asked
import struct
import tempfile
import time
from pathlib import Path

import msgspec

UNSYNCHRONISED = 0x40
TIMEX_SIZE, TIMEX_MAXERROR, TIMEX_STATUS = 208, 24, 40
"""Of struct timex (adjtimex(2)) on machines of 64 bits."""

TRIAL = b"a line of an event log\n" * 100
TRIALS = 3


class Folder(msgspec.Struct):
    """Where something is written. ``path`` may still have to be made: ``there`` is the nearest folder that is there;
    ``problem``: why nothing can be written. ``free`` (bytes), ``inodes`` (share that is used) of its disk; ``needed``:
    bytes that may still come; ``sync_s``: the slowest of a few writes that wait for the disk.
    """

    path: str
    there: str
    needed: int = 0
    problem: str = ""
    free: int = 0
    inodes: float = 0.0
    sync_s: float = 0.0


class Clock(msgspec.Struct):
    """``synchronised``: None where the system does not tell; ``error_s``: how far off it may be."""

    synchronised: bool | None = None
    error_s: float = 0.0


def may_listen() -> bool:
    """Whether a packet socket can be opened: CAP_NET_RAW in the user namespace that the network belongs to."""
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except PermissionError:
        return False
    except OSError:  # the kernel has none: the portable capture reports more
        return True
    return True


def folder(path: Path, needed: int = 0) -> Folder:
    """Try a folder by writing a small file there and waiting for the disk. Nothing is left behind, and no folder is
    made.
    """
    found = room(path, needed)
    if not found.problem:
        try:
            found.sync_s = _written(Path(found.there))
        except OSError as error:
            found.problem = error.strerror or "cannot be written"
    return found


def room(path: Path, needed: int = 0) -> Folder:
    """What the disk of a folder has left. Nothing is tried."""
    there = path
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    found = Folder(str(path), str(there), needed)
    try:
        disk = os.statvfs(there)
        found.free = disk.f_bavail * disk.f_frsize
        found.inodes = 1 - disk.f_favail / disk.f_files if disk.f_files else 0.0
    except OSError as error:
        found.problem = error.strerror or "cannot be looked at"
    return found


def _written(there: Path) -> float:
    """The slowest of a few writes that wait for the disk, in seconds."""
    slowest = 0.0
    with tempfile.TemporaryFile(dir=there) as file:
        for _ in range(TRIALS):
            began = time.perf_counter()
            file.write(TRIAL)
            file.flush()
            os.fsync(file.fileno())
            slowest = max(slowest, time.perf_counter() - began)
    return slowest


def clock() -> Clock:
    """The state of the kernel's clock."""
    with contextlib.suppress(OSError, AttributeError):
        memory = ctypes.create_string_buffer(TIMEX_SIZE)
        if ctypes.sizeof(ctypes.c_long) == 8 and ctypes.CDLL(None, use_errno=True).adjtimex(memory) >= 0:
            status, most = (
                struct.unpack_from("=i", memory, TIMEX_STATUS)[0],
                struct.unpack_from("=q", memory, TIMEX_MAXERROR)[0],
            )
            return Clock(not status & UNSYNCHRONISED, most / 1e6)
    return Clock()
