# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Native NTP (RFC 1305, 5905, 9327); ``sensor.dissectors.ntp`` is the reference and also reads what is not read here:
the variables of a server, and malformed messages.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from sensor.core.row cimport Row
from sensor.native.kinds cimport (
    FACT_NTP_ROLE, NTP_ANSWER, NTP_ANSWER_BROADCAST, NTP_ANSWER_REFERENCE, NTP_ANSWER_SLOTS, NTP_ANSWER_STRATUM,
    NTP_ANSWER_VERSION, NTP_CONTROL,
    NTP_CONTROL_ANSWER, NTP_CONTROL_OPERATION, NTP_CONTROL_SLOTS, NTP_PRIVATE, NTP_PRIVATE_ANSWER, NTP_PRIVATE_REQUEST,
    NTP_PRIVATE_SLOTS, NTP_QUESTION,
    NTP_QUESTION_PEER, NTP_QUESTION_SLOTS, NTP_QUESTION_VERSION,
)
from sensor.native.out cimport PUNT, TAKEN, Out, fact, message
from sensor.native.text cimport TEXT_LIMIT, cleaned, quad, word
from sensor.native.unit cimport native

cdef enum:
    PORT = 123
    CLIENT = 3
    BROADCAST = 5
    CONTROL = 6
    PRIVATE = 7
    SIZE = 48
    CONTROL_SIZE = 12
    PRIVATE_SIZE = 4
    READ_VARIABLES = 2
    ANSWER = 0x80
    REFERENCE = 12
    UNSYNCHRONISED = 3
    LAST_STRATUM = 15


cdef int dissect(const uint8_t* payload, uint32_t size, const Row* row, Out* out) except -1 nogil:
    cdef uint32_t mode, version
    cdef uint64_t* fields
    if size == 0 or not (row.sport == PORT or row.dport == PORT):
        return TAKEN
    mode, version = payload[0] & 7, payload[0] >> 3 & 7
    if mode == 0 or not 1 <= version <= 4:
        return TAKEN
    if size < <uint32_t>(CONTROL_SIZE if mode == CONTROL else PRIVATE_SIZE if mode == PRIVATE else SIZE):
        return PUNT
    if mode == CONTROL:
        if payload[1] & ANSWER and payload[1] & 0x1F == READ_VARIABLES:
            return PUNT
        fields = message(out, NTP_CONTROL, NTP_CONTROL_SLOTS)
        fields[NTP_CONTROL_OPERATION], fields[NTP_CONTROL_ANSWER] = payload[1] & 0x1F, payload[1] & ANSWER
    elif mode == PRIVATE:
        fields = message(out, NTP_PRIVATE, NTP_PRIVATE_SLOTS)
        fields[NTP_PRIVATE_REQUEST], fields[NTP_PRIVATE_ANSWER] = payload[3], payload[0] & ANSWER
    elif mode <= CLIENT:
        fields = message(out, NTP_QUESTION, NTP_QUESTION_SLOTS)
        fields[NTP_QUESTION_VERSION], fields[NTP_QUESTION_PEER] = version, mode != CLIENT
    else:
        return answer(payload, mode, version, row, out)
    return TAKEN


cdef int answer(const uint8_t* payload, uint32_t mode, uint32_t version, const Row* row, Out* out) except -1 nogil:
    """Write a server's answer of 48 bytes."""
    cdef uint32_t stratum = payload[1], used = 4
    cdef uint64_t reference = 0
    cdef uint64_t* fields
    cdef const uint8_t* raw = payload + REFERENCE
    if stratum <= 1:
        while used and raw[used - 1] == 0:
            used -= 1
        if cleaned(out, raw, used, TEXT_LIMIT, &reference) == PUNT:
            return PUNT
    else:
        reference = quad(out, <uint32_t>raw[0] << 24 | raw[1] << 16 | raw[2] << 8 | raw[3])
    fields = message(out, NTP_ANSWER, NTP_ANSWER_SLOTS)
    fields[NTP_ANSWER_VERSION], fields[NTP_ANSWER_STRATUM], fields[NTP_ANSWER_REFERENCE] = version, stratum, reference
    fields[NTP_ANSWER_BROADCAST] = mode == BROADCAST
    if row.sport == PORT and 1 <= stratum <= LAST_STRATUM and payload[0] >> 6 != UNSYNCHRONISED:
        fact(out, FACT_NTP_ROLE, word(out, b"ntp_server"))
    return TAKEN


UNIT = native(dissect)
