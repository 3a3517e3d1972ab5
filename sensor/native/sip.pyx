# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Native SIP over UDP (RFC 3261); ``sensor.dissectors.sip`` is the reference and also reads what is not read here:
malformed messages, folded lines, headers that name a device, texts of Cisco phones, texts that are not ASCII,
the removal of all contacts.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memchr

from sensor.core.row cimport Row
from sensor.dissectors.sip import DEVICE_WORDS, HEADERS
from sensor.native.kinds cimport (
    FACT_SIP_INSTANCE_ID, FACT_SIP_PROFILE, FACT_SIP_SDP_SESSION, FACT_SIP_SDP_TOOL, FACT_SIP_SDP_USER,
    FACT_SIP_SERVER, FACT_SIP_USER_AGENT, SIP_MEDIA,
    SIP_MEDIA_ADDRESS, SIP_MEDIA_CALL_ID, SIP_MEDIA_MEDIA, SIP_MEDIA_SLOTS, SIP_REQUEST, SIP_REQUEST_BASIC,
    SIP_REQUEST_CALL_ID, SIP_REQUEST_CALLEE,
    SIP_REQUEST_CALLER, SIP_REQUEST_CREDENTIALS, SIP_REQUEST_CSEQ, SIP_REQUEST_METHOD, SIP_REQUEST_SLOTS,
    SIP_REQUEST_URI, SIP_REQUEST_USER_AGENT,
    SIP_RESPONSE, SIP_RESPONSE_CALL_ID, SIP_RESPONSE_CALLEE, SIP_RESPONSE_CALLER, SIP_RESPONSE_CHALLENGE,
    SIP_RESPONSE_CSEQ,
    SIP_RESPONSE_METHOD, SIP_RESPONSE_REASON, SIP_RESPONSE_SLOTS,
    SIP_RESPONSE_STATUS, SIP_RESPONSE_USER_AGENT,
)
from sensor.native.lines cimport (
    Piece, begins, begins_folded, found, is_blank, is_number, parted_at, parted_last, piece, stripped,
)
from sensor.native.out cimport PUNT, TAKEN, Mark, Out, fact, fits, mark, message, span, undo
from sensor.native.read cimport lower
from sensor.native.sdp cimport Sdp, description
from sensor.native.sip_headers cimport (
    address_in, challenge, is_numeric, is_sender, names_sender, size_of, without_blanks,
)
from sensor.native.text cimport TEXT_LIMIT, Word, cleaned, is_word
from sensor.native.unit cimport native
from sensor.native.byte_table cimport ByteTable

cdef enum:
    HEADERS_LIMIT = 128
    LINE_LIMIT = 4096
    SDP_LIMIT = 4096
    NAME_LIMIT = 255
    HEADER_NAME = 64       # bytes of the longest known header name
    METHOD_LIMIT = 32
    INSTANCE_LIMIT = 128
    # Known headers, by number.
    FROM = 0
    TO = 1
    CALL_ID = 2
    CSEQ = 3
    CONTACT = 4
    LENGTH = 5
    EVENT = 6
    AGENT = 7
    SERVER = 8
    AUTH = 9
    TYPE = 10
    REASON = 11
    READ = 12
    VIA = 12
    IGNORED = 13

cdef dict numbers = {
    "from": FROM, "to": TO, "call-id": CALL_ID, "cseq": CSEQ, "contact": CONTACT, "length": LENGTH, "event": EVENT,
    "agent": AGENT, "server": SERVER,
    "auth": AUTH, "type": TYPE, "reason": REASON, "via": VIA, "": IGNORED,
}
cdef ByteTable headers_known = ByteTable({name.lower(): numbers[held] for name, held in HEADERS.items()})
cdef list device_texts = list(DEVICE_WORDS)
cdef Word[32] device_words
cdef uint32_t devices = 0
for text in device_texts:
    device_words[devices] = <Word>(<bytes>text)
    devices += 1

# The headers of a message: the first of each known one, and the number of Via headers.
cdef struct Head:
    Piece[READ] values
    uint32_t vias

# Texts that requests and responses have in common, as spans.
cdef struct Common:
    uint64_t caller
    uint64_t callee
    uint64_t call_id
    uint64_t agent
    uint64_t server
    uint64_t cseq
    Piece method    # after the number in CSeq


