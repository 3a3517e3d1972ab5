# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Parses the records of capture files and writes one row for each: pcap and its variants, pcapng
(draft-ietf-opsawg-pcapng), snoop (RFC 1761).

Frames are not copied: rows point into the block that was read. Every length in the file is validated before it is used;
parsing ends at an invalid record, without guessing where the next one begins. Stateless: the header of a file is in
``sensor.capture.formats``. ``gather`` copies rows of several blocks with their frames into one; ``sums`` computes
totals of a batch.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

import numpy as np

from sensor.core.row cimport Row

cdef extern from *:
    """
    typedef __int128 sensor_i128;
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    #define SENSOR_BIG 1
    #else
    #define SENSOR_BIG 0
    #endif
    #define sensor_swap32(x) __builtin_bswap32(x)
    #define sensor_swap16(x) __builtin_bswap16(x)
    """
    ctypedef long long i128 "sensor_i128"
    bint MACHINE_IS_BIG "SENSOR_BIG"
    uint32_t swap32 "sensor_swap32"(uint32_t value) nogil
    uint16_t swap16 "sensor_swap16"(uint16_t value) nogil

# Why parsing ended.
cdef enum:
    _MORE = 0          # the next record is incomplete; the last number is its size in bytes
    _FULL = 1          # all rows are filled
    _ASIDE = 2         # a pcapng block that Python parses: section header, interface description or statistics
    _BROKEN = 3        # the next record is invalid; the last number is the reason

# Why a record is invalid.
cdef enum:
    _FRAME_LENGTH = 1  # longer than the largest frame
    _BLOCK_LENGTH = 2  # shorter than its header, or longer than the largest block
    _TRAILER = 3       # the lengths at the start and end of a block differ
    _INTERFACE = 4     # a packet of an interface that was not described
    _OVERHANG = 5      # a frame longer than its block

MORE, FULL, ASIDE, BROKEN = _MORE, _FULL, _ASIDE, _BROKEN
FRAME_LENGTH = _FRAME_LENGTH
BLOCK_LENGTH = _BLOCK_LENGTH
TRAILER = _TRAILER
INTERFACE_UNKNOWN = _INTERFACE
OVERHANG = _OVERHANG

cdef enum:
    SECTION = 0x0A0D0D0A
    DESCRIPTION = 1
    OLD_PACKET = 2
    SIMPLE_PACKET = 3
    STATISTICS = 5
    ENHANCED_PACKET = 6
    PACKET_OVERHEAD = 32   # of an enhanced and of an old packet block
    SIMPLE_OVERHEAD = 16
    SNOOP_HEADER = 24

cdef int64_t LAST = 9214646400000000000
LATEST = LAST
"""2262-01-01, ns: later times are clamped to it, and times before 1970 to 0, so that adding a window to a time cannot
overflow.
"""

ctypedef packed struct Interface:
    uint64_t multiply
    uint64_t divide
    int64_t offset
    uint32_t shift
    uint32_t snaplen
    uint32_t link
    uint32_t spare

INTERFACE = np.dtype([
    ("multiply", "u8"), ("divide", "u8"), ("offset", "i8"), ("shift", "u4"), ("snaplen", "u4"), ("link", "u4"),
    ("spare", "u4"),
])
"""An interface of a pcapng section. Its times are ``(units * multiply >> shift) / divide + offset`` ns; ``snaplen`` 0
means no limit.
"""


cdef inline int inside(const uint8_t[::1] data, Py_ssize_t off, Py_ssize_t size) except -1 nogil:
    if off < 0 or off + size > data.shape[0]:
        raise IndexError("outside the block")
    return 0


cdef inline int64_t u32(const uint8_t[::1] data, Py_ssize_t off, bint swap) except -1 nogil:
    cdef uint32_t value
    inside(data, off, 4)
    memcpy(&value, &data[off], 4)
    return swap32(value) if swap else value


cdef inline int u16(const uint8_t[::1] data, Py_ssize_t off, bint swap) except -1 nogil:
    cdef uint16_t value
    inside(data, off, 2)
    memcpy(&value, &data[off], 2)
    return swap16(value) if swap else value


cdef inline int fill(
    Row* row, int64_t ts, Py_ssize_t frame, uint32_t caplen, uint32_t wirelen, int link, int source
) except -1 nogil:
    memset(row, 0, sizeof(Row))
    row.ts = ts
    row.frame = frame
    row.caplen = caplen
    row.wirelen = wirelen if wirelen > caplen else caplen
    row.link = <uint16_t>link
    row.source = <uint16_t>source
    return 0


