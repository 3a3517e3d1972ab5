"""LDAP over TCP (RFC 4511) and LDAP pings of Windows over UDP ([MS-ADTS] 6.3.3): binds to a directory, searches and
changes.

Reads binds and their result, searches (base, scope, filter, attributes) with their number of entries, and which entries
are changed. Of the results only what the directory states about itself is read, and from where a Java object loads its
classes (RFC 2713). Values are never stored, passwords only as a seal. After StartTLS, and after a bind that negotiated
encryption, nothing is read; messages that are only signed (RFC 4121, 4.2.6.2) are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sensor.core.bounded import Bounded
from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.core.words import Words
from sensor.dissectors._ldap_filter import written
from sensor.dissectors.service_command import ServiceCommand
from sensor.dissectors.shared import der, ntlm
from sensor.dissectors.shared.framing import FramedStream
from sensor.dissectors.shared.login_events import PasswordSent
from sensor.dissectors.shared.ntlm_events import ntlm_events
from sensor.dissectors.shared.seal import password_seal, seal
from sensor.dissectors.shared.sender_facts import facts

PORTS = (389, 3268)
BIND, BOUND, SEARCH, ENTRY, DONE, MODIFY, ADD, DELETE, RENAME = 0x60, 0x61, 0x63, 0x64, 0x65, 0x66, 0x68, 0x4A, 0x6C
EXTENDED, EXTENDED_ANSWER = 0x77, 0x78
OPERATIONS = frozenset((
    BIND, BOUND, 0x42, SEARCH, ENTRY, DONE, MODIFY, 0x67, ADD, 0x69, DELETE, 0x6B, RENAME, 0x6D, 0x6E, 0x6F, 0x50,
    0x73, EXTENDED, EXTENDED_ANSWER, 0x79,
))  # fmt: skip
CHANGES = {MODIFY: "modify", ADD: "add", DELETE: "delete", RENAME: "rename"}
# The number of a message and its operation, behind a length of one, two or five bytes.
FIRST_BIND, BEGINNINGS = bytes((der.INTEGER, 1, 1, BIND)), (2, 3, 6)
SIMPLE, SASL = 0x80, 0xA3
SICILY = (0x89, 0x8A, 0x8B)  # Microsoft's NTLM binds ([MS-ADTS] 5.1.1.1.3)
IN_PROGRESS, REFUSED = 14, 49
START_TLS = b"1.3.6.1.4.1.1466.20037"
SIZE_LIMIT = 1 << 24  # bytes of a message
KEEP = 8192
OPEN_LIMIT = 32
NAME_LIMIT, FILTER_LIMIT = 255, 512
ATTRIBUTES_LIMIT = 32
VALUES_LIMIT = 16
# A GSS token around messages, the size of its header, and the flag for encrypted content (RFC 4121, 4.2.6.2).
WRAP, WRAP_SIZE, SEALED = b"\x05\x04", 16, 2
# Attributes of a directory about itself (RFC 4512, 5.1; [MS-ADTS] 3.1.1.3.2): attribute → kind of fact.
ABOUT = {"dnshostname": "ldap.hostname", "vendorname": "ldap.vendor", "vendorversion": "ldap.version"}
DIRECTORY = b"1.2.840.113556.1.4.800"  # a capability of Active Directory only
# An attribute of a Java object (RFC 2713, 3.3), and its first value behind types and lengths: the URL of its classes.
JAVA_CODE = Words(b"javacodebase")
_CODE_BASE = lazy_pattern(
    rb"javacodebase1.{1,5}?\x04[\x01-\xff]{1,5}?((?:https?|ftp)://[\x21-\x7e]{1,200})", re.IGNORECASE | re.DOTALL
)
PING_ANSWERS = (0x13, 0x15, 0x17, 0x19)


class LdapBind(Event):
    """A bind. ``method``: ``simple``, ``ntlm`` or the SASL mechanism; ``name``: the account, empty if anonymous;
    ``secret``: it contains a cleartext password.
    """

    method: str
    name: str
    secret: bool


class LdapBindResult(LdapBind):
    """The result of a bind. ``code``: RFC 4511, appendix A: 0 success, 49 invalid credentials. If the capture lacks the
    client's packets, only rejections are known, without method and name. ``seal``: of name and cleartext password.
    """

    code: int
    seal: str = ""


class LdapPassword(PasswordSent):
    """A simple bind with a password, and the capture holds no packet of the server."""


class LdapSearch(Event):
    """A search. ``scope``: ``base``, ``one`` or ``tree``; ``filter`` as in RFC 4515, truncated; ``attributes``:
    requested ones, empty means all.
    """

    base: str
    scope: str
    filter: str
    attributes: tuple[str, ...]


class LdapSearchDone(LdapSearch):
    """The end of a search. ``entries``: number of captured results."""

    code: int
    entries: int


class LdapChange(Event):
    """A change of an entry. ``operation``: ``add``, ``modify``, ``delete`` or ``rename``; ``attributes``: the changed
    ones.
    """

    operation: str
    name: str
    attributes: tuple[str, ...]


class LdapDirectory(Event):
    """A directory identifies itself: its name, and whether it is a domain controller of Windows or Samba."""

    host: str
    controller: bool


class Ldap(Dissector):
    """Whole connections; search results are skipped by their length. On other ports, a connection is recognized by its
    first message, if that is a bind with the number 1.
    """

    interest = Interest(udp=(389,), tcp=PORTS, magic=tuple((at, FIRST_BIND) for at in BEGINNINGS), stream=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        try:
            return iter(LdapStream().read(packet, packet.payload))
        except Malformed:
            if packet.truncated:
                return iter(())
            raise

    def stream(self, packet: Packet) -> Stream:
        return LdapStream(exclusive=packet.sport in PORTS or packet.dport in PORTS)


class LdapStream(FramedStream):
    """One connection: pending searches and binds, by message number."""

    head = 6
    keep = KEEP

    def __init__(self, *, exclusive: bool = True) -> None:
        super().__init__()
        self.exclusive = exclusive
        self._searches: Bounded[int, list[LdapSearch | int]] = Bounded(OPEN_LIMIT)
        # Number of a message → the bind and its seal.
        self._binds: Bounded[int, tuple[LdapBind, str]] = Bounded(OPEN_LIMIT)

    def size(self, data: bytes, at: int) -> int:
        if data[at]:
            size = _length(data, at)
        elif data[at + 4 : at + 5] in (b"\x05", b"\x01", b"\x60"):
            size = 4 + int.from_bytes(data[at : at + 4], "big")
        else:
            raise Malformed("no message")
        if size > SIZE_LIMIT:
            raise Malformed("message too long")
        return size

    def aligned(self, data: bytes) -> bool:
        try:
            if data[4:6] == WRAP:
                return self.size(data, 0) > WRAP_SIZE
            return len(data) >= 8 and data[0] == der.SEQUENCE and _operation(data)[1].tag in OPERATIONS
        except Malformed:
            return False

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        if data[0] == der.SEQUENCE:
            return iter(self.read(packet, data))
        return iter(self._wrapped(packet, data[4:], 4 + int.from_bytes(data[:4], "big") == len(data)))

    def _wrapped(self, packet: Packet, token: bytes, whole: bool) -> list[Parsed]:
        """The messages in a token, readable if it is only signed. A result often comes together with the end of its
        search.
        """
        if token[:2] != WRAP or len(token) < WRAP_SIZE or token[2] & SEALED:
            self.done = True
            return []
        data, at = _signed(token, whole), 0
        parsed: list[Parsed] = []
        try:
            while at < len(data):
                size = _length(data, at)
                parsed += self.read(packet, data[at : at + size])
                at += size
        except Malformed:  # the content of a token depends on the mechanism
            pass
        return parsed

    def read(self, packet: Packet, data: bytes) -> list[Parsed]:
        """Parse a message, which may be truncated."""
        number, operation = _operation(data)
        kind = operation.tag
        if kind == ENTRY:
            return self._entry(packet, data, number, operation)
        if kind not in OPERATIONS:
            raise Malformed("unknown operation")
        if kind == SEARCH:
            return self._search(packet, data, number, operation)
        if kind == DONE:
            return self._over(packet, data, number, operation)
        if kind == BIND:
            return self._bind(packet, data, number, operation)
        if kind == BOUND:
            return self._bound(packet, data, number, operation)
        if kind in CHANGES:
            return [_change(packet, data, operation)]
        if kind == EXTENDED and START_TLS in data[operation.start : operation.start + 40]:
            self.done = True
        return []

    def _bind(self, packet: Packet, data: bytes, number: int, operation: der.Element) -> list[Parsed]:
        version = der.expect(data, operation.start, operation.stop, der.INTEGER)
        name = der.expect(data, version.stop, operation.stop, der.OCTET_STRING)
        proof = der.element(data, name.stop, operation.stop)
        who, method, sealed = der.text(name.tag, der.content(data, name), NAME_LIMIT), "", ""
        parsed: list[Parsed] = []
        if proof.tag == SIMPLE:
            method = "simple"
            password = der.content(data, proof)
            sealed = seal(who, password) if password else ""
            if sealed and packet.one_sided:
                parsed = [LdapPassword(packet, who, sealed, password_seal(password))]
        elif proof.tag == SASL:
            mechanism = der.element(data, proof.start, proof.stop)
            method = der.text(mechanism.tag, der.content(data, mechanism), 32).lower()
        elif proof.tag in SICILY:
            method = "ntlm"
        message = ntlm.find(der.content(data, proof), partial=True) if proof.tag != SIMPLE else None
        if isinstance(message, ntlm.Login):
            who, method = message.user, "ntlm"
            parsed = [*ntlm_events(packet, "ldap", message), *facts(packet, message.facts())]
        event = LdapBind(packet, method, who, bool(sealed))
        self._binds.put(number, (event, sealed))
        return [event, *parsed]

    def _bound(self, packet: Packet, data: bytes, number: int, operation: der.Element) -> list[Parsed]:
        (requested, sealed), code = self._binds.pop(number) or (None, ""), _code(data, operation)
        parsed: list[Parsed] = []
        message = ntlm.find(der.content(data, operation), partial=True)
        if isinstance(message, ntlm.Challenge):
            parsed = [*ntlm_events(packet, "ldap", message), *facts(packet, message.facts())]
        if requested is None and packet.one_sided and code == REFUSED:
            requested = LdapBind(packet, "", "", False)
        if requested is None or code == IN_PROGRESS:
            return parsed
        return [LdapBindResult(packet, requested.method, requested.name, requested.secret, code, sealed), *parsed]

    def _search(self, packet: Packet, data: bytes, number: int, operation: der.Element) -> list[Parsed]:
        base = der.expect(data, operation.start, operation.stop, der.OCTET_STRING)
        scope = der.expect(data, base.stop, operation.stop, der.ENUMERATED)
        at = scope.stop
        for tag in (der.ENUMERATED, der.INTEGER, der.INTEGER, der.BOOLEAN):
            at = der.expect(data, at, operation.stop, tag).stop
        wanted = der.element(data, at, operation.stop)
        listed = der.expect(data, wanted.stop, operation.stop, der.SEQUENCE)
        attributes = _texts(data, listed)
        name = der.text(base.tag, der.content(data, base), NAME_LIMIT)
        reach = {0: "base", 1: "one", 2: "tree", 3: "tree"}.get(der.integer(der.content(data, scope)), "")
        event = LdapSearch(packet, name, reach, written(data, wanted)[:FILTER_LIMIT], attributes)
        self._searches.put(number, [event, 0])
        return [event]

    def _entry(self, packet: Packet, data: bytes, number: int, operation: der.Element) -> list[Parsed]:
        """An entry of a result is counted; the one without a name describes the directory itself, and one with a Java
        object names the URL of its classes.
        """
        open_ = self._searches.get(number)
        if open_ is not None and isinstance(open_[1], int):
            open_[1] += 1
        name = der.expect(data, operation.start, operation.stop, der.OCTET_STRING)
        if JAVA_CODE.any_in(data) and (found := _CODE_BASE.search(data, name.stop)):
            return [ServiceCommand(packet, "ldap", f"javaCodeBase {clean(found[1])}")]
        if name.stop > name.start or len(data) < operation.stop:
            return []
        return _about(packet, data, der.expect(data, name.stop, operation.stop, der.SEQUENCE))

    def _over(self, packet: Packet, data: bytes, number: int, operation: der.Element) -> list[Parsed]:
        open_ = self._searches.pop(number)
        if open_ is None:
            return []
        requested, entries = open_
        if not isinstance(requested, LdapSearch) or not isinstance(entries, int):
            return []
        return [
            LdapSearchDone(
                packet,
                requested.base,
                requested.scope,
                requested.filter,
                requested.attributes,
                _code(data, operation),
                entries,
            )
        ]


def _signed(token: bytes, whole: bool) -> bytes:
    """The content of a token that is not encrypted (RFC 4121, 4.2.4 and 4.2.5): plain text and checksum, rotated right
    by a number of bytes. If the end of a token is missing, its checksum may remain.
    """
    checksum, turned = int.from_bytes(token[4:6], "big"), int.from_bytes(token[6:8], "big")
    body = token[WRAP_SIZE:]
    if not whole:
        return body[turned:]
    at = turned % len(body) if body else 0
    return (body[at:] + body[:at])[: max(len(body) - checksum, 0)]


def _length(data: bytes, at: int) -> int:
    """Whole length of the message at ``at``, from its first bytes (X.690, 8.1.3)."""
    if len(data) - at < 6 or data[at] != der.SEQUENCE:
        raise Malformed("no message")
    first = data[at + 1]
    if first < 0x80:
        return 2 + first
    wide = first & 0x7F
    if not 0 < wide <= 4:
        raise Malformed("length too long")
    return 2 + wide + int.from_bytes(data[at + 2 : at + 2 + wide], "big")


def _operation(data: bytes) -> tuple[int, der.Element]:
    """(message number, operation). A message truncated by ``keep`` ends with its available bytes."""
    start = _length(data, 0)
    header = 2 if data[1] < 0x80 else 2 + (data[1] & 0x7F)
    number = der.expect(data, header, min(start, len(data)), der.INTEGER)
    at = number.stop
    if len(data) < start and at + 6 <= len(data):
        wide = data[at + 1] & 0x7F if data[at + 1] >= 0x80 else 0
        return der.integer(der.content(data, number)), der.Element(data[at], at + 2 + wide, len(data))
    return der.integer(der.content(data, number)), der.element(data, at, min(start, len(data)))


def _code(data: bytes, operation: der.Element) -> int:
    return der.integer(der.content(data, der.expect(data, operation.start, operation.stop, der.ENUMERATED)))


def _texts(data: bytes, listed: der.Element) -> tuple[str, ...]:
    found = [der.text(each.tag, der.content(data, each), NAME_LIMIT) for each in der.children(data, listed)]
    return tuple(found[:ATTRIBUTES_LIMIT])


def _change(packet: Packet, data: bytes, operation: der.Element) -> LdapChange:
    """A change without the written values."""
    kind = CHANGES[operation.tag]
    if operation.tag == DELETE:
        return LdapChange(packet, kind, der.text(der.UTF8, der.content(data, operation), NAME_LIMIT), ())
    name = der.expect(data, operation.start, operation.stop, der.OCTET_STRING)
    attributes: list[str] = []
    if operation.tag in (MODIFY, ADD):
        for each in der.children(data, der.expect(data, name.stop, operation.stop, der.SEQUENCE)):
            at = der.expect(data, each.start, each.stop, der.ENUMERATED).stop if operation.tag == MODIFY else each.start
            part = der.expect(data, at, each.stop, der.SEQUENCE, der.OCTET_STRING)
            kept = der.element(data, part.start, part.stop) if part.tag == der.SEQUENCE else part
            attributes.append(der.text(kept.tag, der.content(data, kept), NAME_LIMIT))
    return LdapChange(
        packet, kind, der.text(name.tag, der.content(data, name), NAME_LIMIT), tuple(attributes[:ATTRIBUTES_LIMIT])
    )


def _about(packet: Packet, data: bytes, listed: der.Element) -> list[Parsed]:
    """Facts about the directory server: its name and program, and whether it is a domain controller of Windows or
    Samba.
    """
    about: dict[tuple[str, str], None] = {}
    for each in der.children(data, listed):
        name = der.element(data, each.start, each.stop)
        values = der.expect(data, name.stop, each.stop, der.SET)
        attribute = der.text(name.tag, der.content(data, name), NAME_LIMIT).lower()
        for count, value in enumerate(der.children(data, values)):
            raw = der.content(data, value)
            kind = ABOUT.get(attribute)
            if kind and count < VALUES_LIMIT and (text := der.text(value.tag, raw)):
                about[kind, text] = None
            elif (attribute == "supportedcapabilities" and raw == DIRECTORY) or (
                attribute == "netlogon" and raw[:1] and raw[0] in PING_ANSWERS
            ):
                about["ldap.role", "domain_controller"] = None
    host = next((value for kind, value in about if kind == ABOUT["dnshostname"]), "")
    event = LdapDirectory(packet, host, ("ldap.role", "domain_controller") in about)
    return [event, *facts(packet, about)]
