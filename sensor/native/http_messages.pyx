# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Events of ordinary HTTP heads: events and facts. Unusual heads are left to ``sensor.dissectors.http``: those with
credentials, cookies, secrets in a URL, unusual characters, repeated or folded fields.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy, memset

from sensor.core.row cimport Row
from sensor.core.words cimport same
from sensor.dissectors.shared.http_paths import FIRMWARE, PATHS, REQUESTED_PATHS
from sensor.native.http_head cimport (
    ACTION, AGENT, CHALLENGE, COOKIE, CREDENTIALS, HOST, LOCATION, SERVER, TYPE, VIA, Head, Value, holds, stripped,
)
from sensor.native.kinds cimport (
    FACT_HTTP_ASKED, FACT_HTTP_PATH, FACT_HTTP_PROXY, FACT_HTTP_SERVER, FACT_HTTP_USER_AGENT, FACT_HTTP_VIA,
    HTTP_REQUEST, HTTP_REQUEST_ACTION,
    HTTP_REQUEST_CONTENT_TYPE,
    HTTP_REQUEST_FORWARDED, HTTP_REQUEST_HEAD_HEAD, HTTP_REQUEST_HEAD_SLOTS, HTTP_REQUEST_HEADERS, HTTP_REQUEST_HOST,
    HTTP_REQUEST_LENGTH,
    HTTP_REQUEST_METHOD, HTTP_REQUEST_PATH, HTTP_REQUEST_SLOTS, HTTP_REQUEST_USER_AGENT, HTTP_RESPONSE,
    HTTP_RESPONSE_CONTENT_TYPE,
    HTTP_RESPONSE_FORWARDED, HTTP_RESPONSE_HEAD_FOREIGN, HTTP_RESPONSE_HEAD_HEAD, HTTP_RESPONSE_HEAD_METHOD,
    HTTP_RESPONSE_HEAD_PROXY, HTTP_RESPONSE_HEAD_SLOTS,
    HTTP_RESPONSE_HEAD_TARGET, HTTP_RESPONSE_LENGTH, HTTP_RESPONSE_LOCATION, HTTP_RESPONSE_METHOD, HTTP_RESPONSE_PATH,
    HTTP_RESPONSE_SERVER,
    HTTP_RESPONSE_SLOTS, HTTP_RESPONSE_STATUS, HTTP_UNFINISHED, HTTP_UNFINISHED_SLOTS,
    PUNTED_HTTP_REQUEST_HEAD, PUNTED_HTTP_RESPONSE_HEAD,
)
from sensor.native.kept cimport HeldBytes, Stream, keep
from sensor.native.out cimport Out, fact, items, message, punted, put, reserve, span
from sensor.native.read cimport lower, plain

cdef enum:
    BEGINNINGS = 96
    BEGINNING = 32
    TYPE_LIMIT = 128
    HOST_LIMIT = 255
    FACT_LIMIT = 1024
    PROGRAM_LIMIT = 64
    PROXY_LOGIN = 407
    FOREIGN_TTL = 64     # as in ``sensor.dissectors.http``

cdef struct Beginnings:        # beginnings of paths, in lower case
    int count
    uint8_t[96][32] text
    uint32_t[96] size

# Prefixes of words that name secrets: every word that ``masked`` and ``in_query`` of the Python dissector search for
# has one of them.
SECRET_WORDS = ("pw", "pas", "psw", "pin", "sec", "ses", "sid", "sig", "tok", "cre", "key", "aut")

cdef Beginnings OWN, OFTEN_REQUESTED, SECRETS
cdef uint8_t[256] INITIALS


cdef int add(Beginnings* to, words) except -1:
    """Raises ValueError if there are too many, or one is too long."""
    for word in words:
        raw = word.lower().encode("ascii")
        if to.count == BEGINNINGS or len(raw) > BEGINNING:
            raise ValueError(f"beginning of a path {word!r}")
        memcpy(&to.text[to.count][0], <const uint8_t*><const char*>raw, len(raw))
        to.size[to.count] = len(raw)
        to.count += 1
    return 0


