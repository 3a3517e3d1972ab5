# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Native link-local multicast name resolution (RFC 4795); ``sensor.dissectors.llmnr`` is the reference and also reads
what is not read here: malformed messages, names with characters other than printable ASCII.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp

from sensor.core.row cimport Row
from sensor.native.dns cimport first_question, records
from sensor.native.kinds cimport (
    FACT_LLMNR_HOSTNAME, LLMNR_QUERY, LLMNR_QUERY_CLAIM, LLMNR_QUERY_CONFLICT, LLMNR_QUERY_ID, LLMNR_QUERY_NAME,
    LLMNR_QUERY_SLOTS, LLMNR_QUERY_TYPE,
    LLMNR_RESPONSE, LLMNR_RESPONSE_ANSWERS, LLMNR_RESPONSE_ID, LLMNR_RESPONSE_NAME, LLMNR_RESPONSE_RCODE,
    LLMNR_RESPONSE_SLOTS, LLMNR_RESPONSE_TENTATIVE,
    LLMNR_RESPONSE_TYPE, RECORD_ADDRESS, RECORD_NAME, RECORD_SLOTS, RECORD_TYPE, RECORD_VALUE,
)
from sensor.native.out cimport PUNT, TAKEN, Mark, Out, fact, mark, message, span, undo
from sensor.native.read cimport Bytes, u16
from sensor.native.text cimport character, decimal, digit, word
from sensor.native.unit cimport native

cdef enum:
    PORT = 5355
    HEADER = 12
    RECORDS_LIMIT = 256
    RESPONSE = 0x8000
    OPERATION = 0x7800
    CONFLICT = 0x0400
    TENTATIVE = 0x0100
    A = 1
    PTR = 12
    AAAA = 28
    ANY = 255


cdef int dissect(const uint8_t* payload, uint32_t size, const Row* row, Out* out) except -1 nogil:
    cdef Bytes b
    cdef Mark here = mark(out)
    cdef uint32_t id_, flags, questions, wanted, kind = 0
    cdef uint64_t question_name = 0, answers = 0, host = 0
    cdef uint64_t* fields
    if size < HEADER:
        return PUNT
    b.data, b.at, b.end, b.bad = payload, 0, size, False
    id_, flags, questions, wanted = u16(&b), u16(&b), u16(&b), u16(&b)
    b.at = HEADER
    if flags & OPERATION or questions > RECORDS_LIMIT:
        return PUNT
    if first_question(&b, questions, out, &question_name, &kind) == PUNT:
        return undo(out, &here)
    if flags & RESPONSE and records(&b, wanted, True, out, &answers) == PUNT:
        return undo(out, &here)
    if b.bad:
        return undo(out, &here)
    if flags & RESPONSE:
        fields = message(out, LLMNR_RESPONSE, LLMNR_RESPONSE_SLOTS)
        fields[LLMNR_RESPONSE_ID], fields[LLMNR_RESPONSE_NAME], fields[LLMNR_RESPONSE_TYPE] = id_, question_name, kind
        fields[LLMNR_RESPONSE_RCODE] = flags & 15
        fields[LLMNR_RESPONSE_TENTATIVE] = flags & TENTATIVE
        fields[LLMNR_RESPONSE_ANSWERS] = answers
        if row.sport == PORT and not flags & 15:
            host = own_name(answers, row, out)
    else:
        fields = message(out, LLMNR_QUERY, LLMNR_QUERY_SLOTS)
        fields[LLMNR_QUERY_ID], fields[LLMNR_QUERY_NAME], fields[LLMNR_QUERY_TYPE] = id_, question_name, kind
        fields[LLMNR_QUERY_CLAIM], fields[LLMNR_QUERY_CONFLICT] = kind == ANY, flags & CONFLICT
        host = question_name if kind == ANY else 0
    if <uint32_t>host:
        fact(out, FACT_LLMNR_HOSTNAME, host)
    return TAKEN


cdef uint64_t own_name(uint64_t answers, const Row* row, Out* out) noexcept nogil:  # room was reserved
    """The name of the sender's address in the answers, forward or reverse; 0 if there is none."""
    cdef uint64_t* one = &out.slots[answers >> 32]
    cdef uint64_t sought = reverse(row, out)
    cdef uint32_t i
    for i in range(<uint32_t>answers):
        if one[RECORD_TYPE] == A or one[RECORD_TYPE] == AAAA:
            if one[RECORD_ADDRESS] == row.src_hi and one[RECORD_ADDRESS + 1] == row.src_lo:
                return one[RECORD_NAME]
        elif one[RECORD_TYPE] == PTR and <uint32_t>one[RECORD_NAME] == <uint32_t>sought:
            if not memcmp(&out.text[one[RECORD_NAME] >> 32], &out.text[sought >> 32], <uint32_t>sought):
                return one[RECORD_VALUE]
        one += RECORD_SLOTS
    return 0


cdef uint64_t reverse(const Row* row, Out* out) noexcept nogil:  # room was reserved
    """The name for a reverse look-up of the sender's address (RFC 1035, 3.5; RFC 3596, 2.5)."""
    cdef uint32_t begin = out.text_used
    cdef int i
    if row.src_hi == 0 and row.src_lo >> 32 == 0xFFFF:
        for i in range(4):
            decimal(out, row.src_lo >> 8 * i & 255)
            character(out, 46)
        word(out, b"in-addr.arpa")
        return span(begin, out.text_used - begin)
    for i in range(32):
        character(out, digit((row.src_lo if i < 16 else row.src_hi) >> 4 * (i % 16) & 15))
        character(out, 46)
    word(out, b"ip6.arpa")
    return span(begin, out.text_used - begin)


UNIT = native(dissect)
