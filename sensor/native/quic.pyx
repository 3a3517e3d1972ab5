# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Native QUIC (RFC 9000, RFC 9001): the client's Initial packets; ``sensor.dissectors.quic`` is the reference. Parts of
a hello are kept until it is complete, for OPEN_LIMIT connections. Malformed datagrams are left to the reference.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcmp, memcpy, memmove

from sensor.core.row cimport Row
from sensor.dissectors.quic import FRAMES_LIMIT as _FRAMES
from sensor.dissectors.quic import HELLO_LIMIT as _HELLO
from sensor.dissectors.quic import OPEN_LIMIT as _OPEN
from sensor.dissectors.quic import PACKETS_LIMIT as _PACKETS
from sensor.dissectors.quic import VERSIONS
from sensor.native.kinds cimport (
    PUNTED_QUIC_CLIENT_HELLO_BODY, QUIC_CLIENT_HELLO_BODY_BODY, QUIC_CLIENT_HELLO_BODY_SLOTS,
    QUIC_CLIENT_HELLO_BODY_VERSION,
)
from sensor.native.out cimport PUNT, TAKEN, Out, punted
from sensor.native.quic_packet cimport (
    DATAGRAM_LIMIT, ID_LIMIT, Header, Keys, decrypted, derive, is_initial, read_header, varint, version_of,
)
from sensor.native.read cimport Bytes, take
from sensor.native.text cimport Word, word
from sensor.native.tls_hello cimport stripped
from sensor.native.unit cimport State, native_with_state

cdef enum:
    OPEN_LIMIT = 256
    PACKETS_LIMIT = 4
    FRAMES_LIMIT = 256
    HELLO_HEAD = 4
    HELLO_LIMIT = 16384
    CLIENT_HELLO = 1
    PADDING = 0
    PING = 1
    ACK = 2
    ACK_ECN = 3
    CRYPTO = 6
    CLOSE = 0x1C

cdef struct Frame:         # a part of the stream, in the plaintext
    uint64_t offset
    uint32_t at
    uint32_t size

cdef struct Pieces:
    uint8_t[ID_LIMIT] id
    uint32_t id_size
    bint reported          # its hello was read, nothing more is kept
    uint8_t* data          # of overlapping parts the last
    uint32_t room
    uint32_t count
    uint32_t[FRAMES_LIMIT] spans  # the known parts, as start << 16 | stop, sorted

cdef struct Connections:
    uint64_t clock
    uint64_t[OPEN_LIMIT] used  # when by the clock; 0: never
    Pieces[OPEN_LIMIT] pieces
    Keys keys              # of the last connection
    uint32_t found         # frames of the datagram
    Frame[PACKETS_LIMIT * FRAMES_LIMIT] frames
    uint8_t[DATAGRAM_LIMIT] known
    uint8_t[DATAGRAM_LIMIT] plain

NAMES = [version.name.encode() for version in VERSIONS.values()]
cdef Word[4] names
for _at, _name in enumerate(NAMES):
    names[<int>_at] = <bytes>_name
if (_FRAMES, _HELLO, _OPEN, _PACKETS) != (FRAMES_LIMIT, HELLO_LIMIT, OPEN_LIMIT, PACKETS_LIMIT):
    raise ValueError("constants of the reference have changed")


cdef int dissect(const uint8_t* payload, uint32_t size, const Row* row, Out* out) except -1 nogil:
    cdef Connections* all = <Connections*>out.state
    cdef Header header
    cdef Pieces* pieces
    cdef int version = version_of(payload, size)
    if version < 0 or row.direction:
        return TAKEN
    if size > DATAGRAM_LIMIT or not read_header(payload, size, 0, &header):
        return PUNT
    pieces = find(all, &header)
    if pieces != NULL and pieces.reported:
        return TAKEN
    if gather(all, payload, size, version, &header) == PUNT:
        return PUNT
    if pieces == NULL and is_any_kept(all):
        pieces = opened(all, &header)
    return keep(all, pieces, version, out) if pieces != NULL else TAKEN


cdef Pieces* find(Connections* all, const Header* header) noexcept nogil:  # compares sizes first
    """The connection to an id; NULL if it is not known."""
    cdef Pieces* pieces
    cdef int i
    for i in range(OPEN_LIMIT):
        pieces = &all.pieces[i]
        if (
            all.used[i] and pieces.id_size == header.destination_size
            and memcmp(pieces.id, header.destination, pieces.id_size) == 0
        ):
            all.clock += 1
            all.used[i] = all.clock
            return pieces
    return NULL


cdef Pieces* opened(Connections* all, const Header* header) noexcept nogil:  # the size of the id was checked
    """A new connection, in place of the one used longest ago."""
    cdef int i, oldest = 0
    cdef Pieces* pieces
    for i in range(1, OPEN_LIMIT):
        if all.used[i] < all.used[oldest]:
            oldest = i
    pieces = &all.pieces[oldest]
    forget(pieces)
    pieces.reported, pieces.id_size = False, header.destination_size
    memcpy(pieces.id, header.destination, pieces.id_size)
    all.clock += 1
    all.used[oldest] = all.clock
    return pieces


cdef int forget(Pieces* pieces) noexcept nogil:  # frees what it owns
    free(pieces.data)
    pieces.data, pieces.room, pieces.count = NULL, 0, 0
    return 0


