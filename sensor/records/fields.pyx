# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Heads and fields of messages for the traffic records: copied from rows of native dissectors, or taken from objects of
Python dissectors.
"""

from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from sensor.core.packet cimport Packet
from sensor.core.row cimport Row
from sensor.native.kinds cimport (
    QUESTION_NAME, QUESTION_SLOTS, QUESTION_TYPE, RECORD_ADDRESS, RECORD_SLOTS, RECORD_TTL, RECORD_VALUE,
)
from sensor.native.out cimport Out
from sensor.records.buffer cimport TEXT_MOST, Buffer, Head, keep_text, more
from sensor.records.gather cimport groups, quad
from sensor.core import addresses

cdef enum:
    NUMBER = 1
    TEXT = 2
    ADDRESS = 3
    LIST = 4
    ANSWERS = 5
    QUESTIONS = 6
    SEPARATOR = 0x1F
    LIST_MOST = 64           # items of a list


cdef int head_of_row(Head* head, const Row* row) except -1:
    memset(head, 0, sizeof(Head))
    head.ts, head.flow = row.ts, row.flow
    head.src_hi, head.src_lo, head.dst_hi, head.dst_lo = row.src_hi, row.src_lo, row.dst_hi, row.dst_lo
    head.src_mac, head.dst_mac, head.sport, head.dport = row.src_mac, row.dst_mac, row.sport, row.dport
    head.vlan, head.source, head.proto, head.direction = row.vlan, row.source, row.proto, row.direction
    return 0


cdef int head_of_packet(Head* head, Packet packet) except -1:
    memset(head, 0, sizeof(Head))
    head.ts, head.flow = packet.ts, packet.flow
    head.src_hi, head.src_lo, head.dst_hi, head.dst_lo = packet.src_hi, packet.src_lo, packet.dst_hi, packet.dst_lo
    head.src_mac, head.dst_mac, head.sport, head.dport = packet.src_mac, packet.dst_mac, packet.sport, packet.dport
    head.vlan, head.source, head.proto, head.direction = packet.vlan, packet.source, packet.proto, packet.direction
    return 0


cdef int head_of_ends(Head* head, event) except -1:
    """Set client and server from the event's own fields."""
    client, server = event.client, event.server
    head.src_mac, head.dst_mac, head.sport, head.dport = client.mac, server.mac, event.client_port, event.server_port
    head.src_hi, head.src_lo = client.address >> 64, client.address & 0xFFFFFFFFFFFFFFFF
    head.dst_hi, head.dst_lo = server.address >> 64, server.address & 0xFFFFFFFFFFFFFFFF
    head.direction = 0
    return 0


cdef int copy(Buffer* buffer, uint64_t* words, int how, const Out* out, uint32_t slot) except -1:
    """Copy a field of a native row; returns the number of words written."""
    cdef uint64_t value = out.slots[slot]
    if how == NUMBER:
        words[0] = value
    elif how == TEXT:
        words[0] = keep_text(buffer, text_at(out, value), <uint32_t>value)
    elif how == ADDRESS:
        words[0], words[1] = value, out.slots[slot + 1]
        return 2
    elif how == LIST:
        words[0] = texts(buffer, out, value, 1, 0)
    elif how == ANSWERS:
        words[0], words[1] = answers(buffer, out, value, &words[1]), words[1]
        return 2
    else:
        words[0] = texts(buffer, out, value, QUESTION_SLOTS, QUESTION_NAME)
        words[1] = out.slots[(value >> 32) + QUESTION_TYPE] if <uint32_t>value else 0
        return 2
    return 1


cdef const uint8_t* text_at(const Out* out, uint64_t span) except NULL:
    """The start of a text. Raises IndexError if it is outside the written text."""
    if (span >> 32) + <uint32_t>span > out.text_used:
        raise IndexError(f"text {span >> 32}+{<uint32_t>span} of {out.text_used}")
    return out.text + (span >> 32)


cdef uint64_t texts(Buffer* buffer, const Out* out, uint64_t items, uint32_t slots, uint32_t place) except? 0xFFFFFFFF:
    """The texts of a tuple's items, joined. ``slots``: size of an item; ``place``: the slot of its text."""
    cdef uint32_t first = <uint32_t>(items >> 32), count = min(<uint32_t>items, <uint32_t>LIST_MOST), i
    cdef size_t start = buffer.text.used
    cdef uint64_t span
    if first + <uint64_t>count * slots > out.slots_used:
        raise IndexError(f"slots {first}+{count}*{slots} of {out.slots_used}")
    for i in range(count):
        span = out.slots[first + i * slots + place]
        if buffer.text.used - start + <uint32_t>span > TEXT_MOST:
            break
        if <uint32_t>span:
            separate(buffer, start)
            keep_text(buffer, text_at(out, span), <uint32_t>span)
    return <uint64_t>start << 32 | (buffer.text.used - start)


