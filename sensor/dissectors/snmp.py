"""SNMP versions 1, 2c and 3 over UDP (RFC 1157, RFC 3416, RFC 3412, RFC 3414): requests of managers, responses and
notifications of agents.

Reads the variables of a response that describe the agent (system group, ENTITY-MIB, Printer-MIB, HOST-RESOURCES-MIB,
UPS-MIB and the scalars of some vendors) and the engine id of version 3. A fact belongs to the agent alone; three
sources are not used: the answer to an inform request, in which the manager repeats the agent's variables (RFC 3416,
4.2.7), what a proxy forwards (its context is another engine), and the variables of traps, which receivers forward. A
community is a password: whether it is one of the two usual ones is reported, and of requests its seal. Encrypted
messages yield their engine and user only.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.addresses import mac_text, v4
from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared.der import (
    INTEGER,
    OCTET_STRING,
    OID,
    SEQUENCE,
    element,
    identifier,
    integer_at,
    octets_at,
    oid,
)
from sensor.dissectors.shared.ieee1284 import device_id
from sensor.dissectors.shared.seal import seal
from sensor.dissectors.shared.sender_facts import fact, facts
from sensor.dissectors.shared.snmp_variables import TREES, VARIABLES

AGENT, TRAPS = 161, 162
IP_ADDRESS = 0x40  # a type of SMI (RFC 2578, 2)
VERSIONS = {0: "1", 1: "2c", 3: "3"}
GET, GET_NEXT, RESPONSE, SET, TRAP_V1, GET_BULK, INFORM, TRAP_V2, REPORT = range(0xA0, 0xA9)
OPERATIONS = {
    GET: "get", GET_NEXT: "get_next", SET: "set", GET_BULK: "get_bulk", RESPONSE: "response", REPORT: "report",
    TRAP_V1: "trap", TRAP_V2: "trap", INFORM: "inform",
}  # fmt: skip
ENCRYPTED = "encrypted"
USUAL = (b"public", b"private")
# RFC 3416, 3.
STATUS = (
    "no_error", "too_big", "no_such_name", "bad_value", "read_only", "general_error", "no_access", "wrong_type",
    "wrong_length", "wrong_encoding", "wrong_value", "no_creation", "inconsistent_value", "resource_unavailable",
    "commit_failed", "undo_failed", "authorization_error", "not_writable", "inconsistent_name",
)  # fmt: skip
# The counter in a report identifies the error (RFC 3414, 5; RFC 3412, 5).
REPORTS = {
    identifier("1.3.6.1.6.3.15.1.1.1.0"): "unsupported_security_level",
    identifier("1.3.6.1.6.3.15.1.1.2.0"): "not_in_time_window",
    identifier("1.3.6.1.6.3.15.1.1.3.0"): "unknown_user",
    identifier("1.3.6.1.6.3.15.1.1.4.0"): "unknown_engine",
    identifier("1.3.6.1.6.3.15.1.1.5.0"): "wrong_digest",
    identifier("1.3.6.1.6.3.15.1.1.6.0"): "decryption_error",
    identifier("1.3.6.1.6.3.12.1.4.0"): "unavailable_context",
    identifier("1.3.6.1.6.3.12.1.5.0"): "unknown_context",
    identifier("1.3.6.1.6.3.11.2.1.3.0"): "unknown_handler",
}
TRAP_OID = identifier("1.3.6.1.6.3.1.1.4.1.0")
TRAP_ADDRESS = identifier("1.3.6.1.6.3.18.1.3.0")  # added by a forwarder (RFC 3584, 3.1)
GENERIC_TRAPS = ("cold_start", "warm_start", "link_down", "link_up", "authentication_failure", "egp_neighbor_loss")
ENTERPRISES = "1.3.6.1.4.1."
AUTHENTICATED, PRIVATE, REPORTABLE = 1, 2, 4
USER_MODEL = 3
VARIABLES_LIMIT = 128
NAMES_LIMIT = 16
USER_LIMIT = 64
ENGINE_LIMIT = 32
MAC_FORMAT = 3

Variable = tuple[bytes, int, bytes]  # name, tag and bytes of the value


class SnmpMessage(Event):
    """Common fields. ``community``: ``public``, ``private`` or ``other``, empty in version 3; ``user`` and ``level``
    (``none``, ``authenticated``, ``private``): of version 3. ``names``: the first 16 variables, dotted.
    """

    version: str
    community: str
    user: str
    level: str
    operation: str
    request_id: int
    names: tuple[str, ...]


class SnmpRequest(SnmpMessage):
    """``operation``: ``get``, ``get_next``, ``get_bulk``, ``set`` or ``encrypted``. ``repetitions``: rows requested by
    a get_bulk; ``seal``: of the community, empty in version 3.
    """

    repetitions: int
    seal: str = ""


class SnmpResponse(SnmpMessage):
    """``operation``: ``response``, ``report`` or ``encrypted``. ``status``: the error by name; of a report
    its cause.
    """

    status: str


class SnmpTrap(SnmpMessage):
    """``operation``: ``trap``, ``inform`` or ``encrypted``. ``trap``: generic trap by name, else the object identifier
    of the trap.
    """

    trap: str


class Snmp(Dissector):
    """Retransmissions are dropped for five seconds; every other message has its own request id."""

    # Messages on other ports: short ones with version 1 or 2c and a community (LDAP begins alike, but another tag
    # follows its first integer).
    interest = Interest(udp=(AGENT, TRAPS), magic=((2, b"\2\1\0\4"), (2, b"\2\1\1\4")), repeats_s=5)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        cut = packet.truncated
        try:
            return iter(_read(packet, packet.payload, cut))
        except Malformed:
            if cut:
                return iter(())
            raise


class _Sender:
    """The security parameters of a message's sender: kind of community, or user, level and engine."""

    __slots__ = ("community", "context", "engine", "level", "secret", "user", "version")

    def __init__(self, version: str, secret: bytes | None = None) -> None:
        self.version, self.secret = version, secret
        self.community = "" if secret is None else secret.decode("ascii") if secret in USUAL else "other"
        self.user = self.level = ""
        self.engine = self.context = b""