OWN.count = OFTEN_REQUESTED.count = SECRETS.count = 0
memset(INITIALS, 0, 256)
for _word in SECRET_WORDS:
    INITIALS[<int>ord(_word[0])] = INITIALS[<int>ord(_word[0].upper())] = 1
add(&SECRETS, SECRET_WORDS)
add(&OWN, PATHS)
add(&OFTEN_REQUESTED, REQUESTED_PATHS)
if FIRMWARE != "firmware/":
    raise ValueError("the fields of HTTP heads have changed")


cdef bint among(const Beginnings* some, const uint8_t* path, uint32_t size) noexcept nogil:  # compares sizes first
    cdef int i
    for i in range(some.count):
        if (
            size >= some.size[i]
            and lower(path[1]) == some.text[i][1]
            and same(path, <const char*>&some.text[i][0], some.size[i])
        ):
            return True
    return False


cdef bint absolute(const Head* head) noexcept nogil:  # compares sizes first
    """Whether a request has an absolute URL: then its server is a proxy."""
    return holds(head.target.data, min(head.target.size, <uint32_t>16), b"://", 3)


cdef bint open_address(const Value* address) noexcept nogil:  # compares sizes first
    """Whether a URL can be reported unmasked: no part of it can be a secret."""
    if not plain(address.data, address.size) or holds(address.data, address.size, b"://", 3):
        return False
    if address.size == 0 or memchr(address.data, 61, address.size) == NULL:
        return True
    return not secret(address)


cdef bint secret(const Value* address) noexcept nogil:  # compares sizes first
    """Whether a URL contains a word that names a secret, a user's password, or a session."""
    cdef uint32_t at
    cdef int i
    for at in range(address.size):
        if INITIALS[address.data[at]]:
            for i in range(SECRETS.count):
                if (
                    address.size - at >= SECRETS.size[i]
                    and same(address.data + at, <const char*>&SECRETS.text[i][0], SECRETS.size[i])
                ):
                    return True
    return False


cdef int request_of(Stream* s, const Head* head, Request* request) except -1 nogil:
    """Keep the parts of a request that its response needs."""
    memcpy(request.method, head.method.data, head.method.size)
    request.method_size, request.target.size = head.method.size, 0
    request.plain = open_address(&head.target)
    return keep(s, &request.target, head.target.data, head.target.size)


cdef bint host_of(const Value* field, Value* host) noexcept nogil:  # compares sizes first
    """The host of a Host field; False if it cannot be reported unmasked."""
    cdef uint32_t i
    cdef uint8_t c
    host.data, host.size = field.data, field.size
    for i in range(field.size):
        c = field.data[i]
        if c == 58 and host.size == field.size:
            host.size = i
        elif not (48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122 or c == 45 or c == 46 or c == 95):
            return False
    return field.size <= HOST_LIMIT


cdef bint type_of(const Value* field, Value* kind) noexcept nogil:  # compares sizes first
    """The media type without its parameters; False if it cannot be reported unmasked."""
    cdef const uint8_t* end = <const uint8_t*>memchr(field.data, 59, field.size) if field.size else NULL
    kind[0] = stripped(field.data, <uint32_t>(end - field.data) if end != NULL else field.size)
    return kind.size <= TYPE_LIMIT and plain(kind.data, kind.size)


cdef uint64_t small(Out* out, const uint8_t* text, uint32_t size) noexcept nogil:  # room was reserved
    """A lower-case copy."""
    cdef uint32_t at = out.text_used, i
    for i in range(size):
        out.text[at + i] = lower(text[i])
    out.text_used += size
    return span(at, size)


