# cython: language_level=3, boundscheck=True, wraparound=False, initializedcheck=False, cdivision=True
"""Native SNMP over UDP (RFC 1157, 3416, 3412, 3414); ``sensor.dissectors.snmp`` is the reference and also reads what is
not read here: malformed messages, texts that are not ASCII, device ids of printers.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, strlen

from sensor.core.row cimport Row
from sensor.dissectors.shared.snmp_variables import TREES, VARIABLES
from sensor.dissectors.snmp import REPORTS, TRAP_ADDRESS, TRAP_OID
from sensor.native.ber cimport (
    INTEGER, IP_ADDRESS, OCTETS, OID, SEQUENCE, Element, Elements, dotted, element, inside, integer, octets,
)
from sensor.native.kinds cimport (
    FACT_SNMP_ENGINE_ENTERPRISE, FACT_SNMP_ENGINE_MAC, FACT_SNMP_ENTERPRISE, FACT_SNMP_SYS_OBJECT_ID,
    FACT_SNMP_TRAP_ENTERPRISE, FACT_SNMP_TREE,
    SNMP_REQUEST, SNMP_REQUEST_COMMUNITY, SNMP_REQUEST_LEVEL, SNMP_REQUEST_NAMES, SNMP_REQUEST_OPERATION,
    SNMP_REQUEST_REPETITIONS,
    SNMP_REQUEST_REQUEST_ID, SNMP_REQUEST_SEAL, SNMP_REQUEST_SLOTS, SNMP_REQUEST_USER, SNMP_REQUEST_VERSION,
    SNMP_RESPONSE, SNMP_RESPONSE_SLOTS,
    SNMP_RESPONSE_STATUS, SNMP_TRAP, SNMP_TRAP_SLOTS, SNMP_TRAP_TRAP,
)
from sensor.native.out cimport PUNT, TAKEN, Mark, Out, fact, items, mark, message, put, span, undo
from sensor.native.seal cimport seal
from sensor.native.snmp_message cimport (
    AUTHENTICATED, ENGINE_LIMIT, GENERIC_TRAPS, GET, GET_BULK, INFORM, MAC_FORMAT, NAMES_LIMIT, PRIVATE, REPORT,
    REPORTABLE, RESPONSE, STATUSES, TRAPS, TRAP_V1, TRAP_V2, USER_LIMIT, USER_MODEL, VARIABLES_LIMIT, Sender,
    Variable, Variables,
)
from sensor.native.text cimport TEXT_LIMIT, Word, cleaned, decimal, hexadecimal, is_word, word
from sensor.native.unit cimport native
from sensor.native.units import FACTS
from sensor.native.byte_table cimport ByteTable

cdef Word[9] operations = [
    b"get", b"get_next", b"response", b"set", b"trap", b"get_bulk", b"inform", b"trap", b"report"
]
cdef Word[STATUSES] statuses = [
    b"no_error", b"too_big", b"no_such_name", b"bad_value", b"read_only", b"general_error", b"no_access",
    b"wrong_type", b"wrong_length", b"wrong_encoding",
    b"wrong_value", b"no_creation", b"inconsistent_value", b"resource_unavailable", b"commit_failed", b"undo_failed",
    b"authorization_error", b"not_writable",
    b"inconsistent_name",
]
cdef Word[GENERIC_TRAPS] generic_traps = [
    b"cold_start", b"warm_start", b"link_down", b"link_up", b"authentication_failure", b"egp_neighbor_loss"
]
cdef const char* enterprises = b"1.3.6.1.4.1."

# Tables of object identifiers: of variables to the kind of their fact, of reports and subtrees to the index in these
# lists.
cdef list report_texts = [text.encode() for text in REPORTS.values()]
cdef list tree_texts = [text.encode() for text in TREES.values()]
cdef Word[16] report_words
cdef Word[4] tree_words
for place, text in enumerate(report_texts):
    report_words[<int>place] = <const char*>(<bytes>text)
for place, text in enumerate(tree_texts):
    tree_words[<int>place] = <const char*>(<bytes>text)
cdef ByteTable variables_known = ByteTable({name: FACTS.index(kind) for name, kind in VARIABLES.items()})
cdef ByteTable reports_known = ByteTable({name: place for place, name in enumerate(REPORTS)})
cdef ByteTable trees_known = ByteTable({name: place for place, name in enumerate(TREES)})
cdef ByteTable traps_known = ByteTable({TRAP_OID: 0, TRAP_ADDRESS: 1})
cdef uint32_t device_id = FACTS.index("snmp.device_id")


cdef int dissect(const uint8_t* payload, uint32_t size, const Row* row, Out* out) except -1 nogil:
    cdef Mark here = mark(out)
    cdef Elements among
    cdef Element one
    cdef Sender sender
    cdef int64_t version
    among.data, among.stop = payload, payload + size
    sender.user = sender.level = sender.community = 0
    sender.secret.value = sender.engine.value = sender.context.value = NULL
    sender.secret.size = sender.engine.size = sender.context.size = 0
    if element(&among, &one) == PUNT or one.tag != SEQUENCE:
        return PUNT
    among = inside(&one)
    if integer(&among, &version) == PUNT:
        return PUNT
    if version == USER_MODEL:
        sender.version = word(out, b"3")
        return TAKEN if secured(&among, &sender, row, out) == TAKEN else undo(out, &here)
    if not 0 <= version <= 1 or octets(&among, &sender.secret) == PUNT:
        return PUNT
    sender.version = word(out, b"2c" if version else b"1")
    if is_word(sender.secret.value, sender.secret.size, b"public"):
        sender.community = word(out, b"public")
    elif is_word(sender.secret.value, sender.secret.size, b"private"):
        sender.community = word(out, b"private")
    else:
        sender.community = word(out, b"other")
    return TAKEN if operation(&among, &sender, row, out) == TAKEN else undo(out, &here)


cdef int secured(Elements* among, Sender* sender, const Row* row, Out* out) except -1 nogil:
    """Parse a version 3 message after its version (RFC 3412, 6; RFC 3414, 2.4)."""
    cdef Element one
    cdef Elements head
    cdef int64_t number, model
    cdef uint32_t bits
    if element(among, &one) == PUNT:
        return PUNT
    head = inside(&one)
    if (
        integer(&head, &number) == PUNT
        or integer(&head, &number) == PUNT
        or octets(&head, &one) == PUNT
        or integer(&head, &model) == PUNT
        or one.size != 1
    ):
        return PUNT
    bits = one.value[0]
    sender.level = word(out, b"private" if bits & PRIVATE else b"authenticated" if bits & AUTHENTICATED else b"none")
    if element(among, &one) == PUNT or one.tag != OCTETS:
        return PUNT
    if model == USER_MODEL:
        head = inside(&one)
        if element(&head, &one) == PUNT:
            return PUNT
        head = inside(&one)
        if (
            octets(&head, &sender.engine) == PUNT
            or integer(&head, &number) == PUNT
            or integer(&head, &number) == PUNT
            or octets(&head, &one) == PUNT
        ):
            return PUNT
        if cleaned(out, one.value, one.size, USER_LIMIT, &sender.user) == PUNT:
            return PUNT
    if element(among, &one) == PUNT:
        return PUNT
    if bits & PRIVATE:
        if row.dport == TRAPS:
            common(out, SNMP_TRAP, SNMP_TRAP_SLOTS, sender, b"encrypted", 0, 0)
        elif bits & REPORTABLE:
            common(out, SNMP_REQUEST, SNMP_REQUEST_SLOTS, sender, b"encrypted", 0, 0)
        else:
            common(out, SNMP_RESPONSE, SNMP_RESPONSE_SLOTS, sender, b"encrypted", 0, 0)
        if not bits & REPORTABLE:
            engine(sender, out)
        return TAKEN
    head = inside(&one)
    if octets(&head, &sender.context) == PUNT or octets(&head, &one) == PUNT:
        return PUNT
    return operation(&head, sender, row, out)


cdef uint64_t* common(
    Out* out, uint32_t kind, uint32_t slots, const Sender* sender, const char* operation_, int64_t request_id,
    uint64_t names,
) except NULL nogil:
    """Add an event with the fields that all events have in common, in the same slots."""
    cdef uint64_t operation_text = word(out, operation_)
    cdef uint64_t* fields = message(out, kind, slots)
    fields[SNMP_REQUEST_VERSION], fields[SNMP_REQUEST_COMMUNITY] = sender.version, sender.community
    fields[SNMP_REQUEST_USER], fields[SNMP_REQUEST_LEVEL] = sender.user, sender.level
    fields[SNMP_REQUEST_OPERATION] = operation_text
    fields[SNMP_REQUEST_REQUEST_ID] = <uint64_t>request_id
    fields[SNMP_REQUEST_NAMES] = names
    return fields


cdef int operation(Elements* among, Sender* sender, const Row* row, Out* out) except -1 nogil:
    """Parse the operation and its variables."""
    cdef Element one
    cdef Elements body
    cdef Variables variables
    cdef int64_t request_id, first, second
    cdef uint64_t names = 0, sealed = 0, status
    cdef uint64_t* fields
    if element(among, &one) == PUNT or not GET <= one.tag <= REPORT:
        return PUNT
    body = inside(&one)
    if one.tag == TRAP_V1:
        return old_trap(&body, sender, row, out)
    if integer(&body, &request_id) == PUNT or integer(&body, &first) == PUNT or integer(&body, &second) == PUNT:
        return PUNT
    if each(&body, &variables) == PUNT or listed(&variables, out, &names) == PUNT:
        return PUNT
    if one.tag == RESPONSE or one.tag == REPORT:
        status = of_report(&variables, out) if one.tag == REPORT else of_status(first, out)
        fields = common(out, SNMP_RESPONSE, SNMP_RESPONSE_SLOTS, sender, operations[one.tag - GET], request_id, names)
        fields[SNMP_RESPONSE_STATUS] = status
        engine(sender, out)
        return facts(&variables, out) if one.tag == RESPONSE and first == 0 and own(&variables, sender, row) else TAKEN
    if one.tag == TRAP_V2 or one.tag == INFORM:
        return trap(&variables, sender, one.tag, request_id, names, out)
    if sender.secret.value != NULL and seal(out, NULL, 0, sender.secret.value, sender.secret.size, &sealed) == PUNT:
        return PUNT
    fields = common(out, SNMP_REQUEST, SNMP_REQUEST_SLOTS, sender, operations[one.tag - GET], request_id, names)
    fields[SNMP_REQUEST_REPETITIONS] = <uint64_t>max(second, <int64_t>0) if one.tag == GET_BULK else 0
    fields[SNMP_REQUEST_SEAL] = sealed
    return TAKEN


cdef int trap(
    const Variables* variables, const Sender* sender, uint32_t tag, int64_t request_id, uint64_t names, Out* out
) except -1 nogil:
    """Write a trap or inform of version 2c or 3 (RFC 3416, 4.2.6)."""
    cdef uint64_t name = 0
    cdef uint64_t* fields
    cdef uint32_t i
    cdef bint found = False, forwarded = False
    cdef int known
    for i in range(variables.count):
        known = traps_known.find(variables.all[i].name.value, variables.all[i].name.size)
        if known == 0 and variables.all[i].value.tag == OID and not found:
            if dotted(out, variables.all[i].value.value, variables.all[i].value.size, &name) == PUNT:
                return PUNT
            found = True
        elif known == 1:
            forwarded = True
    fields = common(out, SNMP_TRAP, SNMP_TRAP_SLOTS, sender, operations[tag - GET], request_id, names)
    fields[SNMP_TRAP_TRAP] = name
    if tag == TRAP_V2:
        engine(sender, out)
    if not forwarded:
        enterprise(out, FACT_SNMP_TRAP_ENTERPRISE, name)
    return TAKEN


cdef int old_trap(Elements* body, const Sender* sender, const Row* row, Out* out) except -1 nogil:
    """Write a trap of version 1 (RFC 1157, 4.1.6)."""
    cdef Element name, agent, stamp
    cdef Variables variables
    cdef int64_t generic, specific
    cdef uint64_t enterprise_ = 0, names = 0, trap_
    cdef uint64_t* fields
    cdef uint32_t begin
    if (
        element(body, &name) == PUNT
        or element(body, &agent) == PUNT
        or name.tag != OID
        or agent.tag != IP_ADDRESS
        or agent.size != 4
    ):
        return PUNT
    if integer(body, &generic) == PUNT or integer(body, &specific) == PUNT or element(body, &stamp) == PUNT:
        return PUNT
    if (
        dotted(out, name.value, name.size, &enterprise_) == PUNT
        or each(body, &variables) == PUNT
        or listed(&variables, out, &names) == PUNT
    ):
        return PUNT
    if 0 <= generic < GENERIC_TRAPS:
        trap_ = word(out, generic_traps[generic])
    else:
        begin = out.text_used
        put(out, out.text + (enterprise_ >> 32), <uint32_t>enterprise_)
        word(out, b".0.")
        decimal(out, <uint64_t>max(specific, <int64_t>0))
        trap_ = span(begin, out.text_used - begin)
    fields = common(out, SNMP_TRAP, SNMP_TRAP_SLOTS, sender, b"trap", 0, names)
    fields[SNMP_TRAP_TRAP] = trap_
    if row.src_hi == 0 and row.src_lo == (
        <uint64_t>0xFFFF << 32
        | <uint32_t>agent.value[0] << 24
        | agent.value[1] << 16
        | agent.value[2] << 8
        | agent.value[3]
    ):
        enterprise(out, FACT_SNMP_TRAP_ENTERPRISE, enterprise_)
    return TAKEN


cdef int each(Elements* body, Variables* found) except -1 nogil:
    """The first 128 variables."""
    cdef Element one
    cdef Elements among, pair
    found.count = 0
    if element(body, &one) == PUNT or one.tag != SEQUENCE:
        return PUNT
    among = inside(&one)
    while found.count < VARIABLES_LIMIT and among.data < among.stop:
        if element(&among, &one) == PUNT or one.tag != SEQUENCE:
            return PUNT
        pair = inside(&one)
        if (
            element(&pair, &found.all[found.count].name) == PUNT
            or element(&pair, &found.all[found.count].value) == PUNT
        ):
            return PUNT
        if found.all[found.count].name.tag != OID:
            return PUNT
        found.count += 1
    return TAKEN


cdef int listed(const Variables* variables, Out* out, uint64_t* found) except -1 nogil:
    """The names of the first 16 variables."""
    cdef uint32_t count = min(variables.count, <uint32_t>NAMES_LIMIT), first = out.slots_used, i
    cdef uint64_t* names = items(out, count)
    for i in range(count):
        if dotted(out, variables.all[i].name.value, variables.all[i].name.size, &names[i]) == PUNT:
            return PUNT
    found[0] = span(first, count)
    return TAKEN


cdef uint64_t of_status(int64_t number, Out* out) noexcept nogil:  # room was reserved
    """The error status as text (RFC 3416, 3)."""
    return word(out, statuses[number]) if 0 <= number < STATUSES else word(out, b"other")


cdef uint64_t of_report(const Variables* variables, Out* out) noexcept nogil:  # room was reserved
    """The reason of a report, from its counter (RFC 3414, 5)."""
    cdef int known = (
        reports_known.find(variables.all[0].name.value, variables.all[0].name.size) if variables.count
        else -1
    )
    return word(out, report_words[known]) if known >= 0 else word(out, b"other")


cdef bint own(const Variables* variables, const Sender* sender, const Row* row) except -1 nogil:
    """Whether the variables of a response describe the sender."""
    if row.sport == TRAPS or sender.context.size != sender.engine.size:
        return False
    if sender.context.size and memcmp(sender.context.value, sender.engine.value, sender.engine.size):
        return False
    return variables.count < 2 or traps_known.find(variables.all[1].name.value, variables.all[1].name.size) != 0


cdef int facts(const Variables* variables, Out* out) except -1 nogil:
    """Write the facts about the agent."""
    cdef int[4] trees
    cdef int known, found = 0, k
    cdef uint32_t i
    cdef uint64_t text
    cdef const Variable* one
    for i in range(variables.count):
        one = &variables.all[i]
        if one.value.tag == OCTETS:
            known = variables_known.find(one.name.value, one.name.size)
            if known >= 0:
                if (
                    cleaned(out, one.value.value, one.value.size, TEXT_LIMIT, &text) == PUNT
                    or (<uint32_t>known == device_id and <uint32_t>text)
                ):
                    return PUNT
                if <uint32_t>text:
                    fact(out, known, text)
        elif one.value.tag == OID:
            if variables_known.find(one.name.value, one.name.size) == FACT_SNMP_SYS_OBJECT_ID:
                if dotted(out, one.value.value, one.value.size, &text) == PUNT:
                    return PUNT
                fact(out, FACT_SNMP_SYS_OBJECT_ID, text)
                enterprise(out, FACT_SNMP_ENTERPRISE, text)
        if one.name.size >= 6 and (one.value.tag == INTEGER or one.value.tag == OCTETS):
            known = trees_known.find(one.name.value, 6)
            for k in range(found):
                if trees[k] == known:
                    known = -1
            if known >= 0:
                trees[found] = known
                found += 1
    for k in range(found):
        fact(out, FACT_SNMP_TREE, word(out, tree_words[trees[k]]))
    return TAKEN


cdef int enterprise(Out* out, uint32_t kind, uint64_t name) except -1 nogil:
    """Write the vendor's number from one of its object identifiers, a span of text."""
    cdef uint32_t at = <uint32_t>(name >> 32), size = <uint32_t>name, begin = <uint32_t>strlen(enterprises), stop
    if size > begin and not memcmp(out.text + at, enterprises, begin):
        stop = begin
        while stop < size and out.text[at + stop] != 46:
            stop += 1
        fact(out, kind, span(at + begin, stop - begin))
    return 0


cdef int engine(const Sender* sender, Out* out) except -1 nogil:
    """Write the sender's engine id: the vendor's number, and often a MAC (RFC 3411, 5)."""
    cdef const uint8_t* id_ = sender.engine.value
    if 5 <= sender.engine.size <= ENGINE_LIMIT:
        fact(
            out,
            FACT_SNMP_ENGINE_ENTERPRISE,
            decimal(out, (<uint32_t>id_[0] << 24 | id_[1] << 16 | id_[2] << 8 | id_[3]) & 0x7FFFFFFF),
        )
        if id_[0] & 0x80 and id_[4] == MAC_FORMAT and sender.engine.size == 11:
            fact(out, FACT_SNMP_ENGINE_MAC, hexadecimal(out, id_ + 5, 6, 58))
    return 0


UNIT = native(dissect)
