# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Native TLS over TCP (RFC 8446, RFC 5246): records and handshake messages as in ``sensor.dissectors.tls``, the
reference. Hellos are passed to it without the parts that differ between connections (``tls_hello``), certificates
unchanged, so that it can cache results.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memmove

from sensor.core.row cimport CUT
from sensor.native.kinds cimport (
    PUNTED_TLS_CERTIFICATE_BODY, PUNTED_TLS_OLD_HELLO, TLS_CERTIFICATE_BODY_DATA, TLS_CERTIFICATE_BODY_FROM_CLIENT,
    TLS_CERTIFICATE_BODY_REMOTE_DESKTOP, TLS_CERTIFICATE_BODY_SLOTS,
    TLS_HEARTBEAT, TLS_HEARTBEAT_CLAIMED, TLS_HEARTBEAT_FROM_CLIENT, TLS_HEARTBEAT_REQUEST, TLS_HEARTBEAT_SIZE,
    TLS_HEARTBEAT_SLOTS,
    TLS_OLD_HELLO_BODY, TLS_OLD_HELLO_SLOTS,
)
from sensor.native.kept cimport BROKEN, FOLLOW, GOES_ON, NEVER, HeldBytes, Stream, forget, keep, malformed
from sensor.native.out cimport message, punted, put, reserve
from sensor.native.stream cimport native_stream
from sensor.native.tls_hello cimport (
    HELLO_BROKEN, HELLO_NAMED, HELLO_NEWEST, HELLO_RETRY, copy_session, write_client_hello, write_server_hello,
)

cdef enum:
    CHANGE_CIPHER = 20
    ALERT = 21
    HANDSHAKE = 22
    HEARTBEAT = 24
    CLIENT_HELLO = 1
    SERVER_HELLO = 2
    CERTIFICATE = 11
    CLIENT_KEY = 16
    RECORD_HEAD = 5
    MESSAGE_HEAD = 4
    RECORD_LIMIT = 16384 + 2048
    MESSAGE_LIMIT = 65536
    CERTIFICATE_LIMIT = 16384
    BEAT_HEAD = 3          # bytes of a heartbeat's type and length
    OLD_HEAD = 11          # bytes of the header of a hello in SSL 2.0 format
    REMOTE_DESKTOP = 3389

cdef struct Direction:
    HeldBytes message           # unread handshake messages; a hello in SSL 2.0 format
    uint8_t[5] head        # record header
    uint32_t head_size
    uint8_t[3] beat
    uint32_t beat_size
    uint32_t size          # of the record
    uint32_t left          # bytes of it not yet received
    uint8_t kind
    bint old               # the next bytes have SSL 2.0 format
    bint greeted           # a hello was read
    bint retried           # the server will send another one
    bint over              # no more data is wanted
    bint torn              # bytes are missing: the start of the next handshake message is unknown

cdef struct Connection:
    Direction[2] directions
    uint8_t[33] session    # that the client offered, after its size


cdef int feed(Stream* s, const uint8_t* data, uint32_t size, int way) except -1 nogil:
    cdef Connection* both = <Connection*>s.state
    if way and not s.others:
        s.others = FOLLOW
    if records(s, &both.directions[way], data, size, way) == BROKEN:
        return BROKEN
    if s.row.problem & CUT:
        truncated(s, &both.directions[way])
    if both.directions[0].over and not both.directions[0].greeted:
        s.others = NEVER
    s.done = both.directions[0].over and both.directions[1].over
    return GOES_ON


cdef int truncated(Stream* s, Direction* direction) except -1 nogil:
    """Pass on a first hello that the capture truncated; the rest of it is dropped."""
    cdef HeldBytes* begun = &direction.message
    cdef uint64_t* fields
    if direction.greeted or direction.over or direction.old or begun.size < MESSAGE_HEAD:
        return 0
    if begun.data[0] == CLIENT_HELLO:
        direction.greeted = True
        reserve(s.out)
        fields = punted(s.out, PUNTED_TLS_OLD_HELLO, TLS_OLD_HELLO_SLOTS)
        fields[TLS_OLD_HELLO_BODY] = put(s.out, begun.data, begun.size)
        forget(s, begun)
    return 0