cdef int write_request(Stream* s, const Head* head, int64_t length, const uint8_t* data, uint32_t size) except -1 nogil:
    cdef Out* out = s.out
    cdef uint64_t* fields
    cdef Value host, kind, action = head.fields[ACTION]
    cdef const Value* agent = &head.fields[AGENT]
    cdef bint whole
    reserve(out)
    while action.size and action.data[0] == 34:
        action.data, action.size = action.data + 1, action.size - 1
    while action.size and action.data[action.size - 1] == 34:
        action.size -= 1
    whole = host_of(&head.fields[HOST], &host) and host.size + head.target.size <= FACT_LIMIT
    if (
        head.odd or not whole or head.fields[CREDENTIALS].there or head.fields[COOKIE].there
        or not open_address(&head.target)
        or not type_of(&head.fields[TYPE], &kind) or not plain(agent.data, agent.size)
        or not plain(head.fields[ACTION].data, head.fields[ACTION].size) or holds(
            head.target.data, head.target.size, b"firmware/", 9
        )
    ):
        fields = punted(out, PUNTED_HTTP_REQUEST_HEAD, HTTP_REQUEST_HEAD_SLOTS)
        fields[HTTP_REQUEST_HEAD_HEAD] = put(out, data, size)
        return 0
    fields = message(out, HTTP_REQUEST, HTTP_REQUEST_SLOTS)
    fields[HTTP_REQUEST_METHOD] = put(out, head.method.data, head.method.size)
    fields[HTTP_REQUEST_HOST] = put(out, host.data, host.size)
    fields[HTTP_REQUEST_PATH] = put(out, head.target.data, head.target.size)
    fields[HTTP_REQUEST_USER_AGENT] = put(out, agent.data, agent.size)
    fields[HTTP_REQUEST_ACTION] = put(out, action.data, action.size)
    fields[HTTP_REQUEST_CONTENT_TYPE] = small(out, kind.data, kind.size)
    fields[HTTP_REQUEST_LENGTH], fields[HTTP_REQUEST_FORWARDED] = <uint64_t>length, head.forwarded
    fields[HTTP_REQUEST_HEADERS] = names(out, head)
    if head.forwarded:
        write_program(out, head, FACT_HTTP_VIA)
        return 0
    if agent.size:
        fact(out, FACT_HTTP_USER_AGENT, fields[HTTP_REQUEST_USER_AGENT])
    if host.size and head.target.size > 1 and among(&OFTEN_REQUESTED, head.target.data, head.target.size):
        # Host and path are adjacent.
        fact(out, FACT_HTTP_ASKED, span(<uint32_t>(fields[HTTP_REQUEST_HOST] >> 32), host.size + head.target.size))
    return 0


cdef uint64_t names(Out* out, const Head* head) noexcept nogil:  # room was reserved
    """The names of a request's fields."""
    cdef uint32_t first = out.slots_used
    cdef uint64_t* some = items(out, head.names)
    cdef int i
    for i in range(head.names):
        some[i] = small(out, head.name[i].data, head.name[i].size)
    return span(first, head.names)


