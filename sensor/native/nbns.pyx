# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Native NetBIOS name service (RFC 1002, 4.2); ``sensor.dissectors.nbns`` is the reference and also reads what is not
read here: malformed messages, names that are not ASCII.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp

from sensor.core.row cimport Row
from sensor.dissectors.shared.netbios import PLACEHOLDERS, service
from sensor.native.kinds cimport (
    FACT_NETBIOS_DOMAIN, FACT_NETBIOS_HOSTNAME, FACT_NETBIOS_ROLE, FACT_NETBIOS_SERVICE, NBNS_ANSWER, NBNS_ANSWER_ID,
    NBNS_ANSWER_NAME, NBNS_ANSWER_OWNERS,
    NBNS_ANSWER_RCODE, NBNS_ANSWER_SERVER, NBNS_ANSWER_SLOTS, NBNS_ANSWER_SUFFIX, NBNS_QUERY, NBNS_QUERY_BROADCAST,
    NBNS_QUERY_ID, NBNS_QUERY_NAME,
    NBNS_QUERY_SLOTS, NBNS_QUERY_STATUS, NBNS_QUERY_SUFFIX, NBNS_REGISTERED, NBNS_REGISTERED_ADDRESS,
    NBNS_REGISTERED_ID, NBNS_REGISTERED_NAME,
    NBNS_REGISTERED_RCODE, NBNS_REGISTERED_RELEASE, NBNS_REGISTERED_SLOTS, NBNS_REGISTERED_SUFFIX,
    NBNS_REGISTERED_WAIT, NBNS_REGISTRATION,
    NBNS_REGISTRATION_ADDRESS, NBNS_REGISTRATION_BROADCAST, NBNS_REGISTRATION_GROUP, NBNS_REGISTRATION_ID,
    NBNS_REGISTRATION_NAME,
    NBNS_REGISTRATION_REFRESH, NBNS_REGISTRATION_SLOTS, NBNS_REGISTRATION_SUFFIX, NBNS_RELEASE, NBNS_RELEASE_ADDRESS,
    NBNS_RELEASE_GROUP,
    NBNS_RELEASE_ID, NBNS_RELEASE_NAME, NBNS_RELEASE_SLOTS, NBNS_RELEASE_SUFFIX, NBNS_STATUS, NBNS_STATUS_ID,
    NBNS_STATUS_NAMES, NBNS_STATUS_SLOTS,
    NBNS_STATUS_UNIT,
)
from sensor.native.out cimport PUNT, TAKEN, Mark, Out, fact_once, items, mark, message, span, undo
from sensor.native.read cimport Bytes, take, u8, u16, u32
from sensor.native.text cimport TEXT_LIMIT, Word, cleaned, word
from sensor.native.unit cimport native
from sensor.native.byte_table cimport ByteTable

cdef enum:
    PORT = 137
    HEADER = 12
    NBSTAT = 0x21
    QUERY = 0
    REGISTRATION = 5
    RELEASE = 6
    WAIT = 7
    REFRESH = 8
    ALTERNATIVE_REFRESH = 9
    MULTIHOMED = 15
    OPERATIONS = (
        1 << QUERY
        | 1 << REGISTRATION
        | 1 << RELEASE
        | 1 << WAIT
        | 1 << REFRESH
        | 1 << ALTERNATIVE_REFRESH
        | 1 << MULTIHOMED
    )
    RESPONSE = 0x8000
    BROADCAST = 0x0010
    RECURSION = 0x0080
    GROUP_NAME = 0x8000
    ADDRESSES_LIMIT = 64
    NAMES_LIMIT = 64
    ENCODED_SIZE = 32
    NAME_SIZE = 15
    LABELS_LIMIT = 16
    OWNER_SIZE = 6
    OWNER_SLOTS = 3        # an address, whether the name is a group name
    STATUS_SIZE = 18
    STATUS_SLOTS = 3       # a name, its suffix, whether it is a group name
    WORKSTATION = 0x00
    CONTROLLERS = 0x1C
    SERVER = 0x20
    GROUP_SERVICES = 256   # index of the first group service