cdef int records(Stream* s, Direction* direction, const uint8_t* data, uint32_t size, int way) except -1 nogil:
    """Parse records, split at any position."""
    cdef uint32_t at = 0, some
    while at < size and not direction.over:
        if direction.left == 0:
            if direction.old or (
                not direction.greeted
                and (direction.head[0] if direction.head_size else data[at]) & 0x80
            ):
                return old(s, direction, data + at, size - at)
            if head(s, direction, data, size, &at) == BROKEN:
                return BROKEN
            continue
        some = min(direction.left, size - at)
        if direction.kind == HANDSHAKE and not direction.torn:
            keep(s, &direction.message, data + at, some)
        elif direction.kind == HEARTBEAT and direction.beat_size < BEAT_HEAD:
            beat(s, direction, data + at, some, way)
        direction.left -= some
        at += some
        if complete(s, direction, way) == BROKEN:
            return BROKEN
    return GOES_ON


cdef int head(Stream* s, Direction* direction, const uint8_t* data, uint32_t size, uint32_t* at) except -1 nogil:
    """Add bytes to a record's header."""
    cdef uint8_t kind
    while direction.head_size < RECORD_HEAD and at[0] < size:
        direction.head[direction.head_size] = data[at[0]]
        direction.head_size += 1
        at[0] += 1
    kind = direction.head[0]
    if (
        not (kind == HANDSHAKE or kind == ALERT or kind == HEARTBEAT or (direction.retried and kind == CHANGE_CIPHER))
        or (direction.head_size > 1 and direction.head[1] != 3)
    ):
        if direction.greeted and not CHANGE_CIPHER <= kind <= HEARTBEAT:
            return malformed(s.out, b"record of an unknown type")
        direction.over = True  # encrypted from here on, or not TLS
    elif direction.head_size == RECORD_HEAD:
        direction.kind, direction.head_size, direction.beat_size = kind, 0, 0
        direction.size = direction.left = <uint32_t>direction.head[3] << 8 | direction.head[4]
        if direction.left > RECORD_LIMIT:
            return malformed(s.out, b"record too long")
    return GOES_ON


cdef int beat(Stream* s, Direction* direction, const uint8_t* data, uint32_t size, int way) except -1 nogil:
    """Write an unencrypted heartbeat, from its sizes."""
    cdef uint64_t* fields
    cdef uint32_t at = 0
    while direction.beat_size < BEAT_HEAD and at < size:
        direction.beat[direction.beat_size] = data[at]
        direction.beat_size += 1
        at += 1
    if direction.beat_size == BEAT_HEAD:
        reserve(s.out)
        fields = message(s.out, TLS_HEARTBEAT, TLS_HEARTBEAT_SLOTS)
        fields[TLS_HEARTBEAT_FROM_CLIENT], fields[TLS_HEARTBEAT_REQUEST] = way == 0, direction.beat[0] == 1
        fields[TLS_HEARTBEAT_CLAIMED] = <uint32_t>direction.beat[1] << 8 | direction.beat[2]
        fields[TLS_HEARTBEAT_SIZE] = direction.size
    return 0


cdef int old(Stream* s, Direction* direction, const uint8_t* data, uint32_t size) except -1 nogil:
    """Read a complete hello in SSL 2.0 format; other data that begins like it is ignored."""
    cdef const uint8_t* raw
    cdef uint64_t* fields
    direction.old = True
    keep(s, &direction.message, data, size)
    raw, size = direction.message.data, direction.message.size
    if size > 2 and raw[2] != CLIENT_HELLO:
        direction.over = True
    elif size >= OLD_HEAD and size >= 2 + (<uint32_t>(raw[0] & 0x7F) << 8 | raw[1]):
        direction.over = direction.greeted = True
        reserve(s.out)
        fields = punted(s.out, PUNTED_TLS_OLD_HELLO, TLS_OLD_HELLO_SLOTS)
        fields[TLS_OLD_HELLO_BODY] = put(s.out, raw, size)
    elif size > RECORD_LIMIT:
        direction.over = True
    return GOES_ON