cdef int gather(
    Connections* all, const uint8_t* data, uint32_t size, int version, const Header* first
) except -1 nogil:
    """Decrypt the Initial packets at the start of a datagram, up to one with other keys. PUNT if one is malformed."""
    cdef Header header = first[0]
    cdef uint32_t at = 0, packet, used = 0, length = 0
    all.found = 0
    derive(&all.keys, version, &header)
    for packet in range(PACKETS_LIMIT):
        if packet:
            if not is_initial(data, size, at, version):
                return TAKEN
            if not read_header(data, size, at, &header):
                return PUNT
        if (
            header.destination_size != first.destination_size
            or memcmp(header.destination, first.destination, first.destination_size) != 0
            or not decrypted(&all.keys, data, at, &header, all.known, all.plain + used, &length)
        ):
            return TAKEN
        if not crypto_frames(all, used, used + length):
            return PUNT
        used += length
        at = header.stop
    return TAKEN


cdef bint crypto_frames(Connections* all, uint32_t start, uint32_t stop) noexcept nogil:  # reads are checked
    """The CRYPTO frames of a packet (RFC 9000, 17.2.2 and 19). False if it is malformed."""
    cdef Bytes b
    cdef uint64_t kind, count
    cdef int frame
    b.data, b.at, b.end, b.bad = all.plain, start, stop, False
    for frame in range(FRAMES_LIMIT):
        while b.at < b.end and b.data[b.at] == PADDING:
            b.at += 1
        if b.at == b.end:
            return True
        kind = varint(&b)
        if kind == CLOSE:
            return not b.bad
        if kind == CRYPTO:
            all.frames[all.found].offset = varint(&b)
            count = varint(&b)
            if b.bad or count > b.end - b.at:
                return False
            all.frames[all.found].at, all.frames[all.found].size = b.at, <uint32_t>count
            take(&b, <uint32_t>count)
            all.found += 1
        elif kind == ACK or kind == ACK_ECN:
            if not skip_ack(&b, kind == ACK_ECN):
                return False
        elif kind != PING:
            return False
        if b.bad:
            return False
    return False


cdef bint skip_ack(Bytes* b, bint counts) noexcept nogil:  # reads are checked
    """RFC 9000, 19.3. False if it is malformed."""
    cdef uint64_t ranges, i
    varint(b)
    varint(b)
    ranges = varint(b)
    if b.bad or ranges > FRAMES_LIMIT:
        return False
    for i in range(1 + 2 * ranges + 3 * counts):
        varint(b)
    return not b.bad


cdef inline bint is_kept(const Frame* frame) noexcept nogil:  # arithmetic only
    return frame.size > 0 and frame.offset <= HELLO_LIMIT and frame.offset + frame.size <= HELLO_LIMIT


cdef bint is_any_kept(const Connections* all) noexcept nogil:  # reads what was counted
    cdef uint32_t i
    for i in range(all.found):
        if is_kept(&all.frames[i]):
            return True
    return False


cdef int keep(Connections* all, Pieces* pieces, int version, Out* out) except -1 nogil:
    """Add the frames of a datagram, and write the hello if it is complete. PUNT if it is none."""
    cdef uint32_t i, known = 0, size
    cdef const Frame* frame
    cdef uint64_t body = 0
    cdef uint64_t* fields
    for i in range(all.found):
        frame = &all.frames[i]
        if is_kept(frame) and pieces.count < FRAMES_LIMIT:
            add(pieces, <uint32_t>frame.offset, all.plain + frame.at, frame.size)
    for i in range(pieces.count):
        if pieces.spans[i] >> 16 > known:
            break
        known = max(known, pieces.spans[i] & 0xFFFF)
    if known < HELLO_HEAD:
        return TAKEN
    size = HELLO_HEAD + (<uint32_t>pieces.data[1] << 16 | <uint32_t>pieces.data[2] << 8 | pieces.data[3])
    if pieces.data[0] == CLIENT_HELLO and known < size <= HELLO_LIMIT:
        return TAKEN
    pieces.reported = True
    if pieces.data[0] != CLIENT_HELLO or size > HELLO_LIMIT:
        forget(pieces)
        return PUNT
    stripped(out, pieces.data + HELLO_HEAD, size - HELLO_HEAD, &body)
    forget(pieces)
    fields = punted(out, PUNTED_QUIC_CLIENT_HELLO_BODY, QUIC_CLIENT_HELLO_BODY_SLOTS)
    fields[QUIC_CLIENT_HELLO_BODY_VERSION] = word(out, names[version])
    fields[QUIC_CLIENT_HELLO_BODY_BODY] = body
    return TAKEN


cdef int add(Pieces* pieces, uint32_t start, const uint8_t* data, uint32_t size) except -1 nogil:
    """Add a part. The caller has checked the limits."""
    cdef uint32_t stop = start + size, at = pieces.count, span = start << 16 | stop
    cdef uint8_t* larger
    if stop > pieces.room:
        larger = <uint8_t*>realloc(pieces.data, stop)
        if larger == NULL:
            with gil:
                raise MemoryError(f"{stop} bytes of a hello")
        pieces.data, pieces.room = larger, stop
    memcpy(pieces.data + start, data, size)
    while at and pieces.spans[at - 1] > span:
        at -= 1
    if at == 0 or pieces.spans[at - 1] != span:
        memmove(&pieces.spans[at + 1], &pieces.spans[at], (pieces.count - at) * sizeof(uint32_t))
        pieces.spans[at] = span
        pieces.count += 1
    return 0


cdef int release(State state) except -1 nogil:
    cdef int i
    for i in range(OPEN_LIMIT):
        forget(&(<Connections*>state).pieces[i])
    return 0


UNIT = native_with_state(dissect, release, sizeof(Connections))
