# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Native DHCP for IPv4 and BOOTP (RFC 2131, 2132, 951); ``sensor.dissectors.dhcp`` is the reference and also reads what
is not read here: malformed messages, options in several parts or in other fields, vendor-identifying options, texts
that are not ASCII.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from sensor.core.row cimport Row
from sensor.native.dhcp_options cimport (
    ACK, ARCHITECTURE, ARCHITECTURES_LIMIT, BOOTP, BOOTREPLY, BOOTREQUEST, BOOT_FILE, BOOT_FILE_SIZE, BOOT_HOST,
    BOOT_NAME, CLIENT_ID, DNS, DOMAIN, END, ETHERNET, FQDN, FROM_CLIENTS, FROM_SERVERS, GATEWAYS, HEX_LIMIT,
    HOLDS_ADDRESS, HOSTNAME, LEASE, MAGIC, MAGIC_AT, MESSAGE_SIZE, MUD_URL, NAME_LIMIT, NETMASK, OPTIONS_AT,
    OVERLOAD, PARAMETER_LIST, PROXY_URL, RELAY_AGENT, REQUESTED, SERVER, TFTP, TYPE, USER_CLASS, UUID, VENDOR_CLASS,
    VENDOR_IDENTIFYING, VENDOR_IDENTIFYING_CLASS, VENDOR_SPECIFIC,
)
from sensor.native.kinds cimport (
    DHCP_ACK, DHCP_DECLINE, DHCP_DISCOVER, DHCP_DISCOVER_ADDRESS, DHCP_DISCOVER_BOOT_FILE, DHCP_DISCOVER_BOOT_HOST,
    DHCP_DISCOVER_BOOT_SERVER,
    DHCP_DISCOVER_CIRCUIT, DHCP_DISCOVER_DNS, DHCP_DISCOVER_DOMAIN, DHCP_DISCOVER_GATEWAYS, DHCP_DISCOVER_HOSTNAME,
    DHCP_DISCOVER_LEASE_S,
    DHCP_DISCOVER_MAC, DHCP_DISCOVER_NETMASK, DHCP_DISCOVER_OFFERED, DHCP_DISCOVER_PROXY_URL, DHCP_DISCOVER_RELAY,
    DHCP_DISCOVER_REMOTE,
    DHCP_DISCOVER_REQUESTED, DHCP_DISCOVER_SERVER, DHCP_DISCOVER_SLOTS, DHCP_DISCOVER_TFTP, DHCP_DISCOVER_TYPE,
    DHCP_DISCOVER_VENDOR_CLASS,
    DHCP_DISCOVER_XID, DHCP_INFORM, DHCP_NAK, DHCP_OFFER, DHCP_OTHER, DHCP_RELEASE, DHCP_REQUEST,
    FACT_DHCP_ARCHITECTURE, FACT_DHCP_CLIENT_ID,
    FACT_DHCP_FQDN, FACT_DHCP_HOSTNAME, FACT_DHCP_LEASE, FACT_DHCP_MESSAGE_SIZE, FACT_DHCP_MUD_URL,
    FACT_DHCP_PARAMETER_LIST, FACT_DHCP_ROLE,
    FACT_DHCP_USER_CLASS, FACT_DHCP_UUID, FACT_DHCP_VENDOR_CLASS, FACT_DHCP_VENDOR_SPECIFIC,
)
from sensor.native.lines cimport Piece, parted_at, piece
from sensor.native.out cimport PUNT, TAKEN, Mark, Out, fact_about, fits, items, mark, message, put, span, undo
from sensor.native.read cimport Bytes, u16, u32
from sensor.native.text cimport TEXT_LIMIT, character, cleaned, decimal, hexadecimal, quad, word
from sensor.native.unit cimport native

cdef uint64_t V4 = <uint64_t>0xFFFF << 32
cdef uint64_t GROUP = <uint64_t>1 << 40
cdef uint16_t[9] kinds = [
    DHCP_OTHER, DHCP_DISCOVER, DHCP_OFFER, DHCP_REQUEST, DHCP_DECLINE, DHCP_ACK, DHCP_NAK, DHCP_RELEASE, DHCP_INFORM,
]

