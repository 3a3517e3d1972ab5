# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Native SSDP over UDP (UPnP Device Architecture 2.0, 1); ``sensor.dissectors.ssdp`` is the reference and also reads
what is not read here: malformed messages, folded or repeated fields, error responses, schemes other than HTTP, IPv6
hosts, texts that are not ASCII.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp

from sensor.core.row cimport Row
from sensor.dissectors.ssdp import STANDARD
from sensor.native.kinds cimport (
    FACT_SSDP_HEADER_, FACT_SSDP_LOCATION, FACT_SSDP_NT, FACT_SSDP_SERVER, FACT_SSDP_USER_AGENT, FACT_SSDP_USN,
    SSDP_ANNOUNCEMENT, SSDP_ANNOUNCEMENT_ANSWER,
    SSDP_ANNOUNCEMENT_LOCATION, SSDP_ANNOUNCEMENT_OWN, SSDP_ANNOUNCEMENT_SERVER, SSDP_ANNOUNCEMENT_SLOTS,
    SSDP_ANNOUNCEMENT_STATE,
    SSDP_ANNOUNCEMENT_TARGET, SSDP_ANNOUNCEMENT_UNIQUE_NAME, SSDP_SEARCH, SSDP_SEARCH_SLOTS, SSDP_SEARCH_TARGET,
    SSDP_SEARCH_USER_AGENT,
)
from sensor.native.lines cimport Piece, begins, begins_folded, found, is_number, parted_at, parted_last, piece, stripped
from sensor.native.out cimport PUNT, TAKEN, Mark, Out, fact, fits, mark, message, put, span, undo
from sensor.native.read cimport lower
from sensor.native.text cimport TEXT_LIMIT, character, cleaned, is_word, word
from sensor.native.unit cimport native
from sensor.native.byte_table cimport ByteTable

cdef enum:
    FIELDS_LIMIT = 48
    NAME_LIMIT = 48
    VALUE_LIMIT = 2048
    HEADERS_LIMIT = 12
    PLACE_LIMIT = 255
    # Fields by number; OTHER: other standard fields, VENDOR: vendor-specific ones.
    LOCATION = 0
    AL = 1
    NT = 2
    ST = 3
    NTS = 4
    USN = 5
    SERVER = 6
    USER_AGENT = 7
    READ = 8
    OTHER = 8
    VENDOR = 9
    # Kinds of messages.
    SEARCH = 1
    NOTIFY = 2
    ANSWER = 3
    UNSURE = 4  # left to the reference

cdef ByteTable fields_known = ByteTable(
    dict.fromkeys(STANDARD, OTHER)
    | {
        b"location": LOCATION, b"al": AL, b"nt": NT, b"st": ST, b"nts": NTS, b"usn": USN, b"server": SERVER,
        b"user-agent": USER_AGENT,
    }
)

# The fields of a message; ``values``: those that are read, by number. For a vendor-specific field also its lower-case
# name, a span of text.
cdef struct Head:
    Piece[READ] values
    uint32_t count
    uint64_t[FIELDS_LIMIT] names
    Piece[FIELDS_LIMIT] own


cdef int dissect(const uint8_t* payload, uint32_t size, const Row* row, Out* out) except -1 nogil:
    cdef Mark here = mark(out)
    cdef Head head
    cdef Piece line, rest = piece(payload, head_size(payload, size))
    cdef int kind
    parted_at(rest, 10, &line, &rest)
    kind = of_start(line)
    if kind == UNSURE or not fits(out, 0, 4 * size + 4096) or fields(rest, &head, out) == PUNT:
        return undo(out, &here)
    if (search(&head, out) if kind == SEARCH else announcement(&head, kind, row, out)) == PUNT:
        return undo(out, &here)
    return TAKEN


cdef uint32_t head_size(const uint8_t* payload, uint32_t size) noexcept nogil:  # reads ``size`` bytes
    """Bytes before the first empty line; all if there is none."""
    cdef uint32_t at
    for at in range(size):
        if (
            payload[at] == 10
            and at + 1 < size
            and (payload[at + 1] == 10 or (payload[at + 1] == 13 and at + 2 < size and payload[at + 2] == 10))
        ):
            return at - 1 if at and payload[at - 1] == 13 else at
    return size


cdef int of_start(Piece line) except -1 nogil:
    """The kind of message with this start line, or UNSURE."""
    while line.size and (line.data[line.size - 1] == 13 or line.data[line.size - 1] == 32):
        line.size -= 1
    if is_word(line.data, line.size, b"M-SEARCH * HTTP/1.1"):
        return SEARCH
    if is_word(line.data, line.size, b"NOTIFY * HTTP/1.1"):
        return NOTIFY
    if (begins(line, b"HTTP/1.1 200") or begins(line, b"HTTP/1.0 200")) and (line.size == 12 or line.data[12] == 32):
        return ANSWER
    return UNSURE