def _read(packet: Packet, data: bytes, cut: bool) -> list[Parsed]:
    tag, at, end = element(data, 0, len(data), cut)
    if tag != SEQUENCE:
        raise Malformed("no message")
    number, at = integer_at(data, at, end)
    version = VERSIONS.get(number)
    if version is None:
        raise Malformed("unknown version")
    if number == USER_MODEL:
        return _secured(packet, data, at, end, cut)
    community, at = octets_at(data, at, end)
    return _operation(packet, _Sender(version, community), data, at, end, cut)


def _secured(packet: Packet, data: bytes, at: int, end: int, cut: bool) -> list[Parsed]:
    """A version 3 message after its version (RFC 3412, 6; RFC 3414, 2.4)."""
    sender = _Sender("3")
    _, first, stop = element(data, at, end)
    _, first = integer_at(data, first, stop)
    _, first = integer_at(data, first, stop)
    flags, first = octets_at(data, first, stop)
    model, _ = integer_at(data, first, stop)
    if len(flags) != 1:
        raise Malformed("invalid flags")
    bits = flags[0]
    sender.level = "private" if bits & PRIVATE else "authenticated" if bits & AUTHENTICATED else "none"
    tag, first, after = element(data, stop, end)
    if tag != OCTET_STRING:
        raise Malformed("no security parameters")
    if model == USER_MODEL:
        _, first, stop = element(data, first, after)
        sender.engine, first = octets_at(data, first, stop)
        _, first = integer_at(data, first, stop)
        _, first = integer_at(data, first, stop)
        user, _ = octets_at(data, first, stop)
        sender.user = clean(user, USER_LIMIT)
    tag, first, stop = element(data, after, end, cut)
    if bits & PRIVATE:
        parsed: list[Parsed] = [_encrypted(packet, sender, not bits & REPORTABLE)]
        if not bits & REPORTABLE:
            _engine(packet, sender.engine, parsed)
        return parsed
    sender.context, first = octets_at(data, first, stop)
    _, first = octets_at(data, first, stop)
    return _operation(packet, sender, data, first, stop, cut)


def _encrypted(packet: Packet, sender: _Sender, final: bool) -> Event:
    """An unreadable message: its sender and, by its flag and port, its type. Only requests and informs expect a
    response (RFC 3412, 6.4).
    """
    common = (packet, sender.version, "", sender.user, sender.level, ENCRYPTED, 0, ())
    if packet.dport == TRAPS:
        return SnmpTrap(*common, "")
    return SnmpResponse(*common, "") if final else SnmpRequest(*common, 0)


def _operation(packet: Packet, sender: _Sender, data: bytes, at: int, end: int, cut: bool) -> list[Parsed]:
    """The operation and its variables."""
    tag, at, end = element(data, at, end, cut)
    operation = OPERATIONS.get(tag)
    if operation is None:
        raise Malformed("unknown operation")
    if tag == TRAP_V1:
        return _old_trap(packet, sender, data, at, end, cut)
    request_id, at = integer_at(data, at, end)
    first, at = integer_at(data, at, end)
    second, at = integer_at(data, at, end)
    variables = _variables(data, at, end, cut)
    names = _names(variables)
    common = (packet, sender.version, sender.community, sender.user, sender.level, operation, request_id, names)
    if tag in (RESPONSE, REPORT):
        status = _status(tag, first, variables)
        parsed: list[Parsed] = [SnmpResponse(*common, status)]
        _engine(packet, sender.engine, parsed)
        if status == STATUS[0] and _own(packet, sender, variables):
            _facts(packet, variables, parsed)
        return parsed
    if tag in (TRAP_V2, INFORM):
        trap = next((oid(value) for name, kind, value in variables if name == TRAP_OID and kind == OID), "")
        parsed = [SnmpTrap(*common, trap)]
        if tag == TRAP_V2:
            _engine(packet, sender.engine, parsed)
        if not any(name == TRAP_ADDRESS for name, _, _ in variables):
            _enterprise(packet, "snmp.trap_enterprise", trap, parsed)
        return parsed
    return [
        SnmpRequest(
            *common, max(second, 0) if tag == GET_BULK else 0, "" if sender.secret is None else seal("", sender.secret)
        )
    ]


