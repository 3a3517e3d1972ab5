# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Native SSH over TCP (RFC 4253): sizes of the login and of forwarded channels as in ``sensor.dissectors.ssh``, the
reference, which explains them. Version lines and offers are passed to it.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp, memmove

from sensor.core.row cimport cut_off
from sensor.dissectors import ssh
from sensor.native.kept cimport (
    BROKEN, GOES_ON, Copy, HeldBytes, Stream, about, copied, discard, forget, keep, malformed,
)
from sensor.native.kinds cimport (
    PUNTED_SSH_OFFER, PUNTED_SSH_VERSION_LINE, SSH_FORWARDING, SSH_FORWARDING_CHANNELS, SSH_FORWARDING_SLOTS, SSH_LOGIN,
    SSH_LOGIN_ACCEPTED, SSH_LOGIN_CERTAIN, SSH_LOGIN_SLOTS, SSH_OFFER_BODY, SSH_OFFER_FROM_CLIENT, SSH_OFFER_SLOTS,
    SSH_VERSION_LINE_FROM_CLIENT, SSH_VERSION_LINE_LINE, SSH_VERSION_LINE_SLOTS,
)
from sensor.native.out cimport message, punted, put, reserve
from sensor.native.read cimport Bytes, take, u32
from sensor.native.stream cimport native_stream

cdef enum:
    KEXINIT = 20
    COOKIE = 16            # bytes before the lists of a KEXINIT
    LISTS = 10
    HEAD = 6               # bytes of a packet up to its message type
    NEW_KEYS_START = 6     # bytes of the last cleartext packet before its padding
    # Results of a login. UNCERTAIN: rejected, unless it was a short key.
    UNKNOWN = 0
    REJECTED = 1
    UNCERTAIN = 2
    ACCEPTED = 3

cdef uint32_t LINE_LIMIT = ssh.LINE_LIMIT, LINES_LIMIT = ssh.LINES_LIMIT, PACKET_LIMIT = ssh.PACKET_LIMIT
cdef uint32_t NEW_KEYS_SIZE = ssh.NEW_KEYS_SIZE
cdef int64_t SHORTER = ssh.SHORTER, PASSWORD_MOST = ssh.PASSWORD_MOST, PADDED_MOST = ssh.PADDED_MOST
cdef int64_t OPENING_LEAST = ssh.OPENING_LEAST, OPENING_MOST = ssh.OPENING_MOST, SILENCE = ssh.SILENCE
cdef int ANSWERS_LIMIT = ssh.ANSWERS_LIMIT, CHANNELS = ssh.CHANNELS, FOLLOWED_LIMIT = ssh.FOLLOWED_LIMIT

cdef struct Direction:
    HeldBytes kept         # unread bytes; of a client that logs in: the last ones before its last cleartext packet
    uint32_t lines
    bint named, passed, over

cdef struct Login:
    # Sizes: of the service request, its acceptance, a failure, the last request, and its response so far.
    int64_t service, accept, refusal, request, answer
    int64_t exchanged      # bytes before the last cleartext packet
    int answers
    bint keys              # the last cleartext packet of the client was found
    bint decided, server_sends, over
    Copy* packet           # of the server, if the response has the size of a result only with it

cdef struct Forwards:
    int64_t opening, confirmed, size, ts
    int count, followed
    bint server_sent

cdef struct Connection:
    Direction[2] directions
    Login login
    Forwards forwards
    bint logged_in
    bint cut               # the last segment was truncated: its gap comes next


cdef int feed(Stream* s, const uint8_t* data, uint32_t size, int way) except -1 nogil:
    cdef Connection* both = <Connection*>s.state
    both.cut = cut_off(s.row) > 0
    if both.logged_in:
        return follow(s, &both.forwards, both.login.accept, <int64_t>size + cut_off(s.row), way)
    if both.directions[0].passed and both.directions[1].passed:
        return attempt(s, both, sealed(s, both, data, size) if way == 0 else size, way)
    return opening(s, both, &both.directions[way], data, size, way)


# Before the login.

cdef int opening(
    Stream* s, Connection* both, Direction* direction, const uint8_t* data, uint32_t size, int way
) except -1 nogil:
    """Read the version line and the offer."""
    cdef uint32_t at = 0
    cdef int result = GOES_ON
    if not direction.over:
        keep(s, &direction.kept, data, size)
        lines(s, direction, &at, way)
        if direction.named:
            result = messages(s, direction, &at, way)
        drop(&direction.kept, at)
    look(s, both)
    return result


cdef int drop(HeldBytes* kept, uint32_t size) except -1 nogil:
    """Remove the first bytes."""
    kept.size -= size
    if size:
        memmove(kept.data, kept.data + size, kept.size)
    return 0


cdef int look(Stream* s, Connection* both) except -1 nogil:
    """Done if both sides are parsed and the login cannot be followed."""
    cdef Direction* client = &both.directions[0]
    cdef Direction* server = &both.directions[1]
    if client.over:
        forget(s, &client.kept)
    if server.over:
        forget(s, &server.kept)
    s.done = client.over and server.over and not (client.passed and server.passed)
    return 0


