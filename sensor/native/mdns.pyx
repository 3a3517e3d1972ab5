# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Native multicast DNS (RFC 6762, 6763); ``sensor.dissectors.mdns`` is the reference and also reads what is not read
here: malformed messages, names and texts with characters other than printable ASCII, HINFO, shared queues of print
servers.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp

from sensor.core.row cimport Row
from sensor.native.dns cimport name, records
from sensor.native.kinds cimport (
    FACT_MDNS_HOSTNAME, FACT_MDNS_INSTANCE, FACT_MDNS_QUERY, FACT_MDNS_SERVICE, FACT_MDNS_TEXT, FACT_MDNS_TXT_,
    MDNS_ANNOUNCEMENT, MDNS_ANNOUNCEMENT_OWN,
    MDNS_ANNOUNCEMENT_RECORDS, MDNS_ANNOUNCEMENT_SLOTS, MDNS_QUERY, MDNS_QUERY_PROBE, MDNS_QUERY_QUESTIONS,
    MDNS_QUERY_SLOTS, QUESTION_NAME,
    QUESTION_SLOTS, QUESTION_TYPE, RECORD_ADDRESS, RECORD_DATA, RECORD_NAME, RECORD_SLOTS, RECORD_TTL, RECORD_TYPE,
    RECORD_VALUE,
)
from sensor.native.out cimport PUNT, TAKEN, Mark, Out, fact_once, fits, items, mark, message, put, span, undo
from sensor.native.read cimport Bytes, lower, u16
from sensor.native.text cimport TEXT_LIMIT, character, cleaned, is_word
from sensor.native.unit cimport native

cdef enum:
    PORT = 5353
    HEADER = 12
    RECORDS_LIMIT = 256
    HOSTS_LIMIT = 64
    FACTS_LIMIT = 256
    TXT_KEY_LIMIT = 64
    RESPONSE = 0x8000
    OPERATION = 0x7800
    A = 1
    PTR = 12
    TXT = 16
    AAAA = 28
    SRV = 33
    LINK_LOCAL = 0x3FA  # the first ten bits of fe80::/10
    DOMAIN = 6          # bytes of ``.local``
    BELOW = 11          # bytes of ``._tcp.local``

cdef char* all_services = b"_services._dns-sd._udp.local"

# Host names with the sender's address; ``records``: all records; ``first``: index of the message's first fact.
cdef struct Hosts:
    uint64_t[HOSTS_LIMIT] names
    uint64_t records
    uint32_t count
    uint32_t first

# A name below a service type: the part before it, and the type in lower case. Both are empty for other names.
cdef struct Parts:
    uint64_t before
    uint64_t service


cdef int dissect(const uint8_t* payload, uint32_t size, const Row* row, Out* out) except -1 nogil:
    cdef Bytes b
    cdef Mark here = mark(out)
    cdef uint32_t flags, questions, first = out.slots_used, i
    cdef uint64_t wanted, authority
    cdef uint64_t* one
    if size < HEADER:
        return PUNT
    b.data, b.at, b.end, b.bad = payload, 2, size, False
    flags, questions, wanted, authority = u16(&b), u16(&b), u16(&b), u16(&b)
    wanted += authority + u16(&b)
    if flags & OPERATION or questions > RECORDS_LIMIT:
        return PUNT
    one = items(out, questions * QUESTION_SLOTS)
    for i in range(questions):
        if name(&b, False, out, &one[QUESTION_NAME]) == PUNT:
            return undo(out, &here)
        one[QUESTION_TYPE] = u16(&b)
        u16(&b)
        one += QUESTION_SLOTS
    if b.bad or PUNT == (
        answered(&b, wanted, row, out) if flags & RESPONSE else queried(span(first, questions), authority > 0, out)
    ):
        return undo(out, &here)
    return TAKEN