cdef int dissect(const uint8_t* payload, uint32_t size, const Row* row, Out* out) except -1 nogil:
    cdef Mark here = mark(out)
    cdef Piece head, body, whole = piece(payload, size)
    cdef const uint8_t* end
    while whole.size and (whole.data[0] == 13 or whole.data[0] == 10 or whole.data[0] == 0 or whole.data[0] == 32):
        whole = piece(whole.data + 1, whole.size - 1)
    if not whole.size or not 97 <= (whole.data[0] | 32) <= 122:
        return TAKEN
    end = found(whole, b"\r\n\r\n")
    if end == NULL or not fits(out, 0, 4 * size + 8192):
        return PUNT
    head = piece(whole.data, <uint32_t>(end - whole.data))
    body = piece(end + 4, whole.size - head.size - 4)
    return TAKEN if read(head, body, row, out) == TAKEN else undo(out, &here)


cdef int read(Piece whole, Piece body, const Row* row, Out* out) except -1 nogil:
    """Read a message."""
    cdef Piece start
    cdef Head head
    cdef Common common
    cdef uint64_t length = 0
    cdef bint own = False
    line(&whole, &start)
    if start.size > LINE_LIMIT or headers(whole, &head) == PUNT or shared(&head, out, &common) == PUNT:
        return PUNT
    if head.values[LENGTH].data != NULL and size_of(head.values[LENGTH], &length) == PUNT:
        return PUNT
    if PUNT == (
        response(start, &head, &common, row, out, &own)
        if begins(start, b"SIP/2.0")
        else request(start, &head, &common, out, &own)
    ):
        return PUNT
    if head.values[TYPE].data == NULL or not begins_folded(without_blanks(head.values[TYPE]), b"application/sdp"):
        return TAKEN
    return media(
        piece(body.data, min(body.size, <uint32_t>length if length else SDP_LIMIT)), common.call_id, own, row, out
    )


cdef bint line(Piece* rest, Piece* found_) except -1 nogil:
    """The next line, up to CR and LF. Returns whether another one follows."""
    cdef const uint8_t* end = found(rest[0], b"\r\n")
    if end == NULL:
        found_[0], rest[0] = rest[0], piece(rest.data, 0)
        return False
    found_[0] = piece(rest.data, <uint32_t>(end - rest.data))
    rest[0] = piece(end + 2, rest.size - found_.size - 2)
    return True


cdef int headers(Piece rest, Head* head) except -1 nogil:
    """Parse the lines after the start line."""
    cdef Piece one, name, value
    cdef uint8_t[HEADER_NAME] lowered
    cdef uint32_t lines = 0, i
    cdef int known
    head.vias = 0
    for i in range(READ):
        head.values[i] = piece(NULL, 0)
    while rest.size:
        line(&rest, &one)
        lines += 1
        if (
            lines > HEADERS_LIMIT
            or one.size > LINE_LIMIT
            or not one.size
            or one.data[0] == 32
            or one.data[0] == 9
            or not parted_at(one, 58, &name, &value)
        ):
            return PUNT
        while name.size and is_blank(name.data[name.size - 1]):
            name.size -= 1
        if name.size > HEADER_NAME:
            return PUNT
        for i in range(name.size):
            lowered[i] = lower(name.data[i])
        known = headers_known.find(&lowered[0], name.size)
        if known < 0:
            if names_device(piece(&lowered[0], name.size)):
                return PUNT
        elif known == VIA:
            head.vias += 1
            for i in range(value.size):
                head.vias += value.data[i] == 44
        elif known < READ and head.values[known].data == NULL:
            head.values[known] = value
    return TAKEN


cdef bint names_device(Piece name) except -1 nogil:
    """Whether a header names a device or a part of one."""
    cdef uint32_t i
    if is_word(name.data, name.size, b"mac"):
        return True
    if not begins(name, b"x-") and not begins(name, b"p-"):
        return False
    for i in range(devices):
        if found(name, device_words[i]) != NULL:
            return True
    return False


