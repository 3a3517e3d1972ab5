# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""FrameRing: the most recent dissected frames, copied one after the other into a block of fixed size, so that an alert
can show the packets before it.

Each frame costs a copy of its bytes, whether it becomes a Packet or not. The oldest frames are overwritten.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

import numpy as np

from sensor.core.packet cimport Packet
from sensor.core.row cimport Row

FRAMES, FRAME_BYTES = 4096, 16 << 20
KEPT = np.dtype(
    [("ts", "i8"), *((name, "u8") for name in ("flow", "src_hi", "src_lo", "dst_hi", "dst_lo", "src_mac", "dst_mac",
    "at")), ("size", "u4"), ("wirelen", "u4"),
     ("link", "u2"), ("ip_version", "u1")], align=True,
)  # fmt: skip


cdef class FrameRing:
    def __init__(self, Py_ssize_t frames=FRAMES, Py_ssize_t size=FRAME_BYTES):
        """At most this many ``frames`` and bytes (``size``)."""
        self.kept = np.zeros(frames, KEPT)
        self.limit(size)

    def __len__(self):
        return self.next - self.first

    def limit(self, Py_ssize_t size):
        """Keep at most ``size`` bytes from now on; the frames kept so far are dropped."""
        if size < 1:
            raise ValueError(f"size {size} of a ring of frames: must be at least 1")
        self.data = np.empty(size, np.uint8)
        self.first, self.written = self.next, 0

    def keep(self, Packet packet):
        """Add the newest frame; the oldest are overwritten."""
        cdef bytes frame = packet.frame
        cdef FrameSlot* one = self.place(<uint32_t>len(frame))
        if one == NULL:
            return
        one.ts = packet.ts
        one.flow = packet.flow
        one.link = packet.link
        one.wirelen = packet.wirelen
        one.ip_version = packet.ip_version
        one.src_hi, one.src_lo, one.dst_hi, one.dst_lo = packet.src_hi, packet.src_lo, packet.dst_hi, packet.dst_lo
        one.src_mac, one.dst_mac = packet.src_mac, packet.dst_mac
        if one.size:
            memcpy(&self.data[one.at % self.data.shape[0]], <const char*>frame, one.size)

    cdef int keep_row(self, const uint8_t[::1] data, const Row* row) except -1:
        """Add the frame of a row. Raises IndexError if its bytes are outside the block, which only a faulty source can
        cause.
        """
        cdef FrameSlot* one
        if row.frame < 0 or row.frame + row.caplen > data.shape[0]:
            raise IndexError(f"bytes {row.frame}+{row.caplen} of a block of {data.shape[0]}")
        one = self.place(row.caplen)
        if one == NULL:
            return 0
        one.ts = row.ts
        one.flow = row.flow
        one.link = row.link
        one.wirelen = row.wirelen
        one.ip_version = row.ip_version
        one.src_hi, one.src_lo, one.dst_hi, one.dst_lo = row.src_hi, row.src_lo, row.dst_hi, row.dst_lo
        one.src_mac, one.dst_mac = row.src_mac, row.dst_mac
        if one.size:
            memcpy(&self.data[one.at % self.data.shape[0]], &data[row.frame], one.size)
        return 0

    cdef FrameSlot* place(self, uint32_t size) except? NULL:
        """Contiguous room for one more frame; NULL if it is larger than the ring."""
        cdef uint64_t room = self.data.shape[0], at = self.written
        cdef FrameSlot* one
        if size > room:
            return NULL
        if at % room + size > room:
            at += room - at % room
        self.written = at + size
        while (
            self.first < self.next
            and (
                self.next - self.first >= <uint64_t>self.kept.shape[0]
                or self.written > self.kept[self.first % self.kept.shape[0]].at + room
            )
        ):
            self.first += 1
        one = &self.kept[self.next % self.kept.shape[0]]
        one.at, one.size = at, size
        self.next += 1
        return one

    cdef bytes frame(self, const FrameSlot* one):
        return (<const char*>&self.data[one.at % self.data.shape[0]])[: one.size] if one.size else b""

    def find(self, wanted, Py_ssize_t most):
        """(ts, link, bytes on the wire, frame) of the last ``most`` matching frames (``ring.Wanted``), oldest first."""
        cdef list found = []
        cdef uint64_t number = self.next
        cdef const FrameSlot* one
        cdef uint64_t actor_hi = wanted.actor >> 64, actor_lo = wanted.actor & 0xFFFFFFFFFFFFFFFF, mac = wanted.mac
        flows, targets = wanted.flows, wanted.targets
        while number > self.first and len(found) < most:
            number -= 1
            one = &self.kept[number % self.kept.shape[0]]
            if one.flow not in flows:
                if one.ip_version == 0:
                    if mac == 0 or (mac != one.src_mac and mac != one.dst_mac):
                        continue
                elif one.src_lo == actor_lo and one.src_hi == actor_hi:
                    if targets and (<object>one.dst_hi << 64 | one.dst_lo) not in targets:
                        continue
                elif (
                    one.dst_lo != actor_lo
                    or one.dst_hi != actor_hi
                    or (targets and (<object>one.src_hi << 64 | one.src_lo) not in targets)
                ):
                    continue
            found.append((one.ts, one.link, one.wirelen, self.frame(one)))
        found.reverse()
        return found
