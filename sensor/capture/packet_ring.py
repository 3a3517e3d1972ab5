"""One kernel ring on one interface: AF_PACKET, version 3 (Linux, Documentation/networking/packet_mmap.rst).

The kernel writes frames into blocks of shared memory and releases a block when it is full or ``RETIRE_MS`` old.
Frames are never copied: a batch points into the ring, and its ``release`` returns the blocks. If the reader is late,
the kernel drops frames and counts them. The ring follows its interface by name: when it goes down and up, is deleted
and created again, or does not exist yet. None of that needs privileges once the socket is open.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import socket
import struct
import sys
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from sensor.capture import bpf
from sensor.capture.interfaces import LOOPBACK, hardware_of, index_of, is_up, link_of
from sensor.capture.source import CaptureError, NotPermitted
from sensor.core.batch import ROW, Batch
from sensor.decode import ring as kernel

SOL_PACKET = 263
ADD_MEMBERSHIP, RX_RING, STATISTICS, VERSION, FANOUT, IGNORE_OUTGOING = 1, 5, 6, 10, 18, 23
TPACKET_V3 = 2
PROMISCUOUS = 1
FANOUT_HASH, FANOUT_UNIQUE_ID, FANOUT_IGNORE_OUTGOING = 0, 0x2000, 0x4000
ETH_P_ALL = 3
FRAME_SIZE = 2048
"""Determines only the number of frames; version 3 packs frames without padding to this size."""

RETIRE_MS = 200
"""Maximum delay of frames on a quiet link, in ms; not shorter, because each block has a fixed cost."""

MAX_ROWS = 16384
MAX_BLOCK_KIB = 1024
"""Limit such that a block of the smallest frames (96 bytes in the ring) fits into one batch."""

SPARE_SOCKETS = 4
"""Sockets opened in advance, while privileges last: a member of a fanout group cannot be bound again, so each return of
its interface takes one.
"""


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a ring: ``blocks`` of ``block_size`` bytes."""

    blocks: int
    block_size: int

    @classmethod
    def of(cls, ring_mib: int, block_kib: int) -> Shape:
        page = mmap.PAGESIZE // 1024
        if not page <= block_kib <= MAX_BLOCK_KIB or block_kib % page:
            raise CaptureError(f"block size {block_kib} KiB: a multiple of {page} from {page} to {MAX_BLOCK_KIB}")
        if not 2 * block_kib <= ring_mib * 1024 <= 4 * 1024 * 1024:
            raise CaptureError(f"ring size {ring_mib} MiB: from two blocks of {block_kib} KiB to 4096 MiB")
        return cls(ring_mib * 1024 // block_kib, block_kib * 1024)


class Blocks:
    """The shared memory: the next block to read, and the blocks in use by readers. Batches may be released in any order
    and from any thread.
    """

    def __init__(self, memory: mmap.mmap | bytearray, shape: Shape) -> None:
        self.data = np.frombuffer(memory, np.uint8)
        self.view = self.data.view()
        self.view.flags.writeable = False
        self.shape, self.next, self.read, self.broken = shape, 0, 0, 0
        self.out = bytearray(shape.blocks)

    def ready(self, ahead: int = 0) -> bool:
        """Whether the next block, or the one ``ahead`` after it, was returned by the kernel and is unread."""
        number = (self.next + ahead) % self.shape.blocks
        return not self.out[number] and kernel.ours(self.data, number * self.shape.block_size)

    def backlog(self) -> float:
        """Share of the blocks that the kernel cannot write to: those in use by readers, and the unread ones, which
        follow each other.
        """
        unread = bisect_left(range(self.shape.blocks), True, key=lambda ahead: not self.ready(ahead))
        return (unread + self.out.count(1)) / self.shape.blocks

    def times(self) -> tuple[int, int]:
        """Capture times of the first and last frame of the next block, ns."""
        return kernel.times(self.data, self.next * self.shape.block_size)

    def take(self, link: int, source: int, layer: int, most: int) -> Batch | None:
        """The frames of up to ``most`` blocks as one batch; None if no block is ready."""
        taken: list[int] = []
        size, room = self.shape.block_size, 0
        while len(taken) < most and self.ready():
            claimed = min(kernel.packets(self.data, self.next * size), MAX_ROWS)
            if room + claimed > MAX_ROWS:
                break
            self.out[self.next] = 1
            taken.append(self.next)
            room += claimed
            self.next = (self.next + 1) % self.shape.blocks
        if not taken:
            return None
        rows, filled = np.empty(room, ROW), 0
        for number in taken:
            filled, broken = kernel.walk(self.data, number * size, size, rows, filled, link, source, layer)
            self.broken += broken
        self.read += filled
        return Batch(self.view, rows[:filled], partial(self.release, taken))

    def release(self, taken: list[int]) -> None:
        """Return blocks to the kernel; a second call does nothing."""
        while taken:
            number = taken.pop()
            kernel.give_back(self.data, number * self.shape.block_size)
            self.out[number] = 0


class PacketRing:
    """``received`` and ``dropped`` are the kernel's counters since the start; ``returns`` counts how often the
    interface was created again.
    """

    def __init__(
        self,
        name: str,
        source: int,
        shape: Shape,
        program: Callable[[int], bpf.Program],
        *,
        promiscuous: bool = True,
        fanout: Fanout | None = None,
    ) -> None:
        self.name, self.source, self.shape = name, source, shape
        self.promiscuous, self.fanout, self._program = promiscuous, fanout, program
        self.received = self.dropped = self.returns = self._left = self._broken = 0
        self.index, self.link, self.layer = 0, 0, 0
        self.problem = ""
        self._spares = [_socket(name) for _ in range(SPARE_SOCKETS if fanout else 0)]
        self._open(_socket(name))
        self.follow()

    def _open(self, sock: socket.socket) -> None:
        """Use a socket with its own ring. Raises CaptureError if that fails; an earlier one then remains in use."""
        shape = self.shape
        frames = shape.block_size // FRAME_SIZE * shape.blocks
        try:
            sock.setsockopt(SOL_PACKET, VERSION, TPACKET_V3)
            sock.setsockopt(
                SOL_PACKET,
                RX_RING,
                struct.pack("=7I", shape.block_size, shape.blocks, FRAME_SIZE, frames, RETIRE_MS, 0, 0),
            )
            memory = mmap.mmap(
                sock.fileno(), shape.block_size * shape.blocks, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE
            )
        except OSError as error:
            sock.close()
            if error.errno in (errno.ENOMEM, errno.ENOBUFS):
                raise CaptureError(
                    f"{self.name}: no memory for a ring of {shape.blocks * shape.block_size >> 20} MiB: configure "
                    "a smaller one"
                ) from None
            raise NoRing(f"{self.name}: this kernel does not support packet rings ({error.strerror})") from None
        self.sock, self.blocks = sock, Blocks(memory, shape)

    def fileno(self) -> int:
        return self.sock.fileno()

    @property
    def read(self) -> int:
        """Number of frames read so far."""
        return self._left + self.blocks.read

    @property
    def broken(self) -> int:
        """Number of frames that could not be read because the ring's contents were invalid."""
        return self._broken + self.blocks.broken

    def ready(self) -> bool:
        """Whether a block is ready."""
        return self.blocks.ready()

    def crowded(self) -> bool:
        """Whether half of the ring is unread."""
        return self.blocks.ready(self.shape.blocks // 2)

    def backlog(self) -> float:
        """Share of the ring that is unread or in use by readers."""
        return self.blocks.backlog()

    def times(self) -> tuple[int, int]:
        """Capture times of the first and last frame of the next block, ns."""
        return self.blocks.times()

    def take(self, most: int) -> Batch | None:
        """The frames of up to ``most`` ready blocks; None if no block is ready."""
        return self.blocks.take(self.link, self.source, self.layer, most)

    def follow(self) -> bool:
        """Listen on the interface that has the name now; False while there is none. A link that goes down and up needs
        no action: the kernel stays bound to it.
        """
        self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        now = index_of(self.sock, self.name)
        if now == self.index or not now:
            return bool(now)
        if self.fanout and not is_up(self.sock, self.name):
            return False
        try:
            self._bind(now)
        except OSError as error:
            self.problem = f"cannot capture: {error.strerror}"
            return False
        except CaptureError as error:
            self.problem = str(error)
            return False
        return True

    def _bind(self, index: int) -> None:
        hardware = hardware_of(self.sock, self.name)
        self.link, self.layer = link_of(hardware)
        program = self._program(hardware)
        again = bool(self.index)
        if again:
            self._renew()
        if hardware == LOOPBACK:
            self.sock.setsockopt(SOL_PACKET, IGNORE_OUTGOING, 1)
        bpf.attach(self.sock, bpf.REJECT if self.fanout else program)
        self.sock.bind((self.name, ETH_P_ALL))
        if self.promiscuous:
            self.sock.setsockopt(SOL_PACKET, ADD_MEMBERSHIP, struct.pack("=iHH8x", index, PROMISCUOUS, 0))
        if self.fanout:
            self.fanout.join(self.sock, index, ignore_outgoing=hardware == LOOPBACK)
            bpf.attach(self.sock, program)
        self.returns += again
        self.index, self.problem = index, ""

    def _renew(self) -> None:
        """Without a fanout group the socket is bound again; in a group a new socket replaces it, and batches in use
        keep the old memory alive.
        """
        self.count()
        if not self.fanout:
            return
        if not self._spares:
            raise CaptureError(f"reopened more than {SPARE_SOCKETS} times; restart the sensor to capture with fanout")
        old, read, broken = self.sock, self.read, self.broken
        self._open(self._spares.pop())
        self._left, self._broken = read, broken
        self.index = 0
        old.close()

    def count(self) -> None:
        """Add the kernel's counters, which are reset when they are read."""
        seen, dropped, _ = struct.unpack("=3I", self.sock.getsockopt(SOL_PACKET, STATISTICS, 12))
        self.received += seen - dropped
        self.dropped += dropped

    def all_read(self) -> bool:
        """Whether all frames that the kernel received were read."""
        self.count()
        return self.read + self.broken >= self.received

    def mute(self) -> None:
        """Block further frames from entering the ring."""
        with contextlib.suppress(OSError):
            bpf.attach(self.sock, bpf.REJECT)

    def close(self) -> None:
        """Close the socket. The memory is freed with the last batch that points into it."""
        for sock in (self.sock, *self._spares):
            sock.close()


class Fanout:
    """A group of rings on one interface: the kernel distributes frames by flow, so that both directions of a flow are
    in the same ring.
    """

    def __init__(self) -> None:
        self._id = self._index = 0

    def join(self, sock: socket.socket, index: int, *, ignore_outgoing: bool) -> None:
        """The first ring on an interface gets a new group from the kernel, whose number the others join."""
        flags = FANOUT_HASH | (FANOUT_IGNORE_OUTGOING if ignore_outgoing else 0)
        if index == self._index:
            sock.setsockopt(SOL_PACKET, FANOUT, flags << 16 | self._id)
            return
        sock.setsockopt(SOL_PACKET, FANOUT, (flags | FANOUT_UNIQUE_ID) << 16)
        self._id, self._index = sock.getsockopt(SOL_PACKET, FANOUT) & 0xFFFF, index


class NoRing(CaptureError):
    """The kernel has no packet ring: the portable capture may work."""


def _socket(name: str) -> socket.socket:
    """A socket that is not bound yet, so that no frame arrives before its filter is attached."""
    try:
        return socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    except PermissionError:
        raise NotPermitted(no_permission(name)) from None
    except OSError as error:
        raise NoRing(f"{name}: this kernel does not support packet sockets ({error.strerror})") from None


def no_permission(name: str) -> str:
    """The error message, with the fix."""
    return (
        f"{name}: no permission to capture: run as root, or run once `setcap cap_net_raw+ep "
        f"{os.path.realpath(sys.executable)}`, or set AmbientCapabilities=CAP_NET_RAW in the systemd unit"
    )