cdef int shared(const Head* head, Out* out, Common* common) except -1 nogil:
    """Fill in the texts that requests and responses have in common."""
    cdef Piece number
    cdef uint32_t i
    common.agent = common.server = common.call_id = common.caller = common.callee = common.cseq = 0
    parted_at(without_blanks(head.values[CSEQ]), 32, &number, &common.method)
    if is_number(number):
        for i in range(min(number.size, <uint32_t>10)):
            common.cseq = 10 * common.cseq + number.data[i] - 48
    if (
        address_in(head.values[FROM], out, &common.caller) == PUNT
        or address_in(head.values[TO], out, &common.callee) == PUNT
    ):
        return PUNT
    if cleaned(out, head.values[CALL_ID].data, head.values[CALL_ID].size, NAME_LIMIT, &common.call_id) == PUNT:
        return PUNT
    if cleaned(out, head.values[AGENT].data, head.values[AGENT].size, TEXT_LIMIT, &common.agent) == PUNT:
        return PUNT
    return cleaned(out, head.values[SERVER].data, head.values[SERVER].size, TEXT_LIMIT, &common.server)


cdef int request(Piece start, const Head* head, const Common* common, Out* out, bint* own) except -1 nogil:
    """Write a request and the facts about its sender."""
    cdef Piece method, rest, uri, version
    cdef uint64_t method_ = 0, uri_ = 0
    cdef uint64_t* fields
    cdef uint32_t i
    if not parted_at(start, 32, &method, &rest) or not parted_last(rest, 32, &uri, &version) or not uri.size:
        return PUNT
    if not is_word(version.data, version.size, b"SIP/2.0") or not 0 < method.size <= METHOD_LIMIT:
        return PUNT
    for i in range(method.size):
        if not 65 <= method.data[i] <= 90:
            return PUNT
    if (
        cleaned(out, method.data, method.size, METHOD_LIMIT, &method_) == PUNT
        or cleaned(out, uri.data, uri.size, TEXT_LIMIT, &uri_) == PUNT
    ):
        return PUNT
    fields = message(out, SIP_REQUEST, SIP_REQUEST_SLOTS)
    fields[SIP_REQUEST_METHOD] = method_
    fields[SIP_REQUEST_URI] = uri_
    fields[SIP_REQUEST_CALLER] = common.caller
    fields[SIP_REQUEST_CALLEE] = common.callee
    fields[SIP_REQUEST_CALL_ID], fields[SIP_REQUEST_CSEQ] = common.call_id, common.cseq
    fields[SIP_REQUEST_USER_AGENT] = common.agent if <uint32_t>common.agent else common.server
    fields[SIP_REQUEST_CREDENTIALS] = head.values[AUTH].data != NULL
    fields[SIP_REQUEST_BASIC] = begins_folded(without_blanks(head.values[AUTH]), b"basic ")
    own[0] = head.vias <= 1
    if is_word(method.data, method.size, b"REGISTER") and has_star(head.values[CONTACT]):
        return PUNT
    if not own[0]:
        return TAKEN
    programs(common, out)
    if is_word(method.data, method.size, b"SUBSCRIBE") and profile(head.values[EVENT], out) == PUNT:
        return PUNT
    return registering(head, out) if is_word(method.data, method.size, b"REGISTER") else TAKEN


cdef int response(
    Piece start, const Head* head, const Common* common, const Row* row, Out* out, bint* own
) except -1 nogil:
    """Write a response and the facts about its sender."""
    cdef Piece status, reason
    cdef uint64_t reason_ = 0, method = 0
    cdef uint64_t* fields
    cdef int at_sender
    if start.size < 8:
        return PUNT
    parted_at(piece(start.data + 8, start.size - 8), 32, &status, &reason)
    if status.size != 3 or not is_number(status) or not 49 <= status.data[0] <= 54:
        return PUNT
    if (
        cleaned(out, reason.data, reason.size, NAME_LIMIT, &reason_) == PUNT
        or cleaned(out, common.method.data, common.method.size, 32, &method) == PUNT
    ):
        return PUNT
    fields = message(out, SIP_RESPONSE, SIP_RESPONSE_SLOTS)
    fields[SIP_RESPONSE_STATUS] = 100 * (status.data[0] - 48) + 10 * (status.data[1] - 48) + status.data[2] - 48
    fields[SIP_RESPONSE_REASON] = reason_
    fields[SIP_RESPONSE_METHOD] = method
    fields[SIP_RESPONSE_CALLER] = common.caller
    fields[SIP_RESPONSE_CALLEE] = common.callee
    fields[SIP_RESPONSE_CALL_ID] = common.call_id
    fields[SIP_RESPONSE_CSEQ] = common.cseq
    fields[SIP_RESPONSE_USER_AGENT] = common.server if <uint32_t>common.server else common.agent
    if head.values[AUTH].data != NULL:
        fields[SIP_RESPONSE_CHALLENGE] = True
        if challenge(stripped(head.values[AUTH]), fields, out) == PUNT:
            return PUNT
    status = stripped(common.method)
    own[0] = is_word(status.data, status.size, b"REGISTER") or head.values[CONTACT].data == NULL
    if not own[0]:
        at_sender = names_sender(head.values[CONTACT], row, out)
        if at_sender == 2:
            return PUNT
        own[0] = at_sender == 1
    if own[0]:
        programs(common, out)
    return TAKEN