cdef uint64_t V4 = <uint64_t>0xFFFF << 32
cdef ByteTable placeholders = ByteTable({name.encode(): 0 for name in PLACEHOLDERS})
# Services by suffix of a name: first of unique names, then of group names.
cdef list service_texts = [service(suffix, group).encode() for group in (False, True) for suffix in range(256)]
cdef Word[512] services
for place, text in enumerate(service_texts):
    services[<int>place] = <Word>(<bytes>text)

cdef struct Name:
    uint64_t text
    uint32_t suffix


cdef int dissect(const uint8_t* payload, uint32_t size, const Row* row, Out* out) except -1 nogil:
    cdef Mark here = mark(out)
    return TAKEN if read(payload, size, row, out) == TAKEN else undo(out, &here)


cdef int read(const uint8_t* payload, uint32_t size, const Row* row, Out* out) except -1 nogil:
    cdef Bytes b
    cdef Name question_name, name
    cdef uint32_t id_, flags, questions, answers, additional, operation, kind, length
    cdef uint64_t* fields
    if size < HEADER:
        return PUNT
    b.data, b.at, b.end, b.bad = payload, 0, size, False
    id_, flags, questions, answers = u16(&b), u16(&b), u16(&b), u16(&b)
    u16(&b)
    additional, operation = u16(&b), flags >> 11 & 15
    if not OPERATIONS >> operation & 1 or questions > 1 or (questions if flags & RESPONSE else answers):
        return PUNT
    if questions:
        if name_at(&b, &question_name, out) == PUNT:
            return PUNT
        kind = u16(&b)
        u16(&b)
        if operation == QUERY:
            if b.bad:
                return PUNT
            fields = message(out, NBNS_QUERY, NBNS_QUERY_SLOTS)
            fields[NBNS_QUERY_ID] = id_
            fields[NBNS_QUERY_NAME] = question_name.text
            fields[NBNS_QUERY_SUFFIX] = question_name.suffix
            fields[NBNS_QUERY_STATUS], fields[NBNS_QUERY_BROADCAST] = kind == NBSTAT, flags & BROADCAST
            return TAKEN
    if not (answers if flags & RESPONSE else additional) or name_at(&b, &name, out) == PUNT:
        return PUNT
    kind = u16(&b)
    u16(&b)
    u32(&b)
    length = u16(&b)
    if b.bad or b.end - b.at < length:
        return PUNT
    b.end = b.at + length
    if not flags & RESPONSE:
        return claim(&b, id_, operation, flags, &question_name if questions else &name, row, out)
    if operation == QUERY and kind == NBSTAT:
        return status(&b, id_, row, out)
    return answer(&b, id_, operation, flags, &name, row, out)


cdef int name_at(Bytes* b, Name* found, Out* out) except -1 nogil:
    """The encoded name at ``b``, which moves to its end. A pointer leads back to a complete name."""
    cdef uint32_t first = u8(b), at, size, labels
    cdef uint8_t[16] plain
    cdef uint32_t i
    cdef const uint8_t* raw
    cdef Bytes there
    if first >= 0xC0:
        at = (first & 63) << 8 | u8(b)
        if b.bad or at >= b.at - 2 or b.data[at] != ENCODED_SIZE:
            return PUNT
        there = b[0]
        there.at = at
        return name_at(&there, found, out)
    raw = take(b, ENCODED_SIZE) if first == ENCODED_SIZE else NULL
    if raw == NULL or b.bad:
        return PUNT
    for labels in range(LABELS_LIMIT):
        size = u8(b)
        if size >= 0xC0:
            u8(b)
            break
        if not size:
            break
        take(b, size)
    else:
        return PUNT
    if b.bad:
        return PUNT
    for i in range(NAME_SIZE + 1):
        if not (65 <= raw[2 * i] <= 80 and 65 <= raw[2 * i + 1] <= 80):
            return PUNT
        plain[i] = (raw[2 * i] - 65) << 4 | (raw[2 * i + 1] - 65)
    return plain_name(&plain[0], found, out)