cdef inline int64_t time_of(const Interface* interface, uint64_t units) except -1 nogil:
    """ns since the epoch, clamped to 1970 to 2262."""
    cdef i128 ns = <i128>units * <i128>interface.multiply
    if interface.shift:
        ns >>= interface.shift
    if interface.divide > 1:
        ns = ns / <i128>interface.divide
    ns += interface.offset
    if ns < 0:
        return 0
    return <int64_t>ns if ns < <i128>LAST else LAST


cdef inline int check(
    const uint8_t[::1] data, Py_ssize_t start, Py_ssize_t end, const Row[::1] rows, Py_ssize_t filled
) except -1:
    if not 0 <= start <= end <= data.shape[0]:
        raise IndexError("outside the block")
    if not 0 <= filled <= rows.shape[0]:
        raise IndexError("outside the rows")
    return 0


def scan_pcap(
    const uint8_t[::1] data, Py_ssize_t start, Py_ssize_t end, Row[::1] rows, Py_ssize_t filled,
    bint big, uint32_t fraction_ns, Py_ssize_t header, int lengths, uint32_t largest, int link, int source,
):
    """Parse pcap records in ``data[start:end]`` to ``rows``, starting at index ``filled``. ``fraction_ns``: ns per unit
    of the second time field; ``header``: bytes of a record header; ``lengths``: 0 if the captured length is first, 1 if
    it is second, 2 if it is the smaller one; ``largest``: size limit of a frame in bytes.

    Returns (number of rows filled, offset of the next record, why parsing ended, a number specific to that reason).
    """
    cdef Py_ssize_t at = start, need = header
    cdef uint32_t caplen, wirelen
    cdef int why = _MORE
    cdef bint swap = big != MACHINE_IS_BIG
    check(data, start, end, rows, filled)
    if header < 16 or fraction_ns > 1000:
        raise ValueError("no header of pcap")
    with nogil:
        while at + header <= end:
            caplen, wirelen = u32(data, at + 8, swap), u32(data, at + 12, swap)
            if lengths == 1 or (lengths == 2 and caplen > wirelen):
                caplen, wirelen = wirelen, caplen
            if caplen > largest:
                why, need = _BROKEN, _FRAME_LENGTH
                break
            if at + header + caplen > end:
                need = header + caplen
                break
            if filled == rows.shape[0]:
                why, need = _FULL, 0
                break
            fill(
                &rows[filled], <int64_t>u32(data, at, swap) * 1000000000 + <int64_t>u32(data, at + 4,
                swap) * fraction_ns,
                at + header, caplen, wirelen, link, source,
            )
            filled += 1
            at += header + caplen
    return filled, at, why, need


def scan_snoop(
    const uint8_t[::1] data, Py_ssize_t start, Py_ssize_t end, Row[::1] rows, Py_ssize_t filled, uint32_t largest,
    int link, int source,
):
    """Parse snoop records; otherwise like ``scan_pcap``."""
    cdef Py_ssize_t at = start, need = SNOOP_HEADER
    cdef uint32_t caplen, size
    cdef int why = _MORE
    cdef bint swap = not MACHINE_IS_BIG
    check(data, start, end, rows, filled)
    with nogil:
        while at + SNOOP_HEADER <= end:
            caplen, size = u32(data, at + 4, swap), u32(data, at + 8, swap)
            if caplen > largest:
                why, need = _BROKEN, _FRAME_LENGTH
                break
            if size < SNOOP_HEADER or size > largest + 4096:
                why, need = _BROKEN, _BLOCK_LENGTH
                break
            if caplen > size - SNOOP_HEADER:
                why, need = _BROKEN, _OVERHANG
                break
            if at + size > end:
                need = size
                break
            if filled == rows.shape[0]:
                why, need = _FULL, 0
                break
            fill(
                &rows[filled], <int64_t>u32(data, at + 16, swap) * 1000000000 + <int64_t>u32(data, at + 20,
                swap) * 1000,
                at + SNOOP_HEADER, caplen, u32(data, at, swap), link, source,
            )
            filled += 1
            at += size
    return filled, at, why, need


