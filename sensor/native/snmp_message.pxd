# SNMP: PDU types and flags (RFC 3412, 3416), limits, and the state of a message in the dissector.
from libc.stdint cimport uint32_t, uint64_t

from sensor.native.ber cimport Element

cdef enum:
    TRAPS = 162
    GET = 0xA0
    RESPONSE = 0xA2
    SET = 0xA3
    TRAP_V1 = 0xA4
    GET_BULK = 0xA5
    INFORM = 0xA6
    TRAP_V2 = 0xA7
    REPORT = 0xA8
    AUTHENTICATED = 1
    PRIVATE = 2
    REPORTABLE = 4
    USER_MODEL = 3
    VARIABLES_LIMIT = 128
    NAMES_LIMIT = 16
    USER_LIMIT = 64
    ENGINE_LIMIT = 32
    MAC_FORMAT = 3
    STATUSES = 19
    GENERIC_TRAPS = 6


# The security parameters of a message. Spans of text; ``secret``: the community, NULL in version 3.
cdef struct Sender:
    uint64_t version
    uint64_t community
    uint64_t user
    uint64_t level
    Element secret
    Element engine
    Element context

cdef struct Variable:
    Element name
    Element value

cdef struct Variables:
    Variable[VARIABLES_LIMIT] all
    uint32_t count
