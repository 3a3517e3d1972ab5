# Openings in pieces: the first bytes of one direction of a flow, put together if tiny or reordered segments split the
# beginning of the stream. The segments wait until a dissector recognizes it.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from sensor.core.row cimport SYN, Row

cdef enum:
    PLACES = 256       # directions at the same time; a new one overwrites an older one
    PLACES_SHIFT = 56
    PREFIX = 32        # bytes that are put together
    MOST_PIECES = 16   # pieces of an opening; with more, its protocol is unknown
    PER_SECOND = 4096  # pieces that may wait in a second of packet time, of all flows together
    UNKNOWN = 0xFFFF   # Row.spare: this many bytes before the row are missing, or more

cdef struct Opening:
    uint64_t key       # flow and direction; 0: free
    uint32_t first     # sequence number of the first byte
    uint32_t have      # a bit for each byte that has arrived
    int pieces
    uint8_t[PREFIX] data

cdef struct Openings:
    Opening[PLACES] all
    uint32_t second    # of packet time
    uint32_t taken     # number in this second


cdef inline uint64_t opening_key(const Row* row) noexcept nogil:  # arithmetic only
    return row.flow << 1 | (row.direction & 1)


cdef inline Opening* opening_of(Openings* openings, const Row* row) noexcept nogil:  # the place lies in the table
    """The opening of a row's direction; NULL if there is none."""
    cdef uint64_t key = opening_key(row)
    cdef Opening* place = &openings.all[key * <uint64_t>0x9E3779B97F4A7C15 >> PLACES_SHIFT]
    return place if place.key == key else NULL


cdef inline Opening* begin_opening(Openings* openings, const Row* row) noexcept nogil:  # the place lies in the table
    """Start an opening whose first piece is this row."""
    cdef uint64_t key = opening_key(row)
    cdef Opening* place = &openings.all[key * <uint64_t>0x9E3779B97F4A7C15 >> PLACES_SHIFT]
    memset(place, 0, sizeof(Opening))
    place.key = key
    place.first = row.seq + (row.tcp_flags & SYN != 0) - (row.spare if row.spare != UNKNOWN else 0)
    return place


# bounded by PREFIX and payload_len
cdef inline uint32_t put_piece(Opening* opening, const Row* row, const uint8_t* payload) noexcept nogil:
    """Store the bytes of a row at their place; returns the number of leading bytes without a gap."""
    cdef int64_t at = <int32_t>(row.seq + (row.tcp_flags & SYN != 0) - opening.first)
    cdef uint32_t size = 0
    cdef int64_t i
    for i in range(max(-at, 0), min(<int64_t>row.payload_len, PREFIX - at)):
        opening.data[at + i] = payload[i]
        opening.have |= <uint32_t>1 << (at + i)
    opening.pieces += 1
    while size < PREFIX and opening.have >> size & 1:
        size += 1
    return size


cdef inline bint may_wait(Openings* openings, const Opening* opening, int64_t ts) noexcept nogil:  # counts only
    """Whether the latest piece of an opening may wait for the next one."""
    cdef uint32_t second = <uint32_t>(ts // 1_000_000_000)
    if openings.second != second:
        openings.second, openings.taken = second, 0
    openings.taken += 1
    return opening.pieces <= MOST_PIECES and openings.taken <= PER_SECOND
