# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""A file being transferred: the hash of the bytes so far, and the reason if there will be none."""

from libc.stdint cimport int64_t

import hashlib
import zlib

from sensor.core.observation import Subject
from sensor.core.reader import clean
from sensor.records.files.seen import FileSeen, State

cdef enum:
    # Size limit of a file that is hashed; bytes hashed per second of packet time, and in a burst.
    MOST = 32 << 20
    RATE = 8 << 20
    BURST = 64 << 20
    SECOND = 1_000_000_000
    NAME_LIMIT = 255
    TYPE_LIMIT = 128
    INFLATED_AT_ONCE = 1 << 20

LARGEST = MOST


cdef class Budget:
    """Limit on the bytes that are hashed, by packet time: a flood of downloads must not slow down the engine."""

    def __init__(self, int64_t rate=RATE, int64_t burst=BURST):
        self.rate, self.burst, self.left, self.at = rate, burst, burst, 0

    def advance(self, int64_t now):
        """``now``: packet time, ns."""
        if now > self.at:
            self.left = min(<double>self.burst, self.left + <double>(now - self.at) * self.rate / SECOND)
            self.at = now


cdef class Body:
    """``packet``: the packet with its first byte; ``mime``: declared media type; ``size``: number of bytes seen;
    ``fault``: State, None if there is none so far.
    """

    def __init__(
        self, packet, Budget budget not None, bytes name not None, bytes mime not None=b"", bytes encoding not None=b""
    ):
        """``encoding``: Content-Encoding of HTTP; the hash is that of the decoded content."""
        self.packet, self.size, self.budget, self.fault, self.inflater = packet, 0, budget, None, None
        self.name = clean(name.replace(b"\\", b"/").rpartition(b"/")[2], NAME_LIMIT) if name else ""
        self.mime = clean(mime.partition(b";")[0], TYPE_LIMIT).lower() if mime else ""
        self.digest = hashlib.sha256()
        self.update = self.digest.update
        if encoding:
            encoding = encoding.strip().lower()
            if encoding in (b"gzip", b"x-gzip", b"deflate"):
                self.inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)  # detects gzip or zlib from the header
            elif encoding != b"identity":
                self.fault = State.ENCODED

    cpdef int take(self, bytes data) except -1:
        """Add the next bytes."""
        if self.inflater is not None and self.fault is None:
            data = self.inflated(data)
        self.size += len(data)
        if self.fault is None:
            self.budget.left -= len(data)
            if self.size > MOST:
                self.fault = State.LARGE
            elif self.budget.left < 0:
                self.fault = State.BUSY
            else:
                self.update(data)
        return 0

    cdef bytes inflated(self, bytes data):
        """Decoded bytes; a body that expands too much is treated as too large."""
        cdef bytes made
        try:
            made = self.inflater.decompress(data, INFLATED_AT_ONCE)
        except zlib.error:
            self.fault = State.ENCODED
            return data
        if self.inflater.unconsumed_tail:
            self.fault = State.LARGE
        return made

    def lost(self, why=State.GAP):
        """Bytes are missing."""
        self.fault = self.fault or why

    def ended(self, str service, bint from_client, ends):
        """The FileSeen event. ``ends``: client and server, and their ports."""
        if self.fault is None and self.inflater is not None and not self.inflater.eof:
            self.fault = State.ENCODED
        if self.fault is None:
            return FileSeen(
                self.packet, *ends, service, from_client, self.name, self.mime, self.size, self.digest.hexdigest(),
                "whole",
            )
        return FileSeen(self.packet, *ends, service, from_client, self.name, self.mime, self.size, "", str(self.fault))


def ends_of(packet, bint client_sent):
    """Client and server of a packet, and their ports."""
    source, other = Subject(packet.src_mac, packet.src, packet.vlan), Subject(packet.dst_mac, packet.dst, packet.vlan)
    return (source, other, packet.sport, packet.dport) if client_sent else (other, source, packet.dport, packet.sport)