cdef inline int packet(
    const uint8_t[::1] data, Py_ssize_t at, uint32_t kind, uint32_t size, Row* row, bint swap,
    const Interface[::1] interfaces, int64_t ts, int source,
) except -1 nogil:
    """Fill the row of the packet block at ``at``; returns 0, or why it is invalid. ``ts`` is for a simple packet block,
    which has no time.
    """
    cdef uint32_t caplen, wirelen, number = 0
    cdef const Interface* interface
    if size < <uint32_t>(SIMPLE_OVERHEAD if kind == SIMPLE_PACKET else PACKET_OVERHEAD):
        return _BLOCK_LENGTH
    if kind == ENHANCED_PACKET:
        number = u32(data, at + 8, swap)
    elif kind == OLD_PACKET:
        number = u16(data, at + 8, swap)
    if number >= interfaces.shape[0]:
        return _INTERFACE
    interface = &interfaces[number]
    if kind == SIMPLE_PACKET:
        wirelen = caplen = u32(data, at + 8, swap)
        if interface.snaplen and caplen > interface.snaplen:
            caplen = interface.snaplen
        if caplen > size - SIMPLE_OVERHEAD:
            caplen = size - SIMPLE_OVERHEAD
        fill(row, ts, at + 12, caplen, wirelen, interface.link, source)
        return 0
    caplen, wirelen = u32(data, at + 20, swap), u32(data, at + 24, swap)
    if caplen > size - PACKET_OVERHEAD:
        return _OVERHANG
    ts = time_of(interface, <uint64_t>u32(data, at + 12, swap) << 32 | u32(data, at + 16, swap))
    fill(row, ts, at + 28, caplen, wirelen, interface.link, source)
    return 0


def scan_pcapng(
    const uint8_t[::1] data, Py_ssize_t start, Py_ssize_t end, Row[::1] rows, Py_ssize_t filled,
    bint big, const Interface[::1] interfaces, int64_t ts, uint32_t largest, int source,
):
    """Parse packets of a pcapng section; otherwise like ``scan_pcap``. ``ts``: time of the preceding packet, for
    packets without a time; ``largest``: size limit of a block in bytes. Unknown blocks are skipped. For ``ASIDE`` the
    last number is the size of the block, which is complete; for a section header it is 0, since its own byte order
    decides.
    """
    cdef Py_ssize_t at = start, need = 12
    cdef uint32_t kind, size, padded
    cdef int why = _MORE, fault
    cdef bint swap = big != MACHINE_IS_BIG
    check(data, start, end, rows, filled)
    with nogil:
        while at + 12 <= end:
            kind = u32(data, at, swap)
            if kind == SECTION:
                why, need = _ASIDE, 0
                break
            size = u32(data, at + 4, swap)
            if size < 12 or size > largest:
                why, need = _BROKEN, _BLOCK_LENGTH
                break
            padded = (size + 3) & ~<uint32_t>3  # some writers exclude the padding from the length
            if at + padded > end:
                need = padded
                break
            if u32(data, at + padded - 4, swap) != size:
                why, need = _BROKEN, _TRAILER
                break
            if kind == DESCRIPTION or kind == STATISTICS:
                why, need = _ASIDE, padded
                break
            if kind == ENHANCED_PACKET or kind == SIMPLE_PACKET or kind == OLD_PACKET:
                if filled == rows.shape[0]:
                    why, need = _FULL, 0
                    break
                fault = packet(data, at, kind, size, &rows[filled], swap, interfaces, ts, source)
                if fault:
                    why, need = _BROKEN, fault
                    break
                ts = rows[filled].ts
                filled += 1
            at += padded
    return filled, at, why, need


def gather(
    const uint8_t[::1] data, const Row[::1] rows, const int64_t[::1] picks, const int64_t[::1] places,
    const int64_t[::1] frames,
    uint8_t[::1] out, Row[::1] out_rows,
):
    """Copy ``rows[picks[i]]`` to ``out_rows[places[i]]`` and its frame to ``out`` at ``frames[i]``. Raises IndexError
    for any position outside the arrays.
    """
    cdef Py_ssize_t i, n = picks.shape[0]
    cdef int64_t pick, place, frame
    cdef Row* row
    if places.shape[0] != n or frames.shape[0] != n:
        raise ValueError(f"columns of {n}, {places.shape[0]} and {frames.shape[0]} rows")
    with nogil:
        for i in range(n):
            pick, place, frame = picks[i], places[i], frames[i]
            row = &out_rows[place]
            memcpy(row, &rows[pick], sizeof(Row))
            if row.caplen:
                inside(data, row.frame, row.caplen)
                inside(out, frame, row.caplen)
                memcpy(&out[frame], &data[row.frame], row.caplen)
            row.frame = frame


def sums(const Row[::1] rows):
    """(bytes captured, bytes on the wire, truncated frames, rows with the link type of the first) of a batch."""
    cdef Py_ssize_t i
    cdef uint64_t captured = 0, wire = 0
    cdef int64_t truncated = 0, same = 0
    with nogil:
        for i in range(rows.shape[0]):
            captured += rows[i].caplen
            wire += rows[i].wirelen
            truncated += rows[i].caplen < rows[i].wirelen
            same += rows[i].link == rows[0].link
    return captured, wire, truncated, same