cdef int complete(Stream* s, Direction* direction, int way) except -1 nogil:
    """Read the complete messages; of a certificate message only the first certificate."""
    cdef uint32_t at = 0, size, left
    cdef const uint8_t* raw
    cdef uint8_t kind
    cdef int result = GOES_ON
    while direction.message.size - at >= MESSAGE_HEAD and not direction.over and result == GOES_ON:
        raw, left = direction.message.data + at, direction.message.size - at
        kind, size = raw[0], <uint32_t>raw[1] << 16 | <uint32_t>raw[2] << 8 | raw[3]
        if (
            kind == CLIENT_KEY
            or (kind != CLIENT_HELLO and kind != SERVER_HELLO and kind != CERTIFICATE and not direction.greeted)
        ):
            direction.over = True  # captured from the middle, it may already be encrypted
            break
        if size > MESSAGE_LIMIT:
            return malformed(s.out, b"message too long")
        if kind == CERTIFICATE:
            result = certificate(s, direction, raw, left, size, way)
            break
        if left < MESSAGE_HEAD + size:
            break
        at += MESSAGE_HEAD + size
        result = hello(s, direction, kind, raw + MESSAGE_HEAD, size)
    if direction.over:
        forget(s, &direction.message)
    elif at:
        direction.message.size -= at
        memmove(direction.message.data, direction.message.data + at, direction.message.size)
    return result


cdef int hello(Stream* s, Direction* direction, uint8_t kind, const uint8_t* body, uint32_t size) except -1 nogil:
    cdef Connection* both = <Connection*>s.state
    cdef int found
    if kind == SERVER_HELLO:
        direction.greeted = True
        found = write_server_hello(s.out, body, size, both.session)
        direction.retried = found == HELLO_RETRY
        if found == HELLO_NEWEST:
            direction.over = True
        return BROKEN if found == HELLO_BROKEN else GOES_ON
    if kind == CLIENT_HELLO and not direction.greeted:
        direction.greeted = True
        copy_session(body, size, both.session)
        found = write_client_hello(s.out, body, size)
        if found == HELLO_NAMED:
            s.others = NEVER
        return BROKEN if found == HELLO_BROKEN else GOES_ON
    return GOES_ON


cdef int certificate(
    Stream* s, Direction* direction, const uint8_t* raw, uint32_t left, uint32_t size, int way
) except -1 nogil:
    """The first certificate of a list, as soon as it is complete (RFC 5246, 7.4.2)."""
    cdef uint64_t* fields
    cdef uint32_t length
    if size < 6:
        direction.over = True
        return GOES_ON
    if left < 10:
        return GOES_ON
    length = <uint32_t>raw[7] << 16 | <uint32_t>raw[8] << 8 | raw[9]
    if length > min(size - 6, <uint32_t>CERTIFICATE_LIMIT):
        return malformed(s.out, b"certificate longer than its message")
    if left >= 10 + length:
        direction.over = True
        if length:
            reserve(s.out)
            fields = punted(s.out, PUNTED_TLS_CERTIFICATE_BODY, TLS_CERTIFICATE_BODY_SLOTS)
            fields[TLS_CERTIFICATE_BODY_FROM_CLIENT] = way == 0
            fields[TLS_CERTIFICATE_BODY_REMOTE_DESKTOP] = s.row.sport == REMOTE_DESKTOP
            fields[TLS_CERTIFICATE_BODY_DATA] = put(s.out, raw + 10, length)
    return GOES_ON


cdef int gap(Stream* s, int64_t missing, int way) except -1 nogil:
    """Bytes are missing: parsing continues if all of them belong to the current record."""
    cdef Connection* both = <Connection*>s.state
    cdef Direction* direction = &both.directions[way]
    if missing > direction.left:
        direction.over = True
    direction.left, direction.torn = <uint32_t>max(<int64_t>direction.left - missing, <int64_t>0), True
    forget(s, &direction.message)
    s.done = both.directions[0].over and both.directions[1].over
    return GOES_ON


cdef int finish(Stream* s) except -1 nogil:
    return GOES_ON


cdef int release(Stream* s) except -1 nogil:
    cdef Connection* both = <Connection*>s.state
    forget(s, &both.directions[0].message)
    return forget(s, &both.directions[1].message)


UNIT = native_stream(feed, gap, finish, release, sizeof(Connection))