# The options by number, and the numbers in order of appearance.
cdef struct Options:
    Piece[256] values
    uint8_t[256] order
    uint32_t count


cdef int dissect(const uint8_t* payload, uint32_t size, const Row* row, Out* out) except -1 nogil:
    cdef Mark here = mark(out)
    return TAKEN if read(payload, size, row, out) == TAKEN else undo(out, &here)


cdef int read(const uint8_t* payload, uint32_t size, const Row* row, Out* out) except -1 nogil:
    cdef Bytes b
    cdef Options options
    cdef uint32_t op, link, xid, cookie, kind, siaddr, i
    cdef uint64_t mac, end
    cdef uint64_t* fields
    if size < OPTIONS_AT or not fits(out, 0, 8 * size):
        return PUNT
    b.data, b.at, b.end, b.bad = payload, MAGIC_AT, size, False
    cookie = u32(&b)
    op, link = payload[0], payload[1]
    if (cookie != MAGIC and cookie != 0) or not BOOTREQUEST <= op <= BOOTREPLY:
        return PUNT
    options.count = 0
    for i in range(256):
        options.values[i] = piece(NULL, 0)
    if cookie == MAGIC and collect(payload, size, &options) == PUNT:
        return PUNT
    kind = options.values[TYPE].data[0] if options.values[TYPE].size else 0
    # All event classes have the same fields.
    fields = message(out, kinds[kind] if kind < 9 else DHCP_OTHER, DHCP_DISCOVER_SLOTS)
    b.at = 4
    xid = u32(&b)
    b.at = 12
    fields[DHCP_DISCOVER_ADDRESS + 1], fields[DHCP_DISCOVER_OFFERED + 1] = v4(u32(&b)), v4(u32(&b))
    siaddr = u32(&b)
    fields[DHCP_DISCOVER_RELAY + 1] = v4(u32(&b))
    mac = <uint64_t>u16(&b) << 32
    mac |= u32(&b)
    mac = mac if link == ETHERNET and payload[2] == 6 else 0
    end = row.dst_mac if op == BOOTREPLY else row.src_mac
    if row.vlan and end and end != mac and not end & GROUP:  # forwarded: facts have the VLAN of the row
        return PUNT
    fields[DHCP_DISCOVER_TYPE], fields[DHCP_DISCOVER_XID], fields[DHCP_DISCOVER_MAC] = kind, xid, mac
    if (
        one(&options, REQUESTED, &fields[DHCP_DISCOVER_REQUESTED + 1]) == PUNT
        or one(&options, SERVER, &fields[DHCP_DISCOVER_SERVER + 1]) == PUNT
    ):
        return PUNT
    if relay_agent(options.values[RELAY_AGENT], fields, out) == PUNT:
        return PUNT
    if op == BOOTREPLY:
        if handed_out(&options, payload, fields, out) == PUNT:
            return PUNT
        fields[DHCP_DISCOVER_BOOT_SERVER + 1] = v4(siaddr)
        return server_facts(fields, row, out)
    if kind < 9 and FROM_SERVERS >> kind & 1:
        return PUNT
    return client(&options, fields, out) if kind < 9 and FROM_CLIENTS >> kind & 1 else TAKEN


cdef uint64_t v4(uint32_t number) noexcept nogil:  # arithmetic only
    """An IPv4-mapped address; 0 if there is none."""
    return V4 | number if number else 0


cdef int collect(const uint8_t* payload, uint32_t size, Options* options) except -1 nogil:
    """Parse the options field. PUNT for options in several parts or in other fields."""
    cdef uint32_t at = OPTIONS_AT, last = size - 1, code, length
    while at < last:
        code = payload[at]
        if code == 0:
            at += 1
            continue
        if code == END:
            break
        length = payload[at + 1]
        if size - at - 2 < length or options.values[code].data != NULL:
            return PUNT
        options.values[code] = piece(payload + at + 2, length)
        options.order[options.count] = code
        options.count += 1
        at += 2 + length
    if at == last and 0 < payload[last] < END:
        return PUNT
    return PUNT if options.values[OVERLOAD].size else TAKEN