cdef int queried(uint64_t questions, bint probe, Out* out) except -1 nogil:
    """Write a query. A probe asks for names that the sender claims itself."""
    cdef uint64_t* one = &out.slots[questions >> 32]
    cdef uint64_t* fields = message(out, MDNS_QUERY, MDNS_QUERY_SLOTS)
    cdef uint32_t first = out.entries_used, i
    cdef uint64_t text
    fields[MDNS_QUERY_QUESTIONS], fields[MDNS_QUERY_PROBE] = questions, probe
    if probe:
        return TAKEN
    for i in range(<uint32_t>questions):
        if not fits(out, 0, 0):
            return PUNT
        text = without_domain(one[QUESTION_NAME], out)
        if <uint32_t>text:
            fact_once(out, first, FACT_MDNS_QUERY, text)
        one += QUESTION_SLOTS
    return TAKEN


cdef int answered(Bytes* b, uint64_t wanted, const Row* row, Out* out) except -1 nogil:
    """Write a response."""
    cdef uint64_t found = 0
    cdef uint64_t* fields
    cdef Hosts hosts
    cdef int own
    if records(b, wanted, False, out, &found) == PUNT or b.bad:
        return PUNT
    own = own_hosts(found, row, out, &hosts)
    if own == 2:
        return PUNT
    fields = message(out, MDNS_ANNOUNCEMENT, MDNS_ANNOUNCEMENT_SLOTS)
    fields[MDNS_ANNOUNCEMENT_RECORDS], fields[MDNS_ANNOUNCEMENT_OWN] = found, own and row.sport == PORT
    hosts.records, hosts.first = found, out.entries_used
    return facts(found, &hosts, out) if own and row.sport == PORT else TAKEN


cdef int own_hosts(uint64_t found, const Row* row, const Out* out, Hosts* hosts) except -1 nogil:
    """Fill in the hosts: returns 1 if the records can be the sender's own, 0 if not, 2 if there are too many."""
    cdef const uint64_t* one = &out.slots[found >> 32]
    cdef bint others = False
    cdef uint32_t i
    hosts.count = 0
    for i in range(<uint32_t>found):
        if one[RECORD_TYPE] == A or one[RECORD_TYPE] == AAAA:
            if one[RECORD_ADDRESS] == row.src_hi and one[RECORD_ADDRESS + 1] == row.src_lo:
                if hosts.count == HOSTS_LIMIT:
                    return 2
                hosts.names[hosts.count] = one[RECORD_NAME]
                hosts.count += 1
            elif row.src_hi == 0 and row.src_lo >> 32 == 0xFFFF:
                others |= one[RECORD_ADDRESS] == 0 and one[RECORD_ADDRESS + 1] >> 32 == 0xFFFF
            else:
                others |= one[RECORD_ADDRESS] >> 54 == LINK_LOCAL and row.src_hi >> 54 == LINK_LOCAL
        one += RECORD_SLOTS
    return hosts.count > 0 or not others


cdef int facts(uint64_t found, Hosts* hosts, Out* out) except -1 nogil:
    """Write the facts of the records, each once, in order. Records with a TTL of 0 give none."""
    cdef const uint64_t* one = &out.slots[found >> 32]
    cdef uint32_t i
    cdef uint64_t kind
    cdef int done
    for i in range(<uint32_t>found):
        kind, done = one[RECORD_TYPE], TAKEN
        if not fits(out, 0, TEXT_LIMIT) or out.entries_used - hosts.first > FACTS_LIMIT:
            return PUNT
        if kind == TXT:  # even a record with a TTL of 0 can show that it is a print queue's
            done = texts(one, hosts, out)
        elif not one[RECORD_TTL]:
            done = TAKEN
        elif kind == PTR:
            done = pointer(one, hosts, out)
        elif kind == SRV:
            done = instance(one[RECORD_NAME], hosts, out)
            if not hosts.count:
                hostname(one[RECORD_VALUE], hosts, out)
        elif (kind == A or kind == AAAA) and (not hosts.count or listed(one[RECORD_NAME], hosts, out)):
            hostname(one[RECORD_NAME], hosts, out)
        if done == PUNT:
            return PUNT
        one += RECORD_SLOTS
    return TAKEN