cdef int fields(Piece rest, Head* head, Out* out) except -1 nogil:
    """Parse the fields after the start line."""
    cdef Piece line, name, value
    cdef uint32_t lines = 0, i
    cdef uint64_t lowered
    cdef int known
    head.count = 0
    for i in range(READ):
        head.values[i] = piece(NULL, 0)
    while rest.size:
        parted_at(rest, 10, &line, &rest)
        lines += 1
        if lines > FIELDS_LIMIT or (line.size and (line.data[0] == 32 or line.data[0] == 9)):
            return PUNT
        if not parted_at(line, 58, &name, &value):
            continue
        value = stripped(value)
        if value.size > VALUE_LIMIT:
            return PUNT
        lowered = span(out.text_used, name.size)
        for i in range(name.size):
            character(out, lower(name.data[i]))
        known = fields_known.find(out.text + (lowered >> 32), name.size)
        if 0 <= known < READ:
            if head.values[known].data != NULL:
                return PUNT
            head.values[known] = value
        elif known < 0:
            for i in range(head.count):
                if (
                    <uint32_t>head.names[i] == name.size
                    and not memcmp(out.text + (head.names[i] >> 32), out.text + (lowered >> 32), name.size)
                ):
                    return PUNT
            head.names[head.count], head.own[head.count] = lowered, value
            head.count += 1
    return TAKEN


cdef int text(const Head* head, uint32_t field, Out* out, uint64_t* found_) except -1 nogil:
    """A field as clean text, empty if it is absent."""
    found_[0] = 0
    return (
        cleaned(out, head.values[field].data, head.values[field].size, TEXT_LIMIT, found_) if head.values[field].size
        else TAKEN
    )


cdef int search(const Head* head, Out* out) except -1 nogil:
    """Write a search for devices."""
    cdef uint64_t target, agent
    cdef uint64_t* fields
    if text(head, ST, out, &target) == PUNT or text(head, USER_AGENT, out, &agent) == PUNT:
        return PUNT
    fields = message(out, SSDP_SEARCH, SSDP_SEARCH_SLOTS)
    fields[SSDP_SEARCH_TARGET], fields[SSDP_SEARCH_USER_AGENT] = target, agent
    if <uint32_t>agent:
        fact(out, FACT_SSDP_USER_AGENT, agent)
    return TAKEN


cdef int announcement(const Head* head, int kind, const Row* row, Out* out) except -1 nogil:
    """Write an announcement of a device."""
    cdef uint64_t state, target, name, location, server
    cdef Piece place = head.values[LOCATION] if head.values[LOCATION].size else head.values[AL]
    cdef uint64_t* fields
    cdef int own
    if (
        text(head, USN, out, &name) == PUNT
        or text(head, LOCATION, out, &location) == PUNT
        or text(head, SERVER, out, &server) == PUNT
    ):
        return PUNT
    if text(head, ST if kind == ANSWER else NT, out, &target) == PUNT or text(head, NTS, out, &state) == PUNT:
        return PUNT
    if kind == ANSWER:
        state = word(out, b"alive")
    elif begins(piece(out.text + (state >> 32), <uint32_t>state), b"ssdp:"):
        state = span(<uint32_t>(state >> 32) + 5, <uint32_t>state - 5)
    own = may_be_at(place, row) if is_word(out.text + (state >> 32), <uint32_t>state, b"alive") else 0
    if own == UNSURE:
        return PUNT
    fields = message(out, SSDP_ANNOUNCEMENT, SSDP_ANNOUNCEMENT_SLOTS)
    fields[SSDP_ANNOUNCEMENT_STATE] = state
    fields[SSDP_ANNOUNCEMENT_TARGET] = target
    fields[SSDP_ANNOUNCEMENT_UNIQUE_NAME] = name
    fields[SSDP_ANNOUNCEMENT_LOCATION], fields[SSDP_ANNOUNCEMENT_SERVER] = location, server
    fields[SSDP_ANNOUNCEMENT_ANSWER], fields[SSDP_ANNOUNCEMENT_OWN] = kind == ANSWER, own
    return facts(head, target, name, server, place, out) if own else TAKEN


