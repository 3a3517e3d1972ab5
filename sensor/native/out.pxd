# Rows that native dissectors write, one set of tables a batch: entries in packet order, the fields of events, and text.
#
# An event's fields lie in ``slots`` in the order in which its class declares them (layout.py), one slot of 64 bits
# each, two for an address. A text is a span of ``text``: offset in the upper half, bytes in the lower. A tuple is a
# span of ``slots``: the slot at which its first item begins in the upper half, the number of items in the lower.
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

cdef enum:
    # Entry.what
    EVENT = 1
    FACT = 2
    FACT_ABOUT = 3   # about a host other than the sender of the packet
    # a message, or a part of one, that a Python function reads: its fields lie in the slots, like those of an event
    PUNTED = 4
    MALFORMED = 5    # of a conversation, which is given up; in words
    # what follows in this row is about a packet that came earlier: its Row and its frame; empty: about that of the row
    PACKET = 6
    ENDED = 7        # of a conversation: the entries that follow were written at its end
    EMPTY = 8        # the packet was read, and nothing was written
    # What a dissector returns: its rows are whole, or the Python dissector is to read the message.
    TAKEN = 0
    PUNT = 1
    # Room for one message, which a dissector need not check for.
    ENTRIES_A_MESSAGE = 512
    SLOTS_A_MESSAGE = 8192
    TEXT_A_MESSAGE = 1 << 18

# A kind of facts that ends with a dot (``mdns.txt.``) is only its begin: the rest and a zero byte stand before the
# value.
ctypedef packed struct Entry:
    uint64_t flow    # of an end: the flow
    int32_t row      # of the packet
    uint32_t at      # of an event: its first slot; of others: where their text begins
    uint32_t size    # bytes of text; of an end: how many follow
    uint32_t about   # of a fact about another host: the slot of its MAC, which its address follows
    uint16_t kind    # of an event, or what was punted: which class; of a fact: which kind (units.py)
    uint8_t what
    uint8_t unit     # the dissector of streams that wrote it, counted from 1
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
    int32_t row      # the packet that is read now
    uint8_t unit     # the dissector of streams that reads it, counted from 1; 0: another

cdef struct Mark:    # how much was written at some time
    uint32_t entries
    uint32_t slots
    uint32_t text


cdef inline Mark mark(Out* out) noexcept nogil:  # copies three numbers: nothing can fail
    cdef Mark here
    here.entries, here.slots, here.text = out.entries_used, out.slots_used, out.text_used
    return here


cdef inline int undo(Out* out, Mark* to) noexcept nogil:  # copies three numbers: nothing can fail
    """Remove what was written since. Returns PUNT, the reason for it."""
    out.entries_used, out.slots_used, out.text_used = to.entries, to.slots, to.text
    return PUNT


cdef inline bint fits(Out* out, uint32_t slots, uint32_t text) noexcept nogil:  # compares numbers: nothing can fail
    """Whether so much still fits: asked for what grows with the message, within what ``reserve`` made sure of."""
    return (
        out.slots_used + slots <= out.slots_room
        and out.text_used + text <= out.text_room
        and out.entries_used + 8 <= out.entries_room
    )


cdef inline uint64_t* message(Out* out, uint16_t kind, uint32_t slots) noexcept nogil:  # room was reserved
    """A new event of a kind: its fields, all zero."""
    write(out, EVENT, kind, span(out.slots_used, 0))
    return items(out, slots)


cdef inline uint64_t* punted(Out* out, uint16_t kind, uint32_t slots) noexcept nogil:  # room was reserved
    """What a Python function is to read: its fields, all zero."""
    write(out, PUNTED, kind, span(out.slots_used, 0))
    return items(out, slots)


cdef inline int write(Out* out, uint8_t what, uint16_t kind, uint64_t value) noexcept nogil:  # room was reserved
    """One more row. ``value``: a span."""
    cdef Entry* entry = &out.entries[out.entries_used]
    entry.flow, entry.row, entry.at, entry.size, entry.about = 0, out.row, <uint32_t>(value >> 32), <uint32_t>value, 0
    entry.kind, entry.what, entry.unit = kind, what, out.unit
    out.entries_used += 1
    return 0


cdef inline uint64_t* items(Out* out, uint32_t slots) noexcept nogil:  # room was reserved
    """Slots for items of a tuple, all zero."""
    cdef uint64_t* first = &out.slots[out.slots_used]
    memset(first, 0, slots * sizeof(uint64_t))
    out.slots_used += slots
    return first


cdef inline uint64_t span(uint32_t at, uint32_t size) noexcept nogil:  # arithmetic only
    return <uint64_t>at << 32 | size


cdef inline uint64_t put(Out* out, const uint8_t* value, uint32_t size) noexcept nogil:  # room was reserved
    """A copy of some bytes in the text: their span."""
    cdef uint32_t at = out.text_used
    memcpy(&out.text[at], value, size)
    out.text_used += size
    return span(at, size)


cdef inline int fact(Out* out, uint16_t kind, uint64_t value) noexcept nogil:  # room was reserved
    """A fact about the sender of the packet. ``value``: a span of the text."""
    return write(out, FACT, kind, value)


# room was reserved
cdef inline int fact_about(
    Out* out, uint16_t kind, uint64_t value, uint64_t mac, uint64_t hi, uint64_t lo
) noexcept nogil:
    """A fact about another host, in the VLAN of the packet."""
    cdef uint64_t* slots = items(out, 3)
    slots[0], slots[1], slots[2] = mac, hi, lo
    fact(out, kind, value)
    out.entries[out.entries_used - 1].what, out.entries[out.entries_used - 1].about = FACT_ABOUT, out.slots_used - 3
    return 0


cdef inline int fact_once(Out* out, uint32_t first, uint16_t kind, uint64_t value) noexcept nogil:  # room was reserved
    """A fact about the sender, unless entries from ``first`` on hold it."""
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
    """What native dissectors read of one batch."""
    cdef Out out
    cdef Py_ssize_t start  # the row of the batch at which its own rows begin