cdef int pointer(const uint64_t* one, Hosts* hosts, Out* out) except -1 nogil:
    """A PTR record to an instance, or in the list of service types (RFC 6763, 9)."""
    cdef uint64_t called = one[RECORD_NAME]
    cdef bint types = is_word(out.text + (called >> 32), <uint32_t>called, all_services)
    cdef Parts parts
    parted(one[RECORD_VALUE] if types else called, out, &parts)
    if not <uint32_t>parts.service or (<uint32_t>parts.before and not is_subtype(parts.before, out)):
        return TAKEN
    if types and is_printing(parts.service, out):
        return TAKEN
    fact_once(out, hosts.first, FACT_MDNS_SERVICE, parts.service)
    return TAKEN if types else instance(one[RECORD_VALUE], hosts, out)


cdef int texts(const uint64_t* one, Hosts* hosts, Out* out) except -1 nogil:
    """The complete strings of a TXT record (RFC 6763, 6)."""
    cdef Bytes b
    cdef uint32_t size
    b.data, b.at, b.end, b.bad = out.text + (one[RECORD_DATA] >> 32), 0, <uint32_t>one[RECORD_DATA], False
    if one[RECORD_TTL] and instance(one[RECORD_NAME], hosts, out) == PUNT:
        return PUNT
    while b.at < b.end:
        size = b.data[b.at]
        b.at += 1
        if size > b.end - b.at:
            break
        if is_queue(b.data + b.at, size):
            return PUNT
        if size and one[RECORD_TTL] and pair(b.data + b.at, size, hosts, out) == PUNT:
            return PUNT
        b.at += size
    return TAKEN


cdef bint is_queue(const uint8_t* text, uint32_t size) except -1 nogil:
    """Whether a text names a print server's queue."""
    cdef uint8_t[12] begin
    cdef uint32_t i
    if size < 11:
        return False
    for i in range(11):
        begin[i] = lower(text[i])
    return (
        not memcmp(begin, b"rp=classes/", 11)
        or (size >= 12 and not memcmp(begin, b"rp=printers", 11) and text[11] == 47)
    )


cdef int pair(const uint8_t* text, uint32_t size, Hosts* hosts, Out* out) except -1 nogil:
    """A key and its value. A key alone is a flag; a key with spaces is a description that some vendors put there."""
    cdef uint32_t key = 0, begin, i
    cdef uint64_t value = 0
    cdef bint blank = False, odd = False
    if not fits(out, 0, 3 * TEXT_LIMIT) or out.entries_used - hosts.first > FACTS_LIMIT:
        return PUNT
    while key < size and text[key] != 61:
        blank |= text[key] == 32
        odd |= not 33 <= text[key] <= 126
        key += 1
    if key == size:
        if blank:
            if cleaned(out, text, size, TEXT_LIMIT, &value) == PUNT:
                return PUNT
            if <uint32_t>value:
                fact_once(out, hosts.first, FACT_MDNS_TEXT, value)
        return TAKEN
    if odd or not 0 < key <= TXT_KEY_LIMIT:
        return TAKEN
    if cleaned(out, text + key + 1, size - key - 1, TEXT_LIMIT, &value) == PUNT:
        return PUNT
    if <uint32_t>value:
        begin = out.text_used
        for i in range(key):
            character(out, lower(text[i]))
        character(out, 0)
        put(out, out.text + (value >> 32), <uint32_t>value)
        fact_once(out, hosts.first, FACT_MDNS_TXT_, span(begin, out.text_used - begin))
    return TAKEN


cdef uint64_t without_domain(uint64_t called, const Out* out) noexcept nogil:  # checks the size
    """A name without ``.local``."""
    cdef uint32_t size = <uint32_t>called
    if size >= DOMAIN and not memcmp(out.text + (called >> 32) + size - DOMAIN, b".local", DOMAIN):
        return called - DOMAIN
    return called


cdef int hostname(uint64_t called, Hosts* hosts, Out* out) except -1 nogil:
    cdef uint64_t host = without_domain(called, out)
    if <uint32_t>host:
        fact_once(out, hosts.first, FACT_MDNS_HOSTNAME, host)
    return 0


cdef bint listed(uint64_t called, const Hosts* hosts, const Out* out) except -1 nogil:
    """Whether a name is one of the hosts."""
    cdef uint32_t i
    for i in range(hosts.count):
        if (
            <uint32_t>hosts.names[i] == <uint32_t>called
            and not memcmp(out.text + (hosts.names[i] >> 32), out.text + (called >> 32), <uint32_t>called)
        ):
            return True
    return False