cdef int lines(Stream* s, Direction* direction, uint32_t* at, int way) except -1 nogil:
    """Read lines up to the version line; ``at``: number of bytes that were read."""
    cdef const uint8_t* line
    cdef const uint8_t* end
    cdef uint32_t size
    cdef uint64_t* fields
    while at[0] < direction.kept.size and not direction.named and not direction.over:
        line, size = direction.kept.data + at[0], direction.kept.size - at[0]
        end = <const uint8_t*>memchr(line, 10, min(size, LINE_LIMIT + 1))
        if end == NULL:
            # A server may send other lines before its version, but only text.
            direction.over = size > LINE_LIMIT or (
                memcmp(line, b"SSH-", min(size, <uint32_t>4)) != 0 and not text(line, size)
            )
            break
        size = <uint32_t>(end - line)
        at[0] += size + 1
        direction.lines += 1
        if size >= 4 and memcmp(line, b"SSH-", 4) == 0:
            direction.named, direction.over = True, not followed(line, size)
            reserve(s.out)
            fields = punted(s.out, PUNTED_SSH_VERSION_LINE, SSH_VERSION_LINE_SLOTS)
            fields[SSH_VERSION_LINE_FROM_CLIENT], fields[SSH_VERSION_LINE_LINE] = way == 0, put(s.out, line, size)
        else:
            direction.over = direction.lines == LINES_LIMIT or not text(line, size)
    return 0


cdef bint text(const uint8_t* line, uint32_t size) noexcept nogil:  # reads what the caller checked
    """Whether all bytes are ASCII."""
    cdef uint32_t i
    for i in range(size):
        if line[i] >= 128:
            return False
    return True


cdef bint followed(const uint8_t* line, uint32_t size) noexcept nogil:  # compares sizes first
    """Whether a line has version 2; the number ends with a dash or with the line."""
    cdef uint32_t at
    if size >= 7 and memcmp(line + 4, b"2.0", 3) == 0:
        at = 7
    elif size >= 8 and memcmp(line + 4, b"1.99", 4) == 0:
        at = 8
    else:
        return False
    if at < size and line[at] == 45:
        return True
    while at < size and (line[at] <= 32 or line[at] == 127):
        at += 1
    return at == size


cdef int messages(Stream* s, Direction* direction, uint32_t* at, int way) except -1 nogil:
    """Read packets up to the offer (RFC 4253, 6)."""
    cdef const uint8_t* raw
    cdef uint32_t size
    while direction.kept.size - at[0] >= HEAD and not direction.over:
        raw = direction.kept.data + at[0]
        size = <uint32_t>raw[0] << 24 | <uint32_t>raw[1] << 16 | <uint32_t>raw[2] << 8 | raw[3]
        if not <uint32_t>raw[4] + 2 <= size <= PACKET_LIMIT:
            return malformed(s.out, b"packet of an invalid size")
        if raw[5] not in (KEXINIT, 1, 2, 4):  # disconnect, ignore, debug
            direction.over = True
        elif direction.kept.size - at[0] < 4 + size:
            break
        else:
            at[0] += 4 + size
            if raw[5] == KEXINIT:
                direction.passed = direction.over = True
                size -= raw[4] + 2
                return offer(s, raw + HEAD, size, way) if size else GOES_ON
    return GOES_ON


cdef int offer(Stream* s, const uint8_t* body, uint32_t size, int way) except -1 nogil:
    """Pass on a KEXINIT message whose lists are complete (RFC 4253, 7.1)."""
    cdef Bytes b
    cdef int i
    cdef uint64_t* fields
    b.data, b.at, b.end, b.bad = body, 0, size, False
    take(&b, COOKIE)
    for i in range(LISTS):
        take(&b, u32(&b))
    if b.bad:
        return malformed(s.out, b"field longer than the message")
    reserve(s.out)
    fields = punted(s.out, PUNTED_SSH_OFFER, SSH_OFFER_SLOTS)
    fields[SSH_OFFER_FROM_CLIENT], fields[SSH_OFFER_BODY] = way == 0, put(s.out, body, size)
    return GOES_ON


# The login.

cdef int64_t sealed(Stream* s, Connection* both, const uint8_t* data, uint32_t size) except -1 nogil:
    """Size of the client's data after the last cleartext packet (RFC 4253, 7.3)."""
    cdef Login* login = &both.login
    cdef HeldBytes* kept = &both.directions[0].kept
    cdef uint32_t at = 0
    if login.keys:
        return size
    keep(s, kept, data, size)
    login.exchanged += kept.size
    while at + NEW_KEYS_SIZE <= kept.size:
        if memcmp(kept.data + at, b"\0\0\0\x0c\x0a\x15", NEW_KEYS_START) == 0:
            size = kept.size - at - NEW_KEYS_SIZE
            login.keys, login.over = True, False
            forget(s, kept)
            return size
        at += 1
    drop(kept, at)
    login.over = login.exchanged > PACKET_LIMIT
    return 0