cdef uint64_t answers(Buffer* buffer, const Out* out, uint64_t items, uint64_t* ttl) except? 0xFFFFFFFF:
    """The data of DNS records, joined, and the lowest TTL."""
    cdef uint32_t first = <uint32_t>(items >> 32), count = min(<uint32_t>items, <uint32_t>LIST_MOST), i
    cdef size_t start = buffer.text.used
    cdef const uint64_t* record
    ttl[0] = 0
    if first + <uint64_t>count * RECORD_SLOTS > out.slots_used:
        raise IndexError(f"slots {first}+{count}*{RECORD_SLOTS} of {out.slots_used}")
    for i in range(count):
        record = &out.slots[first + i * RECORD_SLOTS]
        if i == 0 or record[RECORD_TTL] < ttl[0]:
            ttl[0] = record[RECORD_TTL]
        if buffer.text.used - start + <uint32_t>record[RECORD_VALUE] > TEXT_MOST:
            break
        if record[RECORD_ADDRESS] or record[RECORD_ADDRESS + 1]:
            separate(buffer, start)
            put_address(buffer, record[RECORD_ADDRESS], record[RECORD_ADDRESS + 1])
        elif <uint32_t>record[RECORD_VALUE]:
            separate(buffer, start)
            keep_text(buffer, text_at(out, record[RECORD_VALUE]), <uint32_t>record[RECORD_VALUE])
    return <uint64_t>start << 32 | (buffer.text.used - start)


cdef int separate(Buffer* buffer, size_t start) except -1:
    """Write the separator between two items of a list."""
    if buffer.text.used > start:
        more(&buffer.text, 1)[0] = SEPARATOR
    return 0


cdef int put_address(Buffer* buffer, uint64_t hi, uint64_t lo) except -1:
    """Write an address as text."""
    cdef uint8_t[40] text
    cdef Py_ssize_t size
    if hi == 0 and lo >> 32 == 0xFFFF:
        size = quad(&text[0], <uint32_t>lo)
    else:
        size = groups(&text[0], hi, lo)
    keep_text(buffer, &text[0], size)
    return 0


# The same for Python objects.

cdef int put(Buffer* buffer, uint64_t* words, int how, value) except -1:
    """Write a field of an object; returns the number of words written."""
    if how == NUMBER:
        words[0] = <uint64_t>(<object>value & 0xFFFFFFFFFFFFFFFF)
    elif how == TEXT:
        words[0] = kept(buffer, value)
    elif how == ADDRESS:
        words[0], words[1] = value >> 64, value & 0xFFFFFFFFFFFFFFFF
        return 2
    elif how == LIST:
        words[0] = joined(buffer, value)
    elif how == ANSWERS:
        words[0] = joined(
            buffer, [addresses.text(one.address) if one.address else one.value for one in value[:LIST_MOST]]
        )
        words[1] = min([one.ttl for one in value[:LIST_MOST]], default=0)
        return 2
    else:
        words[0] = joined(buffer, [one.name for one in value])
        words[1] = value[0].type if value else 0
        return 2
    return 1


cdef uint64_t joined(Buffer* buffer, items) except? 0xFFFFFFFF:
    """The non-empty texts of a list, joined."""
    cdef size_t start = buffer.text.used
    for item in items[:LIST_MOST]:
        if item and buffer.text.used - start + len(item) <= TEXT_MOST:
            separate(buffer, start)
            kept(buffer, item)
    return <uint64_t>start << 32 | (buffer.text.used - start)


cdef uint64_t kept(Buffer* buffer, str text) except? 0xFFFFFFFF:
    """Write a text in UTF-8; returns its span."""
    cdef Py_ssize_t size
    cdef const char* raw
    cdef bytes odd
    try:
        raw = PyUnicode_AsUTF8AndSize(text, &size)
    except UnicodeEncodeError:
        odd = text.encode("utf-8", "replace")
        return keep_text(buffer, odd, len(odd))
    return keep_text(buffer, <const uint8_t*>raw, size)
