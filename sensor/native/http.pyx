# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Native HTTP/1.x over TCP (RFC 9110, RFC 9112), with the framing of ``sensor.dissectors.http``, the reference.
Ordinary heads are read here (``http_messages``); unusual heads, and bodies, are left to the reference.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memchr, memcmp, memmove

from sensor.core.row cimport CUT
from sensor.native.http_body cimport (
    NO_BODY, OPEN, Body, begin_body, end_body, missed_body, release_body, take_body,
)
from sensor.native.http_head cimport (
    HEAD_GOOD, HEAD_MANY, IMPOSSIBLE, LENGTH, SERVER, TRANSFER, UNKNOWN, UPGRADE, Head, begins, head_end,
    is_request_line, last_line, length_of, read_head,
)
from sensor.native.http_messages cimport (
    Request, absolute, imitates, request_of, write_request, write_response, write_unfinished,
)
from sensor.native.kept cimport BROKEN, GOES_ON, HeldBytes, Stream, forget, keep, malformed
from sensor.native.stream cimport native_stream

cdef enum:
    HEAD_LIMIT = 32768
    LINE_LIMIT = 8192
    LOST_LIMIT = 16
    WAITING_LIMIT = 2
    LONG_LINE = 4096     # twice what is reported of a value
    LARGE = 1008         # as in ``sensor.dissectors._http_direction``
    LARGE_LIMIT = 4
    PIECE = 128          # bytes of a late piece, as there

cdef int64_t PAUSE = 5_000_000_000, NEVER = 1 << 62

cdef struct Direction:
    HeldBytes kept       # bytes of an incomplete head, or of an incomplete chunk line
    uint32_t searched
    int64_t since        # beginning of the message; NEVER once it was reported as unfinished
    uint32_t large       # number of large payloads of a head
    int lost
    bint silent
    bint begun
    bint cut             # the head before the next gap was truncated, and was read
    Body body

cdef struct Connection:
    Direction[2] directions
    Request request          # the first unanswered request
    int waiting          # number of unanswered requests, at most ASKED_LIMIT
    bint proxy
    bint missed


cdef int feed(Stream* s, const uint8_t* data, uint32_t size, int way) except -1 nogil:
    cdef Direction* direction = &(<Connection*>s.state).directions[way]
    cdef int result
    cdef bint ended
    if direction.kept.size == 0 and direction.body.framing == NO_BODY:
        direction.since = s.row.ts
    direction.large = (direction.large if direction.kept.size else 0) + (size >= LARGE)
    result = take(s, direction, data, size, way)
    if result == GOES_ON and (s.row.problem & CUT or direction.large >= LARGE_LIMIT):
        result = truncated(s, direction, way)
    ended = s.row.ts - direction.since < PAUSE or not incomplete(direction)
    if result == GOES_ON and way == 0 and size <= PIECE and not ended:
        direction.since = NEVER
        write_unfinished(s)
    s.idle[way] = direction.body.framing != NO_BODY and not direction.body.reader
    return result


cdef bint incomplete(const Direction* direction) noexcept nogil:  # compares numbers only
    """Whether more of a message must follow."""
    if direction.body.framing == NO_BODY:
        return direction.kept.size > 0
    return direction.body.framing != OPEN


cdef int take(Stream* s, Direction* direction, const uint8_t* data, uint32_t size, int way) except -1 nogil:
    """Parse the heads and bodies that these bytes complete. After a gap, parsing continues where a message begins with
    a segment.
    """
    cdef uint32_t used = 0
    cdef bint starts
    cdef int result
    if direction.silent or s.done:
        return GOES_ON
    if direction.lost or direction.body.framing == OPEN:
        starts = begins(data, size) or (s.row.problem & CUT and is_request_line(data, size))
        if direction.lost or starts:
            end_body(s, &direction.body, True)
            direction.body.framing = NO_BODY
            if not starts:
                return lose(direction)
            direction.lost = 0
    if direction.kept.size:
        keep(s, &direction.kept, data, size)
        result = messages(s, direction, direction.kept.data, direction.kept.size, way, True, &used)
        direction.kept.size = direction.kept.size - used if used < direction.kept.size else 0
        if direction.kept.size == 0:
            forget(s, &direction.kept)
        elif used:
            memmove(direction.kept.data, direction.kept.data + used, direction.kept.size)
        return result
    result = messages(s, direction, data, size, way, False, &used)
    if used < size:
        keep(s, &direction.kept, data + used, size - used)
    return result