cdef int one(const Options* options, uint32_t code, uint64_t* found) except -1 nogil:
    """The address in an option of four bytes."""
    cdef Piece raw = options.values[code]
    if raw.data != NULL:
        if raw.size != 4:
            return PUNT
        found[0] = v4(<uint32_t>raw.data[0] << 24 | raw.data[1] << 16 | raw.data[2] << 8 | raw.data[3])
    return TAKEN


cdef uint64_t many(Piece raw, Out* out) noexcept nogil:  # room was reserved
    """The addresses in an option of several, as a span of slots; empty if its length is no multiple of four."""
    cdef uint32_t count = 0 if raw.size & 3 else raw.size // 4, first = out.slots_used, i
    cdef uint64_t* found = items(out, 2 * count)
    for i in range(count):
        found[2 * i + 1] = (
            V4
            | <uint32_t>raw.data[4 * i] << 24
            | raw.data[4 * i + 1] << 16
            | raw.data[4 * i + 2] << 8
            | raw.data[4 * i + 3]
        )
    return span(first, count)


cdef int handed_out(const Options* options, const uint8_t* payload, uint64_t* fields, Out* out) except -1 nogil:
    """The configuration that a server assigns."""
    cdef Piece raw = options.values[LEASE], ignored
    cdef uint32_t i
    if one(options, NETMASK, &fields[DHCP_DISCOVER_NETMASK + 1]) == PUNT:
        return PUNT
    fields[DHCP_DISCOVER_GATEWAYS] = many(options.values[GATEWAYS], out)
    fields[DHCP_DISCOVER_DNS] = many(options.values[DNS], out)
    fields[DHCP_DISCOVER_TFTP] = many(options.values[TFTP], out)
    for i in range(min(raw.size, <uint32_t>4)):
        fields[DHCP_DISCOVER_LEASE_S] = fields[DHCP_DISCOVER_LEASE_S] << 8 | raw.data[i]
    raw = options.values[BOOT_NAME]
    if not raw.size and payload[BOOT_FILE] and options.values[OVERLOAD].data == NULL:
        raw = piece(payload + BOOT_FILE, BOOT_FILE_SIZE)
    parted_at(raw, 0, &raw, &ignored)
    if cleaned(out, raw.data, raw.size, NAME_LIMIT, &fields[DHCP_DISCOVER_BOOT_FILE]) == PUNT:
        return PUNT
    if text(options, DOMAIN, NAME_LIMIT, out, &fields[DHCP_DISCOVER_DOMAIN]) == PUNT:
        return PUNT
    if text(options, BOOT_HOST, NAME_LIMIT, out, &fields[DHCP_DISCOVER_BOOT_HOST]) == PUNT:
        return PUNT
    if text(options, PROXY_URL, TEXT_LIMIT, out, &fields[DHCP_DISCOVER_PROXY_URL]) == PUNT:
        return PUNT
    return text(options, VENDOR_CLASS, TEXT_LIMIT, out, &fields[DHCP_DISCOVER_VENDOR_CLASS])


cdef int text(const Options* options, uint32_t code, uint32_t limit, Out* out, uint64_t* found) except -1 nogil:
    """An option with a text."""
    return cleaned(out, options.values[code].data, options.values[code].size, limit, found)


cdef int server_facts(const uint64_t* fields, const Row* row, Out* out) except -1 nogil:
    """The server's role, and the client's lease. Behind a relay the frame's source is not the server's."""
    cdef uint64_t kind = fields[DHCP_DISCOVER_TYPE], server = fields[DHCP_DISCOVER_SERVER + 1]
    cdef uint64_t offered = fields[DHCP_DISCOVER_OFFERED + 1], mac = 0
    if server and kind < 9 and FROM_SERVERS >> kind & 1:
        if row.src_hi == 0 and row.src_lo == server and not fields[DHCP_DISCOVER_RELAY + 1]:
            mac = row.src_mac
        elif row.vlan:
            return PUNT
        fact_about(out, FACT_DHCP_ROLE, word(out, b"server"), mac, 0, server)
    mac = fields[DHCP_DISCOVER_MAC]
    if kind == ACK and offered and mac and not mac & GROUP:
        fact_about(out, FACT_DHCP_LEASE, quad(out, <uint32_t>offered), mac, 0, offered)
    return TAKEN