cdef int plain_name(const uint8_t* raw, Name* found, Out* out) except -1 nogil:
    """A name of 15 characters up to its first zero, and the suffix."""
    cdef uint32_t size = 0
    while size < NAME_SIZE and raw[size]:
        size += 1
    found.suffix = raw[NAME_SIZE]
    return cleaned(out, raw, size if size else NAME_SIZE, TEXT_LIMIT, &found.text)


cdef int owners(Bytes* b, Out* out, uint64_t* found) except -1 nogil:
    """(address, whether the name is a group name) of an NB record, as a span of slots."""
    cdef uint32_t count = (b.end - b.at) // OWNER_SIZE, first = out.slots_used, i
    cdef uint64_t* one
    if (b.end - b.at) % OWNER_SIZE:
        return PUNT
    count = min(count, <uint32_t>ADDRESSES_LIMIT)
    one = items(out, count * OWNER_SLOTS)
    for i in range(count):
        one[2] = u16(b) & GROUP_NAME
        one[1] = V4 | u32(b)
        one += OWNER_SLOTS
    found[0] = span(first, count)
    return TAKEN


cdef int claim(
    Bytes* b, uint32_t id_, uint32_t operation, uint32_t flags, const Name* name, const Row* row, Out* out
) except -1 nogil:
    """Write a registration, refresh or release."""
    cdef uint64_t found = 0
    cdef uint64_t* one
    cdef uint64_t* fields
    cdef bint group
    if owners(b, out, &found) == PUNT or not <uint32_t>found:
        return PUNT
    one = &out.slots[found >> 32]
    group = one[2] != 0
    if operation == RELEASE:
        fields = message(out, NBNS_RELEASE, NBNS_RELEASE_SLOTS)
        fields[NBNS_RELEASE_ID], fields[NBNS_RELEASE_NAME], fields[NBNS_RELEASE_SUFFIX] = id_, name.text, name.suffix
        fields[NBNS_RELEASE_GROUP], fields[NBNS_RELEASE_ADDRESS + 1] = group, one[1]
        return TAKEN
    if operation == QUERY or operation == WAIT:
        return PUNT
    fields = message(out, NBNS_REGISTRATION, NBNS_REGISTRATION_SLOTS)
    fields[NBNS_REGISTRATION_ID] = id_
    fields[NBNS_REGISTRATION_NAME] = name.text
    fields[NBNS_REGISTRATION_SUFFIX] = name.suffix
    fields[NBNS_REGISTRATION_GROUP], fields[NBNS_REGISTRATION_ADDRESS + 1] = group, one[1]
    fields[NBNS_REGISTRATION_REFRESH] = operation == REFRESH or operation == ALTERNATIVE_REFRESH
    fields[NBNS_REGISTRATION_BROADCAST] = flags & BROADCAST
    if row.src_hi == 0 and one[1] == row.src_lo:
        facts(name, group, out.entries_used, out)
    return TAKEN