cdef int truncated(Stream* s, Direction* direction, int way) except -1 nogil:
    """Parse the complete and the very long lines of a head whose rest is truncated or not selected; the position of its
    body is unknown.
    """
    cdef HeldBytes* kept = &direction.kept
    cdef uint32_t end = kept.size
    cdef int result = GOES_ON
    if kept.size == 0 or direction.body.framing != NO_BODY or direction.lost or s.done:
        return GOES_ON
    if is_request_line(kept.data, kept.size):
        # the message is completed later
        kept.size = last_line(kept.data, kept.size)
        keep(s, kept, <const uint8_t*><const char*>b" HTTP/1.1", 9)
    else:
        while end and kept.data[end - 1] != 10:
            end -= 1
        end -= end > 0
        if kept.size - end <= LONG_LINE:
            kept.size = end
    if kept.size and begins(kept.data, kept.size):
        keep(s, kept, <const uint8_t*><const char*>b"\n...:", 5)
        result = message(s, direction, kept.data, kept.size, way)
        end_body(s, &direction.body, False)
        direction.body.framing = NO_BODY
        direction.begun = direction.cut = True
    forget(s, kept)
    return lose(direction) if result == GOES_ON else result


cdef int messages(
    Stream* s, Direction* direction, const uint8_t* data, uint32_t size, int way, bint kept, uint32_t* used
) except -1 nogil:
    """Parse the available bytes; ``used``: number of bytes that are no longer needed. ``kept``: some of them were
    inspected before.
    """
    cdef int64_t taken, end
    cdef uint32_t after = 0, since
    while used[0] < size and not s.done:
        if direction.body.framing != NO_BODY:
            taken = take_body(s, &direction.body, data + used[0], size - used[0])
            if taken < 0:
                return BROKEN
            used[0] += <uint32_t>taken
            if direction.body.framing != NO_BODY:
                return GOES_ON
        # empty lines before a message are ignored (RFC 9112, 2.2)
        elif data[used[0]] == 13 or data[used[0]] == 10:
            used[0] += 1
        else:
            since = direction.searched - 3 if kept and direction.searched > 3 else 0
            end = head_end(data + used[0], size - used[0], since, &after)
            if end < 0:
                direction.searched = size - used[0]
                return check_start(s, direction, data + used[0], size - used[0], used)
            direction.searched = 0
            if end > HEAD_LIMIT:
                return malformed(s.out, b"headers too long")
            if not direction.begun and not begins(data + used[0], <uint32_t>end):
                used[0] = size
                return lose(direction)
            direction.begun = True
            if message(s, direction, data + used[0], <uint32_t>end, way) == BROKEN:
                return BROKEN
            used[0] += after
    return GOES_ON


cdef int check_start(
    Stream* s, Direction* direction, const uint8_t* data, uint32_t size, uint32_t* used
) except -1 nogil:
    """Whether bytes without an end of head can still become a head. For a flow captured from its middle, skip up to the
    next message.
    """
    cdef const uint8_t* end
    if size > HEAD_LIMIT:
        return malformed(s.out, b"headers too long")
    end = <const uint8_t*>memchr(data, 10, min(size, <uint32_t>LINE_LIMIT))
    if begins(data, <uint32_t>(end - data)) if end != NULL else size < LINE_LIMIT and 65 <= data[0] <= 90:
        return GOES_ON
    if direction.begun:
        return malformed(s.out, b"no start line")
    used[0] += size
    return lose(direction)


cdef int lose(Direction* direction) except -1 nogil:
    direction.searched = 0
    direction.lost += 1
    direction.silent = direction.lost > LOST_LIMIT
    return GOES_ON


