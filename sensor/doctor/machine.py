"""The machine as far as a sensor depends on it: privileges, clock, and the folders it writes to."""

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
"""Offsets in struct timex (adjtimex(2)) on 64-bit machines."""

TRIAL = b"a line of an event log\n" * 100
TRIALS = 3


class Folder(msgspec.Struct):
    """An output folder. ``path`` may not exist yet: ``there`` is its nearest existing parent; ``problem``: why it is
    not writable. ``free`` (bytes), ``inodes`` (share in use) of its disk; ``needed``: bytes that may still be written;
    ``sync_s``: the slowest of a few durable writes.
    """

    path: str
    there: str
    needed: int = 0
    problem: str = ""
    free: int = 0
    inodes: float = 0.0
    sync_s: float = 0.0


class Clock(msgspec.Struct):
    """``synchronised``: None if unknown; ``error_s``: maximum error."""

    synchronised: bool | None = None
    error_s: float = 0.0


def may_listen() -> bool:
    """Whether a packet socket can be opened: CAP_NET_RAW in the user namespace that owns the network namespace."""
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except PermissionError:
        return False
    except OSError:  # the kernel has none: the portable capture reports more
        return True
    return True


def folder(path: Path, needed: int = 0) -> Folder:
    """Test a folder by writing a small file there durably. Nothing is left behind, and no folder is created."""
    found = room(path, needed)
    if not found.problem:
        try:
            found.sync_s = _written(Path(found.there))
        except OSError as error:
            found.problem = error.strerror or "cannot be written"
    return found


def room(path: Path, needed: int = 0) -> Folder:
    """Free space on the disk of a folder, without a test write."""
    there = path
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    found = Folder(str(path), str(there), needed)
    try:
        disk = os.statvfs(there)
        found.free = disk.f_bavail * disk.f_frsize
        found.inodes = 1 - disk.f_favail / disk.f_files if disk.f_files else 0.0
    except OSError as error:
        found.problem = error.strerror or "cannot be read"
    return found


def _written(there: Path) -> float:
    """The slowest of a few durable writes, in seconds."""
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
            status = struct.unpack_from("=i", memory, TIMEX_STATUS)[0]
            most = struct.unpack_from("=q", memory, TIMEX_MAXERROR)[0]
            return Clock(not status & UNSYNCHRONISED, most / 1e6)
    return Clock()