cdef int write_response(
    Stream* s, const Head* head, int64_t length, const Request* request, bint proxy, bint switched,
    const uint8_t* data, uint32_t size
) except -1 nogil:
    """Write a response. ``request``: the request it answers, NULL if that is uncertain; ``switched``: the protocol
    changes after it.
    """
    cdef Out* out = s.out
    cdef uint64_t* fields
    cdef Value kind
    cdef const Value* server = &head.fields[SERVER]
    cdef const Value* location = &head.fields[LOCATION]
    cdef bint forwarded = proxy or head.forwarded
    reserve(out)
    if (
        head.odd or head.fields[CHALLENGE].there or not type_of(
            &head.fields[TYPE], &kind
        ) or not plain(server.data, server.size)
        or not plain(location.data, location.size) or (request != NULL and not request.plain)
        or (
            location.size
            and (memchr(location.data, 61, location.size) != NULL or memchr(location.data, 64, location.size) != NULL)
        )
    ):
        fields = punted(out, PUNTED_HTTP_RESPONSE_HEAD, HTTP_RESPONSE_HEAD_SLOTS)
        fields[HTTP_RESPONSE_HEAD_HEAD], fields[HTTP_RESPONSE_HEAD_PROXY] = put(out, data, size), proxy
        fields[HTTP_RESPONSE_HEAD_FOREIGN] = s.row.ttl <= FOREIGN_TTL
        if request != NULL:
            fields[HTTP_RESPONSE_HEAD_METHOD] = put(out, request.method, request.method_size)
            fields[HTTP_RESPONSE_HEAD_TARGET] = put(out, request.target.data, request.target.size)
        return 0
    fields = message(out, HTTP_RESPONSE, HTTP_RESPONSE_SLOTS)
    fields[HTTP_RESPONSE_STATUS] = head.status
    fields[HTTP_RESPONSE_LENGTH] = <uint64_t>length
    fields[HTTP_RESPONSE_FORWARDED] = forwarded
    fields[HTTP_RESPONSE_SERVER] = put(out, server.data, server.size)
    fields[HTTP_RESPONSE_CONTENT_TYPE] = small(out, kind.data, kind.size)
    fields[HTTP_RESPONSE_LOCATION] = put(out, location.data, location.size)
    if request != NULL:
        fields[HTTP_RESPONSE_METHOD] = put(out, request.method, request.method_size)
        fields[HTTP_RESPONSE_PATH] = put(out, request.target.data, request.target.size)
    if forwarded:
        write_program(out, head, FACT_HTTP_PROXY if proxy else FACT_HTTP_VIA)
    if (forwarded or switched or imitates(s.row, server)) and head.status != PROXY_LOGIN:
        return 0
    if server.size:
        fact(out, FACT_HTTP_SERVER, fields[HTTP_RESPONSE_SERVER])
    if request != NULL and 200 <= head.status < 300:
        write_path(out, fields[HTTP_RESPONSE_PATH])
    return 0


cdef int write_program(Out* out, const Head* head, int kind) except -1 nogil:
    """The program of a proxy: the beginning of the comment at the end of Via."""
    cdef const uint8_t* text = head.fields[VIA].data
    cdef uint32_t size = head.fields[VIA].size, first, end
    if size == 0 or text[size - 1] != 41:
        return 0
    first = size - 1
    while first and text[first - 1] != 40 and text[first - 1] != 41:
        first -= 1
    if first == 0 or text[first - 1] != 40 or not 97 <= lower(text[first]) <= 122:
        return 0
    end = first + 1
    while end - first < PROGRAM_LIMIT and of_program(text[end]):
        end += 1
    if end - first < 2:
        return 0
    while text[end - 1] == 32:
        end -= 1
    fact(out, kind, put(out, text + first, end - first))
    return 0


cdef inline bint of_program(uint8_t c) noexcept nogil:  # compares only
    """Whether a name and version may contain a character; the end of a comment is none."""
    return 97 <= lower(c) <= 122 or 48 <= c <= 57 or c in (32, 43, 45, 46, 47, 95)


cdef int write_unfinished(Stream* s) except -1 nogil:
    reserve(s.out)
    message(s.out, HTTP_UNFINISHED, HTTP_UNFINISHED_SLOTS)
    return 0


cdef bint imitates(const Row* row, const Value* server) noexcept nogil:  # compares sizes first
    """Whether a server claims to be Windows with the hop limit of another system."""
    return row.ttl <= FOREIGN_TTL and server.size >= 10 and memcmp(server.data, b"Microsoft-", 10) == 0


cdef int write_path(Out* out, uint64_t path) except -1 nogil:
    """The path without its query, if it is one that devices serve."""
    cdef const uint8_t* text = out.text + (path >> 32)
    cdef uint32_t size = <uint32_t>path
    cdef const uint8_t* query = <const uint8_t*>memchr(text, 63, size) if size else NULL
    if query != NULL:
        size = <uint32_t>(query - text)
    if size > 1 and among(&OWN, text, size):
        fact(out, FACT_HTTP_PATH, path >> 32 << 32 | size)
    return 0