cdef int client(const Options* options, uint64_t* fields, Out* out) except -1 nogil:
    """The facts that a client reports about itself."""
    cdef uint64_t mac = fields[DHCP_DISCOVER_MAC]
    cdef uint64_t address = fields[DHCP_DISCOVER_ADDRESS + 1] if HOLDS_ADDRESS >> fields[DHCP_DISCOVER_TYPE] & 1 else 0
    cdef bint known = (mac or address) and not mac & GROUP
    cdef uint64_t value
    cdef uint32_t i, code
    cdef int kind
    for i in range(options.count):
        code, value = options.order[i], 0
        kind = fact_of(code, options.values[code], out, &value)
        if kind == -2:
            return PUNT
        if kind < 0:
            continue
        if code == HOSTNAME:
            fields[DHCP_DISCOVER_HOSTNAME] = value
        elif code == VENDOR_CLASS:
            fields[DHCP_DISCOVER_VENDOR_CLASS] = value
        if <uint32_t>value and known:
            fact_about(out, kind, value, mac, 0, address)
    return TAKEN


cdef int fact_of(uint32_t code, Piece raw, Out* out, uint64_t* value) except -9 nogil:
    """The kind of fact in a client's option, and its value; -1: none, -2: left to the reference."""
    cdef int done = TAKEN, kind = -1
    if code == HOSTNAME:
        kind, done = FACT_DHCP_HOSTNAME, cleaned(out, raw.data, raw.size, NAME_LIMIT, value)
    elif code == VENDOR_CLASS:
        kind, done = FACT_DHCP_VENDOR_CLASS, cleaned(out, raw.data, raw.size, TEXT_LIMIT, value)
    elif code == MUD_URL:
        kind, done = FACT_DHCP_MUD_URL, cleaned(out, raw.data, raw.size, TEXT_LIMIT, value)
    elif code == CLIENT_ID:
        kind, done = FACT_DHCP_CLIENT_ID, client_id(raw, out, value)
    elif code == USER_CLASS:
        kind, done = FACT_DHCP_USER_CLASS, joined(raw, 44, True, TEXT_LIMIT, out, value)
    elif code == FQDN:
        kind, done = FACT_DHCP_FQDN, full_name(raw, out, value)
    elif code == VENDOR_SPECIFIC:
        kind, value[0] = FACT_DHCP_VENDOR_SPECIFIC, hexadecimal(out, raw.data, raw.size, 0)
    elif code == PARAMETER_LIST:
        kind, value[0] = FACT_DHCP_PARAMETER_LIST, listed(raw, 1, out)
    elif code == ARCHITECTURE:
        kind = FACT_DHCP_ARCHITECTURE
        value[0] = listed(piece(raw.data, min(raw.size, <uint32_t>ARCHITECTURES_LIMIT + 1)), 2, out)
    elif code == MESSAGE_SIZE:
        kind, value[0] = FACT_DHCP_MESSAGE_SIZE, listed(raw, 2, out) if raw.size == 2 else 0
    elif code == UUID:
        kind, value[0] = FACT_DHCP_UUID, uuid(raw, out)
    elif code == VENDOR_IDENTIFYING or code == VENDOR_IDENTIFYING_CLASS:
        done = PUNT
    return -2 if done == PUNT else kind


cdef uint64_t listed(Piece raw, uint32_t width, Out* out) noexcept nogil:  # room was reserved
    """Numbers of one or two bytes, in decimal, separated by commas."""
    cdef uint32_t begin = out.text_used, i = 0
    while raw.size - i >= width:
        if i:
            character(out, 44)
        decimal(out, raw.data[i] if width == 1 else <uint32_t>raw.data[i] << 8 | raw.data[i + 1])
        i += width
    return span(begin, out.text_used - begin)


cdef uint64_t uuid(Piece raw, Out* out) noexcept nogil:  # room was reserved
    """Type 0 and 16 bytes in UUID notation (RFC 4578, 2.3), else hexadecimal."""
    cdef uint32_t begin = out.text_used, i
    if raw.size != 17 or raw.data[0]:
        return hexadecimal(out, raw.data, raw.size, 0)
    for i in range(16):
        if i == 4 or i == 6 or i == 8 or i == 10:
            character(out, 45)
        hexadecimal(out, raw.data + 1 + i, 1, 0)
    return span(begin, out.text_used - begin)