cdef bint has_star(Piece contact) except -1 nogil:
    """Whether a registration may remove all contacts, which is not read here."""
    return contact.data != NULL and memchr(contact.data, 42, contact.size) != NULL


cdef int programs(const Common* common, Out* out) except -1 nogil:
    """Write the facts about the user agent or server software."""
    if <uint32_t>common.agent:
        fact(out, FACT_SIP_USER_AGENT, common.agent)
    if <uint32_t>common.server:
        fact(out, FACT_SIP_SERVER, common.server)
    return 0


cdef int profile(Piece event, Out* out) except -1 nogil:
    """Write the fact that a phone without settings requests its profile."""
    cdef uint64_t text_ = 0
    if event.data == NULL or found(event, b"ua-profile") == NULL or found(event, b"vendor") == NULL:
        return TAKEN
    if cleaned(out, event.data, event.size, TEXT_LIMIT, &text_) == PUNT:
        return PUNT
    fact(out, FACT_SIP_PROFILE, text_)
    return TAKEN


cdef int registering(const Head* head, Out* out) except -1 nogil:
    """Write facts that only registrations have: the instance in Contact (RFC 5626, 4.1). PUNT for Cisco phones, which
    send more.
    """
    cdef Piece contact = head.values[CONTACT]
    cdef const uint8_t* at
    cdef uint32_t size = 0, left
    cdef uint64_t text_ = 0
    if head.values[REASON].data != NULL and found(head.values[REASON], b"cisco-alarm") != NULL:
        return PUNT
    if contact.data == NULL or not contact.size or memchr(contact.data, 43, contact.size) == NULL:
        return TAKEN
    if found(contact, b"+u.sip!") != NULL:
        return PUNT
    at = found(contact, b"+sip.instance=\"<urn:")
    if at == NULL:
        return TAKEN
    at += 20
    left = <uint32_t>(contact.data + contact.size - at)
    while size < left and at[size] != 62 and at[size] != 34:
        size += 1
    if (
        not 0 < size <= INSTANCE_LIMIT
        or left - size < 2
        or at[size] != 62
        or at[size + 1] != 34
        or cleaned(out, at, size, TEXT_LIMIT, &text_) == PUNT
    ):
        return PUNT
    if <uint32_t>text_:
        fact(out, FACT_SIP_INSTANCE_ID, text_)
    return TAKEN


cdef int media(Piece body, uint64_t call_id, bint own, const Row* row, Out* out) except -1 nogil:
    """Write a session description. Its names are the sender's if the message is the sender's own and the origin is the
    sender's address or a name.
    """
    cdef Sdp sdp
    cdef uint64_t* fields
    cdef Piece host
    if not begins(body, b"v=0"):
        return TAKEN
    if description(body, out, &sdp) == PUNT:
        return PUNT
    fields = message(out, SIP_MEDIA, SIP_MEDIA_SLOTS)
    fields[SIP_MEDIA_CALL_ID], fields[SIP_MEDIA_ADDRESS], fields[SIP_MEDIA_MEDIA] = call_id, sdp.address, sdp.media
    host = piece(out.text + (sdp.address >> 32), <uint32_t>sdp.address)
    if host.size and memchr(host.data, 58, host.size) != NULL and own:
        return PUNT
    if own and (is_sender(host, row, out) or not is_numeric(host)):
        if <uint32_t>sdp.user:
            fact(out, FACT_SIP_SDP_USER, sdp.user)
        if <uint32_t>sdp.session:
            fact(out, FACT_SIP_SDP_SESSION, sdp.session)
        if <uint32_t>sdp.tool:
            fact(out, FACT_SIP_SDP_TOOL, sdp.tool)
    return TAKEN


UNIT = native(dissect)
