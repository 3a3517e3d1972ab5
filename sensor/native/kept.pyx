# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Data of TCP flows that is kept beyond its batch, and what a stream dissector writes about it.

The bytes of a batch are valid only during its processing. Data that is needed longer is copied: out-of-order segments,
and data that a dissector keeps.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, strlen

from sensor.core.row cimport Row
from sensor.native.out cimport MALFORMED, PACKET, Mark, Out, put, reserve, span, write

cdef enum:
    LEAST_KEPT = 512


cdef int keep(Stream* s, HeldBytes* kept, const uint8_t* data, uint32_t size) except -1 nogil:
    """Append bytes to the kept ones."""
    cdef uint32_t room = kept.room or LEAST_KEPT
    cdef uint8_t* larger
    if size == 0:
        return 0
    while room - kept.size < size:
        room *= 2
    if room > kept.room:
        larger = <uint8_t*>realloc(kept.data, room)
        if larger == NULL:
            with gil:
                raise MemoryError(f"{room} bytes of a conversation")
        s.memory[0] += room - kept.room
        kept.data, kept.room = larger, room
    memcpy(kept.data + kept.size, data, size)
    kept.size += size
    return 0


cdef int forget(Stream* s, HeldBytes* kept) except -1 nogil:
    """Free the kept bytes."""
    s.memory[0] -= kept.room
    free(kept.data)
    kept.data, kept.size, kept.room = NULL, 0, 0
    return 0


cdef Copy* copied(int64_t* memory, Copy* old, const Row* row, const uint8_t* frame) except NULL nogil:
    """A copy of a packet, replacing an old one. Raises IndexError if its payload is outside its frame."""
    cdef Copy* copy = old
    cdef uint32_t before = old.room if old != NULL else 0
    if <uint64_t>row.payload + row.payload_len > row.caplen:
        with gil:
            raise IndexError(f"payload {row.payload}+{row.payload_len} of a frame of {row.caplen}")
    if old == NULL or old.room < row.caplen:
        copy = <Copy*>realloc(old, sizeof(Copy) + row.caplen)
        if copy == NULL:
            with gil:
                raise MemoryError("a packet")
        memory[0] += row.caplen - before
        if old == NULL:
            memory[0] += sizeof(Copy)
        copy.room = row.caplen
    copy.row, copy.size = row[0], row.caplen
    copy.row.frame = 0
    memcpy(<uint8_t*>copy + sizeof(Copy), frame, row.caplen)
    return copy


cdef int discard(int64_t* memory, Copy* copy) except -1 nogil:
    if copy != NULL:
        memory[0] -= sizeof(Copy) + copy.room
        free(copy)
    return 0


cdef int about(Out* out, const Copy* packet) except -1 nogil:
    """The next entries are about an earlier packet; NULL: about the row's packet again. An entry without followers is
    removed.
    """
    cdef Mark here
    if (
        out.entries_used
        and out.entries[out.entries_used - 1].what == PACKET
        and out.entries[out.entries_used - 1].row == out.row
    ):
        out.entries_used -= 1
        out.text_used = out.entries[out.entries_used].at
        if packet == NULL and (out.entries_used == 0 or out.entries[out.entries_used - 1].row != out.row):
            return 0
    reserve(out)
    if packet == NULL:
        write(out, PACKET, 0, span(out.text_used, 0))
    else:
        put(out, <const uint8_t*>&packet.row, sizeof(Row))
        put(out, frame_of(packet), packet.size)
        write(out, PACKET, 0, <uint64_t>(out.text_used - sizeof(Row) - packet.size) << 32 | (sizeof(Row) + packet.size))
    return 0


cdef int malformed(Out* out, const char* fault) except -1 nogil:
    """Report a malformed message with the fault text of the Python dissector. Returns BROKEN."""
    reserve(out)
    write(out, MALFORMED, 0, put(out, <const uint8_t*>fault, <uint32_t>strlen(fault)))
    return BROKEN