cdef int facts(
    const Head* head, uint64_t target, uint64_t name, uint64_t server, Piece location, Out* out
) except -1 nogil:
    """Write the facts about the sender."""
    cdef uint32_t i, count = 0, begin
    cdef uint64_t value = 0
    cdef const uint8_t* at
    cdef Piece called = piece(out.text + (name >> 32), <uint32_t>name)
    if <uint32_t>server:
        fact(out, FACT_SSDP_SERVER, server)
    if <uint32_t>target and not begins(piece(out.text + (target >> 32), <uint32_t>target), b"uuid:"):
        fact(out, FACT_SSDP_NT, target)
    at = found(called, b"::")
    if at != NULL:
        name = span(<uint32_t>(name >> 32), <uint32_t>(at - called.data))
    if <uint32_t>name:
        fact(out, FACT_SSDP_USN, name)
    if where(location, out, &value) == PUNT:
        return PUNT
    if <uint32_t>value:
        fact(out, FACT_SSDP_LOCATION, value)
    for i in range(head.count):
        if (
            count == HEADERS_LIMIT
            or not head.own[i].size
            or not is_name(out.text + (head.names[i] >> 32), <uint32_t>head.names[i])
        ):
            continue
        if cleaned(out, head.own[i].data, head.own[i].size, TEXT_LIMIT, &value) == PUNT:
            return PUNT
        if <uint32_t>value:
            begin = out.text_used
            put(out, out.text + (head.names[i] >> 32), <uint32_t>head.names[i])
            character(out, 0)
            put(out, out.text + (value >> 32), <uint32_t>value)
            fact(out, FACT_SSDP_HEADER_, span(begin, out.text_used - begin))
            count += 1
    return TAKEN


cdef bint is_name(const uint8_t* name, uint32_t size) except -1 nogil:
    """Whether a field's name can be vendor-specific: letters, digits and word separators."""
    cdef uint32_t i
    cdef bint letters = False
    if not 0 < size <= NAME_LIMIT:
        return False
    for i in range(size):
        if 97 <= name[i] <= 122 or 48 <= name[i] <= 57:
            letters = True
        elif name[i] != 45 and name[i] != 95 and name[i] != 46:
            return False
    return letters


cdef int where(Piece location, Out* out, uint64_t* found_) except -1 nogil:
    """Port and path of a location: ``:49152/setup.xml``; empty if it is no URL."""
    cdef const uint8_t* at = found(location, b"://")
    cdef Piece authority, path, port
    cdef uint32_t begin
    cdef bint slash
    found_[0] = 0
    if at == NULL:
        return TAKEN
    if not begins_folded(location, b"http://") and not begins_folded(location, b"https://"):
        return PUNT
    slash = parted_at(piece(at + 3, <uint32_t>(location.data + location.size - at) - 3), 47, &authority, &path)
    if authority.size and memchr(authority.data, 93, authority.size) != NULL:
        return PUNT
    begin = out.text_used
    if parted_last(authority, 58, &authority, &port) and port.size:
        character(out, 58)
        put(out, port.data, port.size)
    if slash:
        character(out, 47)
        put(out, path.data, path.size)
    return cleaned(out, out.text + begin, out.text_used - begin, PLACE_LIMIT, found_)


cdef int may_be_at(Piece location, const Row* row) except -1 nogil:
    """Whether the sender can be at a location: at its own address, or at a host that cannot be compared with it; or
    UNSURE.
    """
    cdef const uint8_t* at = found(location, b"://")
    cdef Piece host = location, ignored
    cdef uint32_t i, address = 0
    if at != NULL:
        host = piece(at + 3, <uint32_t>(location.data + location.size - at) - 3)
    parted_at(host, 47, &host, &ignored)
    for i in range(host.size):
        # unusual: with user information, or IPv6
        if not 33 <= host.data[i] <= 126 or host.data[i] == 64 or host.data[i] == 91:
            return UNSURE
    parted_at(host, 58, &host, &ignored)
    if (
        not host.size
        or host.size > PLACE_LIMIT
        or not 48 <= host.data[host.size - 1] <= 57
        or not is_quad(host, &address)
    ):
        return 1
    return row.ip_version == 6 or (row.src_hi == 0 and row.src_lo == (<uint64_t>0xFFFF << 32 | address))


cdef bint is_quad(Piece host, uint32_t* address) except -1 nogil:
    """An IPv4 address in the notation of ``ipaddress``: four numbers without leading zeros."""
    cdef Piece number, rest = host
    cdef uint32_t value, i, parts = 0
    cdef bint more = True
    address[0] = 0
    while more:
        more = parted_at(rest, 46, &number, &rest)
        if not is_number(number) or number.size > 3 or (number.size > 1 and number.data[0] == 48) or parts == 4:
            return False
        value = 0
        for i in range(number.size):
            value = 10 * value + number.data[i] - 48
        if value > 255:
            return False
        address[0] = address[0] << 8 | value
        parts += 1
    return parts == 4


UNIT = native(dissect)