def _old_trap(packet: Packet, sender: _Sender, data: bytes, at: int, end: int, cut: bool) -> list[Parsed]:
    """A trap of version 1 (RFC 1157, 4.1.6). It contains the agent's address: if that differs from the sender's, the
    trap was forwarded.
    """
    tag, first, at = element(data, at, end)
    enterprise = oid(data[first:at])
    kind, first, at = element(data, at, end)
    agent = data[first:at]
    if tag != OID or kind != IP_ADDRESS or len(agent) != 4:
        raise Malformed("no trap header")
    generic, at = integer_at(data, at, end)
    specific, at = integer_at(data, at, end)
    _, _, at = element(data, at, end)
    trap = GENERIC_TRAPS[generic] if 0 <= generic < len(GENERIC_TRAPS) else f"{enterprise}.0.{max(specific, 0)}"
    names = _names(_variables(data, at, end, cut))
    parsed: list[Parsed] = [
        SnmpTrap(packet, sender.version, sender.community, sender.user, sender.level, "trap", 0, names, trap)
    ]
    if v4(int.from_bytes(agent, "big")) == packet.src:
        _enterprise(packet, "snmp.trap_enterprise", enterprise, parsed)
    return parsed


def _variables(data: bytes, at: int, end: int, cut: bool) -> list[Variable]:
    """The first 128 variables; truncated ones are left out."""
    found: list[Variable] = []
    try:
        found.extend(_each(data, at, end, cut))  # one by one: earlier ones are kept after a fault
    except Malformed:
        if not cut:
            raise
    return found


def _each(data: bytes, at: int, end: int, cut: bool) -> Iterator[Variable]:
    tag, at, end = element(data, at, end, cut)
    if tag != SEQUENCE:
        raise Malformed("no list of variables")
    for _ in range(VARIABLES_LIMIT):
        if at >= end:
            return
        tag, first, at = element(data, at, end)
        name, start, middle = element(data, first, at)
        kind, begin, stop = element(data, middle, at)
        if tag != SEQUENCE or name != OID:
            raise Malformed("unexpected type instead of a variable")
        yield data[start:middle], kind, data[begin:stop]


def _names(variables: list[Variable]) -> tuple[str, ...]:
    return tuple([oid(name) for name, _, _ in variables[:NAMES_LIMIT]])


def _status(tag: int, number: int, variables: list[Variable]) -> str:
    if tag == REPORT:
        return REPORTS.get(variables[0][0], "other") if variables else "other"
    return STATUS[number] if 0 <= number < len(STATUS) else "other"


def _own(packet: Packet, sender: _Sender, variables: list[Variable]) -> bool:
    """Whether the variables of a response describe the sender."""
    if packet.sport == TRAPS or sender.context != sender.engine:
        return False
    return not (len(variables) > 1 and variables[1][0] == TRAP_OID)


def _facts(packet: Packet, variables: list[Variable], parsed: list[Parsed]) -> None:
    """The facts about the agent."""
    trees: list[str] = []
    for name, tag, value in variables:
        if tag == OCTET_STRING:
            kind = VARIABLES.get(name)
            if kind and (text := clean(value)):
                parsed.append(fact(packet, kind, text))
                if kind == "snmp.device_id":
                    fields = device_id(text)
                    named = (
                        ("snmp.printer_model", f"{fields.get('MFG', '')} {fields.get('MDL', '')}".strip()),
                        ("snmp.serial", fields.get("SN", "")),
                    )
                    parsed += facts(packet, named)
        elif tag == OID and VARIABLES.get(name) == "snmp.sys_object_id":
            text = oid(value)
            parsed.append(fact(packet, "snmp.sys_object_id", text))
            _enterprise(packet, "snmp.enterprise", text, parsed)
        tree = TREES.get(name[:6])
        if tree and tag in (INTEGER, OCTET_STRING) and tree not in trees:
            trees.append(tree)
    parsed += facts(packet, [("snmp.tree", tree) for tree in trees])


def _enterprise(packet: Packet, kind: str, name: str, parsed: list[Parsed]) -> None:
    """The vendor's number in one of its object identifiers (IANA private enterprise numbers)."""
    if name.startswith(ENTERPRISES):
        number = name[len(ENTERPRISES) :].partition(".")[0]
        parsed.append(fact(packet, kind, number))


def _engine(packet: Packet, engine: bytes, parsed: list[Parsed]) -> None:
    """The sender's engine id: the vendor's number, and often a MAC (RFC 3411, 5)."""
    if not 5 <= len(engine) <= ENGINE_LIMIT:
        return
    parsed.append(fact(packet, "snmp.engine_enterprise", str(int.from_bytes(engine[:4], "big") & 0x7FFFFFFF)))
    if engine[0] & 0x80 and engine[4] == MAC_FORMAT and len(engine) == 11:
        parsed.append(fact(packet, "snmp.engine_mac", mac_text(int.from_bytes(engine[5:], "big"))))