cdef int attempt(Stream* s, Connection* both, int64_t size, int way) except -1 nogil:
    """Process a segment of the login, or the rest of one that the capture truncated."""
    cdef Login* login = &both.login
    cdef int result = requested(login, size) if way == 0 else answered(s, login, size)
    if result != UNKNOWN:
        write_login(s, login, result, way == 0)
    if result == ACCEPTED:
        both.logged_in = True
    else:
        s.done = login.over
    return GOES_ON


cdef int write_login(Stream* s, Login* login, int result, bint earlier) except -1 nogil:
    """``earlier``: the response ended with a packet before the current one."""
    cdef uint64_t* fields
    if earlier:
        about(s.out, login.packet)
    reserve(s.out)
    fields = message(s.out, SSH_LOGIN, SSH_LOGIN_SLOTS)
    fields[SSH_LOGIN_ACCEPTED], fields[SSH_LOGIN_CERTAIN] = result == ACCEPTED, result != UNCERTAIN
    if earlier:
        about(s.out, s.copy)
    return 0


cdef int requested(Login* login, int64_t size) except -1 nogil:
    """The client sends data. Returns the result of the previous response, if it was not known already."""
    cdef int result = settle(login)
    if login.server_sends:
        login.server_sends, login.request = False, 0
    if login.keys:
        login.request += size
    return result


cdef int answered(Stream* s, Login* login, int64_t size) except -1 nogil:
    """The server sends data. Returns the result of its first segment alone."""
    cdef int result
    if not login.request:
        return UNKNOWN
    if login.server_sends:
        login.answer += size
        if not login.decided and login_result(login) != UNKNOWN:
            login.packet = copied(s.memory, login.packet, s.row, s.frame)
        return UNKNOWN
    login.server_sends, login.answer = True, size
    login.answers += 1
    login.over = login.answers >= ANSWERS_LIMIT
    result = login_result(login)
    login.decided = result != UNKNOWN
    return result


cdef int settle(Login* login) except -1 nogil:
    """The response is complete: returns its result."""
    cdef int result
    if not login.server_sends or login.decided or not login.answer:
        return UNKNOWN
    result = login_result(login)
    if result == UNKNOWN and not login.accept:
        login.service, login.accept = login.request, login.answer
    elif result == UNKNOWN and not login.refusal:
        login.refusal = login.answer
    login.decided = True
    return result


cdef int login_result(const Login* login) except -1 nogil:
    """The result that the size of the response shows."""
    cdef int64_t longer = login.request - login.service
    if login.accept and login.answer == login.accept - SHORTER:
        return ACCEPTED
    if login.refusal and login.answer == login.refusal and longer <= PADDED_MOST:
        return REJECTED if longer <= PASSWORD_MOST else UNCERTAIN
    return UNKNOWN


# After the login.

cdef int follow(Stream* s, Forwards* f, int64_t confirmation, int64_t size, int way) except -1 nogil:
    """Process the size of a segment: report the first one on the last of several channels."""
    cdef int64_t opening = f.opening, confirmed = f.confirmed
    cdef uint64_t* fields
    f.opening = f.confirmed = 0
    if way == 0:
        if size == confirmation:
            f.confirmed = opening
    elif confirmed:
        f.count = f.count + 1 if confirmed == f.size else 1
        f.size = confirmed
    elif f.server_sent or s.row.ts - f.ts > SILENCE:
        f.opening = size if OPENING_LEAST <= size - confirmation <= OPENING_MOST else 0
    f.server_sent, f.ts = way != 0, s.row.ts
    f.followed += 1
    s.done = f.count >= CHANNELS or f.followed == FOLLOWED_LIMIT
    if f.count >= CHANNELS:
        reserve(s.out)
        fields = message(s.out, SSH_FORWARDING, SSH_FORWARDING_SLOTS)
        fields[SSH_FORWARDING_CHANNELS] = CHANNELS
    return GOES_ON


cdef int gap(Stream* s, int64_t missing, int way) except -1 nogil:
    """The bytes were cut off the end of this packet, or a segment before it is missing."""
    cdef Connection* both = <Connection*>s.state
    cdef Direction* direction = &both.directions[way]
    cdef Login* login = &both.login
    cdef bint cut = both.cut and not s.done
    both.cut = False
    if both.logged_in:
        return GOES_ON
    if not (both.directions[0].passed and both.directions[1].passed):
        direction.over, direction.passed = True, direction.named
        return look(s, both)
    if cut:
        return attempt(s, both, missing, way)
    # The current exchange is left out. The first ones give the sizes of the others.
    login.request, login.server_sends = 0, False
    s.done = login.over = not login.refusal
    return GOES_ON


cdef int finish(Stream* s) except -1 nogil:
    cdef Login* login = &(<Connection*>s.state).login
    cdef int result = settle(login)
    if result != UNKNOWN:
        write_login(s, login, result, True)
    return GOES_ON


cdef int release(Stream* s) except -1 nogil:
    cdef Connection* both = <Connection*>s.state
    forget(s, &both.directions[0].kept)
    forget(s, &both.directions[1].kept)
    return discard(s.memory, both.login.packet)


UNIT = native_stream(feed, gap, finish, release, sizeof(Connection))