cdef bint is_text(Piece raw) except -1 nogil:
    """Whether bytes are printable ASCII, ignoring zeros at the end."""
    cdef uint32_t i
    while raw.size and not raw.data[raw.size - 1]:
        raw.size -= 1
    for i in range(raw.size):
        if not 32 <= raw.data[i] <= 126:
            return False
    return raw.size > 0


cdef int text_or_hex(Piece raw, Out* out, uint64_t* found) except -1 nogil:
    if is_text(raw):
        return cleaned(out, raw.data, raw.size, TEXT_LIMIT, found)
    found[0] = hexadecimal(out, raw.data, min(raw.size, <uint32_t>HEX_LIMIT), 0)
    return TAKEN


cdef int client_id(Piece raw, Out* out, uint64_t* found) except -1 nogil:
    """The client id; type 0 is followed by an arbitrary name (RFC 2132, 9.14)."""
    if raw.size > 1 and not raw.data[0] and is_text(piece(raw.data + 1, raw.size - 1)):
        raw = piece(raw.data + 1, raw.size - 1)
    return text_or_hex(raw, out, found)


cdef bint is_counted(Piece raw) except -1 nogil:
    """Whether bytes are length-prefixed strings."""
    cdef uint32_t at = 0
    while at < raw.size:
        at += 1 + raw.data[at]
    return raw.size > 0 and at == raw.size


cdef int joined(Piece raw, uint8_t between, bint empty, uint32_t limit, Out* out, uint64_t* found) except -1 nogil:
    """Length-prefixed strings joined by a character, or the bytes unchanged if they are not length-prefixed. ``empty``:
    include empty strings.
    """
    cdef uint32_t begin = out.text_used, at = 0, size, count = 0
    if not is_counted(raw):
        return cleaned(out, raw.data, raw.size, limit, found)
    while at < raw.size:
        size = raw.data[at]
        if size or empty:
            if count:
                character(out, between)
            put(out, raw.data + at + 1, size)
            count += 1
        at += 1 + size
    return cleaned(out, out.text + begin, out.text_used - begin, limit, found)


cdef int full_name(Piece raw, Out* out, uint64_t* found) except -1 nogil:
    """Flags, two obsolete result codes, then the name: DNS labels if flag E is set (RFC 4702, 2.1), else plain text."""
    cdef Piece name = piece(raw.data + 3, raw.size - 3) if raw.size > 3 else piece(raw.data, 0)
    if raw.size < 3 or not raw.data[0] & 4:
        if cleaned(out, name.data, name.size, NAME_LIMIT, found) == PUNT:
            return PUNT
        while <uint32_t>found[0] and out.text[(found[0] >> 32) + <uint32_t>found[0] - 1] == 46:
            found[0] -= 1
        return TAKEN
    if is_counted(name) and not is_plain(name):  # labels are cleaned one by one: only plain ones do not change by it
        return PUNT
    return joined(name, 46, False, NAME_LIMIT, out, found)


cdef bint is_plain(Piece counted) except -1 nogil:
    """Whether all length-prefixed strings are printable ASCII without spaces."""
    cdef uint32_t at = 0, i
    while at < counted.size:
        for i in range(at + 1, at + 1 + counted.data[at]):
            if not 33 <= counted.data[i] <= 126:
                return False
        at += 1 + counted.data[at]
    return True


cdef int relay_agent(Piece raw, uint64_t* fields, Out* out) except -1 nogil:
    """Circuit id and remote id of the relay agent information option (RFC 3046, 2.0)."""
    cdef uint32_t at = 0, size
    cdef uint64_t* found
    while at + 2 <= raw.size:
        size = raw.data[at + 1]
        if (raw.data[at] == 1 or raw.data[at] == 2) and at + 2 + size <= raw.size:
            found = &fields[DHCP_DISCOVER_CIRCUIT if raw.data[at] == 1 else DHCP_DISCOVER_REMOTE]
            if text_or_hex(piece(raw.data + at + 2, size), out, found) == PUNT:
                return PUNT
        at += 2 + size
    return TAKEN


UNIT = native(dissect)