cdef int instance(uint64_t called, Hosts* hosts, Out* out) except -1 nogil:
    """The facts of ``Instance._service._proto.local``: its service, and the instance's label."""
    cdef Parts parts
    parted(called, out, &parts)
    if <uint32_t>parts.before and <uint32_t>parts.service:
        if is_shared(parts.before, hosts, out):
            return PUNT
        fact_once(out, hosts.first, FACT_MDNS_SERVICE, parts.service)
        fact_once(out, hosts.first, FACT_MDNS_INSTANCE, parts.before)
    return TAKEN


cdef bint is_shared(uint64_t label, const Hosts* hosts, const Out* out) except -1 nogil:
    """Whether a label is that of a queue that one of the hosts shares: ``queue @ host``."""
    cdef const uint8_t* text = out.text + (label >> 32)
    cdef const uint64_t* one = &out.slots[hosts.records >> 32]
    cdef uint32_t at = <uint32_t>label, i
    while at > 2 and not (text[at - 1] == 32 and text[at - 2] == 64 and text[at - 3] == 32):
        at -= 1
    if at <= 2:
        return False
    label = span(<uint32_t>(label >> 32) + at, <uint32_t>label - at)
    for i in range(<uint32_t>hosts.records):
        if one[RECORD_TYPE] == SRV:
            if same_letters(label, one[RECORD_VALUE], out):
                return True
        elif (one[RECORD_TYPE] == A or one[RECORD_TYPE] == AAAA) and same_letters(label, one[RECORD_NAME], out):
            return True
        one += RECORD_SLOTS
    return False


cdef bint same_letters(uint64_t first, uint64_t second, const Out* out) except -1 nogil:
    """Whether two host names have the same letters and digits, in either case."""
    cdef uint64_t one = without_domain(first, out), other = without_domain(second, out)
    cdef const uint8_t* left = out.text + (one >> 32)
    cdef const uint8_t* right = out.text + (other >> 32)
    cdef uint32_t i = 0, j = 0, left_size = <uint32_t>one, right_size = <uint32_t>other
    while True:
        while i < left_size and not is_letter(left[i]):
            i += 1
        while j < right_size and not is_letter(right[j]):
            j += 1
        if i == left_size or j == right_size:
            return i == left_size and j == right_size
        if lower(left[i]) != lower(right[j]):
            return False
        i += 1
        j += 1


cdef bint is_letter(uint8_t one) noexcept nogil:  # compares numbers
    return 48 <= one <= 57 or 97 <= lower(one) <= 122


cdef bint is_printing(uint64_t service, const Out* out) except -1 nogil:
    """Whether a service type is one of PRINTING of the reference."""
    cdef const uint8_t* text = out.text + (service >> 32)
    cdef uint32_t size = <uint32_t>service
    return (
        is_word(text, size, b"_ipp._tcp")
        or is_word(text, size, b"_ipps._tcp")
        or is_word(text, size, b"_printer._tcp")
        or is_word(text, size, b"_pdl-datastream._tcp")
        or is_word(text, size, b"_fax-ipp._tcp")
    )


cdef bint is_subtype(uint64_t before, const Out* out) except -1 nogil:
    """Whether the part before a service type names a subtype of it (RFC 6763, 7.1)."""
    return <uint32_t>before >= 5 and not memcmp(out.text + (before >> 32) + <uint32_t>before - 5, b"._sub", 5)


cdef int parted(uint64_t called, Out* out, Parts* found) except -1 nogil:
    """The parts of a name."""
    cdef const uint8_t* text = out.text + (called >> 32)
    cdef uint32_t size = <uint32_t>called, end, start, i
    found.before = found.service = 0
    if size < BELOW:
        return 0
    end = size - BELOW
    if memcmp(text + end, b"._tcp.local", BELOW) and memcmp(text + end, b"._udp.local", BELOW):
        return 0
    start = end
    while start and text[start - 1] != 46:
        start -= 1
    if text[start] != 95:
        return 0
    found.before = span(<uint32_t>(called >> 32), start - 1 if start else 0)
    found.service = span(out.text_used, end + 5 - start)
    for i in range(start, end + 5):
        character(out, lower(text[i]))
    return 0


UNIT = native(dissect)
