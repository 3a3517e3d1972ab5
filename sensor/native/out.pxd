# Rows that native dissectors write, one set of tables per batch: entries in packet order, the fields of events, and
# text.
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

cdef enum:
    # Values of Entry.what.
    EVENT = 1
    FACT = 2
    FACT_ABOUT = 3   # about a host other than the packet's sender
    # a message, or part of one, for a Python function; its fields are in slots, like those of an event
    PUNTED = 4
    MALFORMED = 5    # flow with a malformed message, dropped; the text is the fault
    # the next entries of this row are about an earlier packet: its Row and frame; empty: about the row's packet again
    PACKET = 6
    ENDED = 7        # end of a flow: the entries that follow were written then
    EMPTY = 8        # the packet was read, and nothing was written
    # Results of a dissector: its rows are complete, or the Python dissector must read the message.
    TAKEN = 0
    PUNT = 1
    # Room for one message that a dissector need not check.
    ENTRIES_A_MESSAGE = 512
    SLOTS_A_MESSAGE = 8192
    TEXT_A_MESSAGE = 1 << 18

# A kind of facts that ends with a dot (``mdns.txt.``) is a prefix: the rest and a zero byte precede the value.
ctypedef packed struct Entry:
    uint64_t flow    # of an end: the flow
    int32_t row      # of the packet
    uint32_t at      # first slot of an event; for other entries the offset of their text
    uint32_t size    # bytes of text; for ENDED the number of entries that follow
    uint32_t about   # for FACT_ABOUT: the slot of the MAC, followed by the address
    uint16_t kind    # event class or class of the punted message; for facts the kind (units.py)
    uint8_t what
    uint8_t unit     # the stream dissector that wrote it, counted from 1
    uint8_t[4] spare

cdef struct Out:
    Entry* entries
    uint64_t* slots
    uint8_t* text
    uint32_t entries_used
    uint32_t entries_room
    uint32_t slots_used
    uint32_t slots_room
    uint32_t text_used
    uint32_t text_room
    int32_t row      # the current packet
    uint8_t unit     # the stream dissector that reads it, counted from 1; 0: another
    void* state      # of the dissector that reads it, if that is one of datagrams with a state

cdef struct Mark:    # sizes of the tables at a point in time
    uint32_t entries
    uint32_t slots
    uint32_t text


cdef inline Mark mark(Out* out) noexcept nogil:  # copies three numbers: nothing can fail
    cdef Mark here
    here.entries, here.slots, here.text = out.entries_used, out.slots_used, out.text_used
    return here


cdef inline int undo(Out* out, Mark* to) noexcept nogil:  # copies three numbers: nothing can fail
    """Remove everything written since a mark. Returns PUNT, the reason for it."""
    out.entries_used, out.slots_used, out.text_used = to.entries, to.slots, to.text
    return PUNT


cdef inline bint fits(Out* out, uint32_t slots, uint32_t text) noexcept nogil:  # compares numbers: nothing can fail
    """Whether this much fits in addition to what ``reserve`` has provided; needed for parts that grow with the
    message.
    """
    return (
        out.slots_used + slots <= out.slots_room
        and out.text_used + text <= out.text_room
        and out.entries_used + 8 <= out.entries_room
    )


cdef inline uint64_t* message(Out* out, uint16_t kind, uint32_t slots) noexcept nogil:  # room was reserved
    """Add an event of a kind; returns its fields, all zero."""
    write(out, EVENT, kind, span(out.slots_used, 0))
    return items(out, slots)


cdef inline uint64_t* punted(Out* out, uint16_t kind, uint32_t slots) noexcept nogil:  # room was reserved
    """Add a message for a Python function; returns its fields, all zero."""
    write(out, PUNTED, kind, span(out.slots_used, 0))
    return items(out, slots)


cdef inline int write(Out* out, uint8_t what, uint16_t kind, uint64_t value) noexcept nogil:  # room was reserved
    """Add an entry. ``value``: a span."""
    cdef Entry* entry = &out.entries[out.entries_used]
    entry.flow, entry.row, entry.at, entry.size, entry.about = 0, out.row, <uint32_t>(value >> 32), <uint32_t>value, 0
    entry.kind, entry.what, entry.unit = kind, what, out.unit
    out.entries_used += 1
    return 0


cdef inline uint64_t* items(Out* out, uint32_t slots) noexcept nogil:  # room was reserved
    """Slots for the items of a tuple, all zero."""
    cdef uint64_t* first = &out.slots[out.slots_used]
    memset(first, 0, slots * sizeof(uint64_t))
    out.slots_used += slots
    return first


cdef inline uint64_t span(uint32_t at, uint32_t size) noexcept nogil:  # arithmetic only
    return <uint64_t>at << 32 | size


cdef inline uint64_t put(Out* out, const uint8_t* value, uint32_t size) noexcept nogil:  # room was reserved
    """Copy bytes into the text; returns their span."""
    cdef uint32_t at = out.text_used
    memcpy(&out.text[at], value, size)
    out.text_used += size
    return span(at, size)


cdef inline int fact(Out* out, uint16_t kind, uint64_t value) noexcept nogil:  # room was reserved
    """Add a fact about the packet's sender. ``value``: a span of text."""
    return write(out, FACT, kind, value)


# room was reserved
cdef inline int fact_about(
    Out* out, uint16_t kind, uint64_t value, uint64_t mac, uint64_t hi, uint64_t lo
) noexcept nogil:
    """Add a fact about another host, in the packet's VLAN."""
    cdef uint64_t* slots = items(out, 3)
    slots[0], slots[1], slots[2] = mac, hi, lo
    fact(out, kind, value)
    out.entries[out.entries_used - 1].what, out.entries[out.entries_used - 1].about = FACT_ABOUT, out.slots_used - 3
    return 0


cdef inline int fact_once(Out* out, uint32_t first, uint16_t kind, uint64_t value) noexcept nogil:  # room was reserved
    """Add a fact about the sender, unless an entry from ``first`` on has it already."""
    cdef Entry* entry = &out.entries[first]
    cdef Entry* stop = &out.entries[out.entries_used]
    while entry < stop:
        if (
            entry.kind == kind
            and entry.what == FACT
            and entry.size == <uint32_t>value
            and not memcmp(&out.text[entry.at], &out.text[value >> 32], entry.size)
        ):
            return 0
        entry += 1
    return fact(out, kind, value)


cdef int reserve(Out* out) except -1 nogil


cdef class Messages:
    """The messages that native dissectors read from one batch."""
    cdef Out out
    cdef Py_ssize_t start  # index of its first row within the batch
