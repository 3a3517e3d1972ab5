# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Native parsing of SIP header values (RFC 3261, 20): addresses, challenges, and whether they name the sender of a
packet.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcmp

from sensor.core.row cimport Row
from sensor.native.kinds cimport (
    SIP_RESPONSE_ALGORITHM, SIP_RESPONSE_NONCE, SIP_RESPONSE_QOP, SIP_RESPONSE_REALM, SIP_RESPONSE_SCHEME,
    SIP_RESPONSE_STALE,
)
from sensor.native.lines cimport Piece, begins_folded, is_blank, is_number, parted_at, parted_last, piece, stripped
from sensor.native.out cimport PUNT, TAKEN, Out
from sensor.native.read cimport lower
from sensor.native.text cimport character, cleaned, quad

cdef enum:
    BODY_LIMIT = 65536
    NAME_LIMIT = 255
    PARAMETERS_LIMIT = 16
    PARAMETER_NAME = 32
    QUOTED_LIMIT = 1024
    UNQUOTED_LIMIT = 256


cdef Piece without_blanks(Piece one) noexcept nogil:  # stays inside the piece
    """The piece without leading white space."""
    while one.size and is_blank(one.data[0]):
        one = piece(one.data + 1, one.size - 1)
    return one


cdef int address_in(Piece raw, Out* out, uint64_t* found_) except -1 nogil:
    """The address in From, To or Contact without display name, scheme and parameters (``_sip_address``)."""
    cdef Piece uri = without_blanks(raw), rest, scheme
    cdef uint32_t at
    if uri.size and uri.data[0] == 34:  # a display name, which may contain angle brackets
        at = 1
        while at < uri.size and uri.data[at] != 34:
            if uri.data[at] == 92:
                return PUNT
            at += 1
        if at == uri.size:
            return PUNT
        raw = piece(uri.data + at + 1, uri.size - at - 1)
    uri = raw
    if parted_at(raw, 60, &rest, &raw) and not parted_at(raw, 62, &uri, &rest):
        return PUNT
    parted_at(uri, 59, &uri, &rest)
    uri.size = min(uri.size, <uint32_t>NAME_LIMIT)
    uri = stripped(uri)
    parted_at(uri, 58, &scheme, &rest)
    if is_scheme(scheme):
        uri = rest
    return cleaned(out, uri.data, uri.size, NAME_LIMIT, found_)


cdef bint is_scheme(Piece scheme) except -1 nogil:
    return (
        (scheme.size == 3 and (begins_folded(scheme, b"sip") or begins_folded(scheme, b"tel")))
        or (scheme.size == 4 and begins_folded(scheme, b"sips"))
    )


cdef int size_of(Piece raw, uint64_t* found_) except -1 nogil:
    """Content-Length in bytes. PUNT if it is invalid."""
    cdef uint32_t i
    raw = stripped(raw)
    if not is_number(raw) or raw.size > 9:
        return PUNT
    found_[0] = 0
    for i in range(raw.size):
        found_[0] = 10 * found_[0] + raw.data[i] - 48
    return PUNT if found_[0] > BODY_LIMIT else TAKEN


cdef int challenge(Piece raw, uint64_t* fields, Out* out) except -1 nogil:
    """Parse a challenge: ``Digest realm="pbx", nonce="…"``. PUNT if the parameters have an unusual format."""
    cdef Piece scheme, rest, name, value
    cdef uint32_t i, begin = out.text_used, count = 0
    parted_at(raw, 32, &scheme, &rest)
    for i in range(min(scheme.size, <uint32_t>32)):
        character(out, lower(scheme.data[i]))
    if cleaned(out, out.text + begin, out.text_used - begin, 32, &fields[SIP_RESPONSE_SCHEME]) == PUNT:
        return PUNT
    while True:
        while rest.size and (rest.data[0] == 32 or rest.data[0] == 44):
            rest = piece(rest.data + 1, rest.size - 1)
        if not rest.size:
            return TAKEN
        count += 1
        if count > PARAMETERS_LIMIT or parameter(&rest, &name, &value) == PUNT:
            return PUNT
        if name.size == 3 and begins_folded(name, b"qop"):
            fields[SIP_RESPONSE_QOP] = value.size
        elif name.size == 5 and begins_folded(name, b"stale"):
            fields[SIP_RESPONSE_STALE] = value.size == 4 and begins_folded(value, b"true")
        elif name.size == 5 and begins_folded(name, b"realm"):
            if cleaned(out, value.data, value.size, NAME_LIMIT, &fields[SIP_RESPONSE_REALM]) == PUNT:
                return PUNT
        elif name.size == 5 and begins_folded(name, b"nonce"):
            if cleaned(out, value.data, value.size, NAME_LIMIT, &fields[SIP_RESPONSE_NONCE]) == PUNT:
                return PUNT
        elif name.size == 9 and begins_folded(name, b"algorithm"):
            if cleaned(out, value.data, value.size, NAME_LIMIT, &fields[SIP_RESPONSE_ALGORITHM]) == PUNT:
                return PUNT


cdef int parameter(Piece* rest, Piece* name, Piece* value) except -1 nogil:
    """One ``name=value`` or ``name="value"``, followed by a comma, a space or the end."""
    cdef Piece behind
    cdef uint32_t i
    if not parted_at(rest[0], 61, name, &behind) or not 0 < name.size <= PARAMETER_NAME or not behind.size:
        return PUNT
    for i in range(name.size):
        if not 97 <= (name.data[i] | 32) <= 122:
            return PUNT
    if behind.data[0] == 34:
        if not parted_at(piece(behind.data + 1, behind.size - 1), 34, value, &behind) or value.size > QUOTED_LIMIT:
            return PUNT
    else:
        i = 0
        while i < behind.size and not is_blank(behind.data[i]) and behind.data[i] != 44 and behind.data[i] != 34:
            i += 1
        if not 0 < i <= UNQUOTED_LIMIT:
            return PUNT
        value[0], behind = piece(behind.data, i), piece(behind.data + i, behind.size - i)
    if behind.size and behind.data[0] != 44 and behind.data[0] != 32:
        return PUNT
    rest[0] = behind
    return TAKEN


cdef int names_sender(Piece contact, const Row* row, Out* out) except -1 nogil:
    """Whether a Contact names the sender: by its address, or by a name, which cannot be checked. 2: left to the
    reference.
    """
    cdef uint64_t address = 0
    cdef Piece host, ignored
    if address_in(contact, out, &address) == PUNT:
        return 2
    parted_last(piece(out.text + (address >> 32), <uint32_t>address), 64, &ignored, &host)
    if host.size and host.data[0] == 91:
        return 2
    parted_at(host, 58, &host, &ignored)
    return is_sender(host, row, out) or not is_numeric(host)


cdef bint is_sender(Piece host, const Row* row, Out* out) except -1 nogil:
    """Whether a host is the sender's IPv4 address in text."""
    cdef uint64_t own
    if row.src_hi or row.src_lo >> 32 != 0xFFFF:
        return False
    own = quad(out, <uint32_t>row.src_lo)
    return host.size == <uint32_t>own and not memcmp(host.data, out.text + (own >> 32), host.size)


cdef bint is_numeric(Piece host) except -1 nogil:
    """Whether a host consists of digits and dots, with at least one digit."""
    cdef uint32_t i
    cdef bint digits = False
    for i in range(host.size):
        if 48 <= host.data[i] <= 57:
            digits = True
        elif host.data[i] != 46:
            return False
    return digits