cdef int message(Stream* s, Direction* direction, const uint8_t* data, uint32_t size, int way) except -1 nogil:
    """Parse a head, and start the body that follows it."""
    cdef Connection* both = <Connection*>s.state
    cdef Head head
    cdef int64_t length
    cdef int result = read_head(data, size, &head)
    if result != HEAD_GOOD:
        return malformed(s.out, b"too many headers" if result == HEAD_MANY else b"no start line")
    if not head.request and 100 <= head.status < 200 and head.status != 101:  # the final response is still to come
        return GOES_ON
    length = length_of(&head.fields[LENGTH])
    if length == IMPOSSIBLE:
        return malformed(s.out, b"invalid body length")
    return (
        request(s, both, direction, &head, length, data, size) if head.request
        else response(s, both, direction, &head, length, data, size)
    )


cdef int request(
    Stream* s, Connection* both, Direction* direction, const Head* head, int64_t length, const uint8_t* data,
    uint32_t size,
) except -1 nogil:
    cdef bint connect = head.method.size == 7 and memcmp(head.method.data, b"CONNECT", 7) == 0
    cdef bint has_body = length > 0 or head.fields[TRANSFER].there
    write_request(s, head, length, data, size)
    if connect or absolute(head):
        both.proxy = True
    if both.waiting == 0:
        request_of(s, head, &both.request)
    if both.waiting < WAITING_LIMIT:
        both.waiting += 1
    # what follows may not be HTTP, and the response may not be captured
    if connect or (head.fields[UPGRADE].there and not has_body):
        direction.body.framing, direction.body.left, direction.body.reader = OPEN, UNKNOWN, 0
    elif has_body:
        begin_body(s, &direction.body, head, length, data, size)
    return GOES_ON


cdef int response(
    Stream* s, Connection* both, Direction* direction, Head* head, int64_t length, const uint8_t* data, uint32_t size
) except -1 nogil:
    cdef Request* request = &both.request if both.waiting == 1 else NULL
    cdef bint success = 200 <= head.status < 300, connect = False, bodiless = False, proxy
    if both.waiting < WAITING_LIMIT:
        both.waiting = 0
    if request != NULL:
        connect = request.method_size == 7 and memcmp(request.method, b"CONNECT", 7) == 0
        bodiless = request.method_size == 4 and memcmp(request.method, b"HEAD", 4) == 0
    proxy = both.proxy or (both.missed and request == NULL)
    s.done = head.status == 101 or (success and connect)
    write_response(s, head, length, request, proxy, s.done, data, size)
    if s.done or bodiless or head.status == 204 or head.status == 304 or length == 0:
        return GOES_ON
    direction.body.own = not (proxy or head.forwarded or imitates(s.row, &head.fields[SERVER]))
    return begin_body(s, &direction.body, head, length, data, size)


cdef int gap(Stream* s, int64_t missing, int way) except -1 nogil:
    """Discard the partial message; a gap inside a body is part of it, and so is the gap after a truncated head."""
    cdef Connection* both = <Connection*>s.state
    cdef Direction* direction = &both.directions[way]
    if direction.cut:
        direction.cut = False
        return GOES_ON
    if direction.body.framing != NO_BODY and missed_body(s, &direction.body, missing):
        return GOES_ON
    both.waiting, both.missed = 0, True
    direction.kept.size = 0
    return lose(direction)


cdef int finish(Stream* s) except -1 nogil:
    cdef Connection* both = <Connection*>s.state
    cdef int way
    for way in range(2):
        end_body(s, &both.directions[way].body, True)
        both.directions[way].body.framing = NO_BODY
    return GOES_ON


cdef int release(Stream* s) except -1 nogil:
    cdef Connection* both = <Connection*>s.state
    cdef int way
    for way in range(2):
        forget(s, &both.directions[way].kept)
        release_body(s, &both.directions[way].body)
    return forget(s, &both.request.target)


UNIT = native_stream(feed, gap, finish, release, sizeof(Connection))