cdef int answer(
    Bytes* b, uint32_t id_, uint32_t operation, uint32_t flags, const Name* name, const Row* row, Out* out
) except -1 nogil:
    """Write the answer to a query, a registration or a release."""
    cdef uint64_t found = 0
    cdef uint64_t* one
    cdef uint64_t* fields
    cdef uint32_t rcode = flags & 15
    if operation != WAIT and owners(b, out, &found) == PUNT:
        return PUNT
    one = &out.slots[found >> 32]
    if operation != QUERY:
        fields = message(out, NBNS_REGISTERED, NBNS_REGISTERED_SLOTS)
        fields[NBNS_REGISTERED_ID] = id_
        fields[NBNS_REGISTERED_NAME] = name.text
        fields[NBNS_REGISTERED_SUFFIX] = name.suffix
        fields[NBNS_REGISTERED_RCODE], fields[NBNS_REGISTERED_ADDRESS + 1] = rcode, one[1] if <uint32_t>found else 0
        fields[NBNS_REGISTERED_RELEASE], fields[NBNS_REGISTERED_WAIT] = operation == RELEASE, operation == WAIT
        return TAKEN
    fields = message(out, NBNS_ANSWER, NBNS_ANSWER_SLOTS)
    fields[NBNS_ANSWER_ID], fields[NBNS_ANSWER_NAME], fields[NBNS_ANSWER_SUFFIX] = id_, name.text, name.suffix
    fields[NBNS_ANSWER_RCODE], fields[NBNS_ANSWER_OWNERS], fields[NBNS_ANSWER_SERVER] = rcode, found, flags & RECURSION
    if not rcode and <uint32_t>found == 1 and row.src_hi == 0 and one[1] == row.src_lo and row.sport == PORT:
        facts(name, one[2] != 0, out.entries_used, out)
    return TAKEN


cdef int status(Bytes* b, uint32_t id_, const Row* row, Out* out) except -1 nogil:
    """Write the names of the node that answers, and the unit id after them."""
    cdef uint32_t declared = u8(b), count = min(declared, <uint32_t>NAMES_LIMIT), first = out.slots_used, begin = b.at
    cdef uint32_t i, first_fact
    cdef Name name
    cdef const uint8_t* raw
    cdef uint64_t* one = items(out, count * STATUS_SLOTS)
    cdef uint64_t* fields
    cdef uint64_t unit = 0
    for i in range(count):
        raw = take(b, STATUS_SIZE)
        if raw == NULL or plain_name(raw, &name, out) == PUNT:
            return PUNT
        one[0], one[1], one[2] = name.text, name.suffix, (<uint32_t>raw[16] << 8 | raw[17]) & GROUP_NAME
        one += STATUS_SLOTS
    if b.bad:
        return PUNT
    begin = min(begin + declared * STATUS_SIZE, b.end)
    for i in range(begin, min(begin + 6, b.end)):
        unit = unit << 8 | b.data[i]
    fields = message(out, NBNS_STATUS, NBNS_STATUS_SLOTS)
    fields[NBNS_STATUS_ID], fields[NBNS_STATUS_NAMES], fields[NBNS_STATUS_UNIT] = id_, span(first, count), unit
    first_fact = out.entries_used
    if row.sport == PORT:
        for i in range(count):
            one = &out.slots[first + i * STATUS_SLOTS]
            name.text, name.suffix = one[0], <uint32_t>one[1]
            facts(&name, one[2] != 0, first_fact, out)
    return TAKEN


cdef int facts(const Name* name, bint group, uint32_t first, Out* out) except -1 nogil:
    """Write the facts about the owner of a name. ``first``: index of the message's first fact."""
    cdef bint machine = is_machine(name, out)
    if (name.suffix == WORKSTATION or name.suffix == SERVER) and not group and machine:
        fact_once(out, first, FACT_NETBIOS_HOSTNAME, name.text)
    elif name.suffix == WORKSTATION and group and machine:
        fact_once(out, first, FACT_NETBIOS_DOMAIN, name.text)
    elif name.suffix == CONTROLLERS and group and machine:
        fact_once(out, first, FACT_NETBIOS_ROLE, word(out, b"domain_controller"))
    fact_once(out, first, FACT_NETBIOS_SERVICE, word(out, services[name.suffix + (GROUP_SERVICES if group else 0)]))
    return 0


cdef bint is_machine(const Name* name, const Out* out) except -1 nogil:
    """Whether a name can be that of a single host."""
    cdef const uint8_t* text = out.text + (name.text >> 32)
    cdef uint32_t size = <uint32_t>name.text
    return size > 0 and placeholders.find(text, size) < 0 and not (size >= 3 and not memcmp(text, b"IS~", 3))


UNIT = native(dissect)
