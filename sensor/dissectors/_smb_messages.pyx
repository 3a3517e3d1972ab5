# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""One direction of an SMB connection, split into messages with their NetBIOS frame (RFC 1002, 4.3.1; [MS-SMB2] 2.1).

Most messages of a file server neither open, name nor change a file: reads and their data, attributes, listings, locks,
confirmations. They are skipped here, where they cost little. ``shared/message_splitter.py`` splits other protocols by
the same rules.
"""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcmp

cdef enum:
    FRAME = 4
    HEADER = 64
    MESSAGE = 0x00
    REQUEST = 0x81         # of a NetBIOS session, and the other messages that control it
    KEEP_ALIVE = 0x85
    # Bytes of a message that are passed on: less than the payloads have that the select pass passes on, if they are
    # small (WEIGHT in ``decode/flows.pxd``).
    KEEP = 4000
    ANSWER = 1
    RELATED = 4
    READ = 8
    SET_INFO = 17
    SET_INFO_SIZE = 32
    # Commands whose requests or responses are never skipped, as bits: negotiate, session setup, tree connect, create,
    # close (request only), read, write (request only), I/O control, set information (request only).
    REQUESTS = 1 << 0 | 1 << 1 | 1 << 3 | 1 << 5 | 1 << 6 | 1 << 8 | 1 << 9 | 1 << 11 | 1 << 17
    RESPONSES = 1 << 0 | 1 << 1 | 1 << 3 | 1 << 5 | 1 << 8 | 1 << 11
    LAST_COMMAND = 18

LIMIT = KEEP


cdef class Messages:
    """``lost``: the next message boundary is unknown; ``skipped``: the last call skipped messages; ``encrypted``:
    encryption was reported.
    """
    cdef bytes kept
    cdef Py_ssize_t skip
    cdef public bint lost, skipped, encrypted

    def __init__(self):
        self.kept, self.skip = b"", 0

    def found(self, bytes data not None):
        """Whether message boundaries are known, or a message begins with these bytes, so that parsing continues."""
        self.lost = self.lost and not (
            len(data) >= 8 and data[0] == MESSAGE and size_at(data, len(data), 0) > 0
        )
        return not self.lost

    def complete(self, bytes data not None, bint every, bint reads):
        """(message, whether its end is left out) of the messages that these bytes complete. ``every``: without skipping
        any; ``reads``: without skipping reads.
        """
        cdef list found = []
        cdef Py_ssize_t at = min(self.skip, len(data)), size, wanted, end
        cdef const uint8_t* raw
        self.skipped = False
        self.skip -= at
        if self.kept:
            data, at = self.kept + data[at:], 0
        self.kept = b""
        raw, end = data, len(data)
        while at < end:
            size = size_at(raw, end, at)
            if size < 0:
                self.lost = True
                break
            wanted = min(size, KEEP)
            if size == 0 or end - at < wanted:
                self.kept = data[at:]
                break
            if not every and is_skipped(raw + at, size, reads):
                self.skipped = True
            else:
                found.append((data if wanted == end else data[at : at + wanted], size > wanted))
            self.skip = max(at + size - end, 0)
            at += size
        return found

    def gap(self, Py_ssize_t missing):
        """Handle missing bytes: returns the stored beginning of a partial message. Its end may be inside the gap or
        after it.
        """
        cdef bytes kept = self.kept
        cdef Py_ssize_t left = self.skip
        if kept:
            left = max(size_at(kept, len(kept), 0) - len(kept), 0)
        self.kept = b""
        self.lost = self.lost or missing > left
        self.skip = max(left - missing, 0)
        return kept


cdef Py_ssize_t size_at(const uint8_t* data, Py_ssize_t end, Py_ssize_t at) noexcept nogil:  # compares sizes first
    """Size of the message at ``at`` including its frame; 0 if more bytes are needed, -1 if none begins."""
    cdef Py_ssize_t size
    cdef uint8_t kind
    if end - at < FRAME:
        return 0
    kind = data[at]
    size = <Py_ssize_t>data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]
    if kind == MESSAGE:
        if end - at < FRAME + 4:
            return 0 if size >= 4 else FRAME + size
        return FRAME + size if size < 4 or is_magic(data + at + FRAME) else -1
    return FRAME + size if REQUEST <= kind <= KEEP_ALIVE and size <= control_limit(kind) else -1


cdef bint is_magic(const uint8_t* data) noexcept nogil:  # four bytes
    """Whether a message of SMB 1, SMB 2, an encrypted or a compressed one begins."""
    return 0xFC <= data[0] <= 0xFF and memcmp(data + 1, b"SMB", 3) == 0


cdef Py_ssize_t control_limit(uint8_t kind) noexcept nogil:  # a constant for each kind
    """Maximum size of a message that controls a NetBIOS session: request, positive and negative response, retarget,
    keep alive.
    """
    return 0xFFFF if kind == REQUEST else 1 if kind == 0x83 else 6 if kind == 0x84 else 0


cdef bint is_skipped(const uint8_t* data, Py_ssize_t size, bint reads) noexcept nogil:  # the first KEEP bytes are there
    """Whether an unchained SMB 2 message has no meaning for its dissector, which would read its header only."""
    cdef uint32_t command, flags
    cdef const uint8_t* body = data + FRAME + HEADER
    if size < FRAME + HEADER or data[FRAME] != 0xFE or data[FRAME + 4] != HEADER or data[FRAME + 5]:
        return False
    command, flags = data[FRAME + 12] | data[FRAME + 13] << 8, data[FRAME + 16]
    if command > LAST_COMMAND or flags & RELATED or memcmp(data + FRAME + 20, b"\0\0\0\0", 4):
        return False
    if command == READ:
        return not reads
    if flags & ANSWER:
        return not RESPONSES >> command & 1
    if command == SET_INFO and size >= FRAME + HEADER + SET_INFO_SIZE:
        return not (body[2] == 1 and (body[3] == 10 or body[3] == 13 or body[3] == 64))
    return not REQUESTS >> command & 1
