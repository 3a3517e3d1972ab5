"""Kerberos 5 over UDP and TCP (RFC 4120): ticket requests to a KDC, their services and ciphers, and the KDC's answers.

Reads AS and TGS requests, the answers and errors; encrypted parts stay encrypted. A ticket is recognised by a hash of
its encrypted part. Ignores requests that change passwords. Tickets that clients present to services inside other
protocols are read by ``presented``. A computer is identified when its own account (``name$``) makes the request, and by
the NetBIOS address of a request.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared import der
from sensor.dissectors.shared.framing import FramedStream
from sensor.dissectors.shared.sender_facts import fact

PORT = 88
AS_REQUEST, AS_REPLY, TGS_REQUEST, TGS_REPLY, ERROR = 0x6A, 0x6B, 0x6C, 0x6D, 0x7E
AP_REQUEST, TICKET = 0x6E, 0x61
# The mechanism, the token type and the tag of the request.
GSS_TICKET = bytes.fromhex("06092a864886f71201020201006e")
MESSAGES = (AS_REQUEST, AS_REPLY, TGS_REQUEST, TGS_REPLY, ERROR)
# Pre-authentication types (RFC 4120, 7.5.2; RFC 6113, 5.4; [MS-SFU] 2.2.1 for the last).
TGS_PROOF = 1
TIMESTAMP = 2
ETYPE_INFO = 11
PUBLIC_KEY = 16
ETYPE_INFO2 = 19
ARMOUR = 136
ENCRYPTED_CHALLENGE = 138
FOR_USER = 129
NETBIOS_ADDRESS = 20
SIZE_LIMIT = 1 << 20  # bytes of a message over TCP
KEEP = 1 << 16  # tickets that list many groups fill tens of kilobytes, and the request body follows them
NAME_LIMIT = 255
NAME_PARTS_LIMIT = 8
ETYPES_LIMIT = 32
HASH_SIZE = 8
Fields = dict[int, der.Element]
# Over TCP, after the length, application tag and sequence, whose lengths take one to three bytes each: the version in
# field 1 of requests and field 0 of replies (5.4.1, 5.4.2).
BEGINNINGS = tuple((at, bytes((field, 3, 2, 1))) for at in (8, 10, 12) for field in (0xA0, 0xA1))


class KerberosRequest(Event):
    """Common fields of requests. ``client`` is empty if the ticket names it; ``service``: ``cifs/fs01``; ``etypes``:
    encryption types, the preferred first.

    ``options``: the 32 flags (RFC 4120, 5.4.1); ``host``: the client's NetBIOS name in the request.
    """

    client: str
    realm: str
    service: str
    etypes: tuple[int, ...]
    options: int
    host: str


class KerberosAsRequest(KerberosRequest):
    """Request for an initial ticket. ``proof``: pre-authentication type: ``timestamp``, ``challenge``, ``public_key``,
    ``armoured`` (inside of an encrypted tunnel) or empty; ``proof_etype``: its encryption type.
    """

    proof: str
    proof_etype: int


class KerberosTgsRequest(KerberosRequest):
    """Request for a service ticket. ``ticket``: hash of the presented ticket, ``ticket_etype`` its encryption type,
    ``ticket_service`` its service, with ``@`` and the realm that issued it if a krbtgt's is for another realm.

    ``proof_etype``: encryption type of the session key; ``impersonates``: requested on behalf of another user ([MS-SFU]
    2.2.1), who is ``user``.
    """

    ticket: str
    ticket_etype: int
    ticket_service: str
    proof_etype: int
    impersonates: bool
    user: str = ""


class KerberosPresented(Event):
    """A client presents a service ticket to the service (RFC 4121). Fields as in ``KerberosTgsRequest``."""

    ticket: str
    ticket_etype: int
    ticket_service: str


class KerberosReply(Event):
    """Common fields of replies. ``ticket``: hash of the ticket; ``ticket_etype``: its encryption type; ``etype``: that
    of the client's part.
    """

    client: str
    realm: str
    service: str
    ticket: str
    ticket_etype: int
    etype: int


class KerberosAsReply(KerberosReply):
    """An initial ticket was issued."""


class KerberosTgsReply(KerberosReply):
    """A service ticket was issued."""


class KerberosError(Event):
    """An error of the KDC. ``code``: RFC 4120, 7.5.9; ``etypes``: encryption types offered for this client's
    pre-authentication, none if not sent.
    """

    code: int
    client: str
    realm: str
    service: str
    etypes: tuple[int, ...]


class Kerberos(Dissector):
    """Every message counts: a retry is another attempt."""

    interest = Interest(udp=(PORT,), tcp=(PORT,), magic=BEGINNINGS, stream=True, repeats_s=5)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(_read_truncated(packet, packet.payload) if packet.truncated else _read(packet, packet.payload))

    def stream(self, packet: Packet) -> KerberosStream:
        return KerberosStream(sure=PORT in (packet.sport, packet.dport))


class KerberosStream(FramedStream):
    """Length-prefixed messages (RFC 4120, 7.2.2)."""

    head = 5
    keep = KEEP

    def __init__(self, *, sure: bool = True) -> None:
        """``sure``: the port is Kerberos' own; on others it is recognized by its first message."""
        super().__init__()
        self._sure = sure

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        try:
            for parsed in super().feed(packet, data, from_client):
                self._sure = True
                yield parsed
        except Malformed:
            if self._sure:
                raise
            self.done = True

    def size(self, data: bytes, at: int) -> int:
        size = int.from_bytes(data[at : at + 4], "big")
        if not 0 < size <= SIZE_LIMIT or data[at + 4] not in MESSAGES:
            raise Malformed("no message")
        return 4 + size

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        whole = 4 + int.from_bytes(data[:4], "big") == len(data)
        return iter(_read(packet, data[4:]) if whole else ())

    def truncated(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        return iter(_read_truncated(packet, data[4:]))

    def aligned(self, data: bytes) -> bool:
        return len(data) > 5 and data[4] in MESSAGES and int.from_bytes(data[:4], "big") <= SIZE_LIMIT


def _read_truncated(packet: Packet, data: bytes) -> list[Parsed]:
    """The available parts of a truncated message; empty if too little is available."""
    try:
        return _read(packet, der.clipped(data))
    except Malformed:
        return []


def _read(packet: Packet, data: bytes) -> list[Parsed]:
    whole = der.expect(data, 0, None, *MESSAGES)
    fields = _fields(data, whole)
    if whole.tag in (AS_REQUEST, TGS_REQUEST):
        return _request(packet, data, whole.tag, fields)
    if whole.tag == ERROR:
        return _error(packet, data, fields)
    return _reply(packet, data, whole.tag, fields)


def _request(packet: Packet, data: bytes, kind: int, fields: Fields) -> list[Parsed]:
    """A request (5.4.1); its body is a sequence in field 4."""
    cut = packet.truncated
    body = {} if cut and 4 not in fields else _sequence(data, _need(fields, 4))
    proofs = _proofs(data, fields.get(3))
    options = 0 if cut and 0 not in body else int.from_bytes(der.content(data, _need(body, 0))[1:5], "big")
    client, realm, service = _name(data, body.get(1)), _text(data, body.get(2)), _name(data, body.get(3))
    host = _host(data, body.get(9))
    common = (packet, client, realm, service, _etypes(data, body.get(8)), options, host)
    parsed: list[Parsed]
    if kind == AS_REQUEST:
        parsed = [KerberosAsRequest(*common, *_preauthentication(proofs))]
        machine = client[:-1] if client.endswith("$") and "/" not in client else ""
        if name := host or machine:
            parsed.append(fact(packet, "kerberos.hostname", name))
        return parsed
    shown = _shown(proofs.get(TGS_PROOF, b""), cut)
    return [KerberosTgsRequest(*common, *shown, FOR_USER in proofs, _user(proofs.get(FOR_USER, b"")))]


def _reply(packet: Packet, data: bytes, kind: int, fields: Fields) -> list[Parsed]:
    """A reply with a ticket (5.4.2). Its sender is a KDC."""
    client, realm = _name(data, fields.get(4)), _text(data, fields.get(3))
    cut = packet.truncated
    ticket, etype, service = _ticket(data, _need(fields, 5), cut)
    own = 0 if cut and 6 not in fields else _encrypted(data, _need(fields, 6))[0]
    made = KerberosAsReply if kind == AS_REPLY else KerberosTgsReply
    parsed: list[Parsed] = [made(packet, client, realm, service, ticket, etype, own)]
    if kind == AS_REPLY and packet.sport == PORT:
        parsed.append(fact(packet, "kerberos.role", "kdc"))
    return parsed


def _error(packet: Packet, data: bytes, fields: Fields) -> list[Parsed]:
    """An error (5.9.1). Its data contains the accepted pre-authentication types, if it has the usual format."""
    code = der.integer(der.content(data, _need(fields, 6)))
    etypes: tuple[int, ...] = ()
    if 12 in fields:
        try:
            etypes = _offered(der.content(data, fields[12]))
        except Malformed:  # the data of some errors is vendor-specific
            etypes = ()
    return [
        KerberosError(
            packet, code, _name(data, fields.get(8)), _text(data, fields.get(9)), _name(data, fields.get(10)), etypes
        )
    ]


def _fields(data: bytes, whole: der.Element) -> Fields:
    """The content of numbered fields in a sequence inside of an application tag."""
    return _sequence(data, der.expect(data, whole.start, whole.stop, der.SEQUENCE))


def _sequence(data: bytes, parent: der.Element) -> Fields:
    if parent.tag != der.SEQUENCE:
        raise Malformed("unexpected type of element")
    number = der.CONTEXT | der.CONSTRUCTED
    return {
        child.tag - number: der.element(data, child.start, child.stop)
        for child in der.children(data, parent)
        if child.tag >= number
    }


def _need(fields: Fields, number: int) -> der.Element:
    found = fields.get(number)
    if found is None:
        raise Malformed("field missing")
    return found


def _text(data: bytes, one: der.Element | None) -> str:
    return der.text(one.tag, der.content(data, one), NAME_LIMIT) if one else ""


def _name(data: bytes, one: der.Element | None) -> str:
    """The parts of a principal's name, joined by slashes (5.2.2)."""
    if one is None:
        return ""
    parts = [_text(data, part) for part in der.children(data, _need(_sequence(data, one), 1))]
    return "/".join(parts[:NAME_PARTS_LIMIT])[:NAME_LIMIT]


def _etypes(data: bytes, one: der.Element | None) -> tuple[int, ...]:
    numbers = [der.integer(der.content(data, each)) for each in der.children(data, one)] if one else []
    return tuple(numbers[:ETYPES_LIMIT])


def _encrypted(data: bytes, one: der.Element, cut: bool = False) -> tuple[int, bytes]:
    """(encryption type, ciphertext) (5.2.9); ``cut``: the ciphertext may be incomplete."""
    fields = _sequence(data, one)
    etype = der.integer(der.content(data, _need(fields, 0)))
    return etype, b"" if cut and 2 not in fields else der.content(data, _need(fields, 2))


def _ticket(data: bytes, one: der.Element, cut: bool) -> tuple[str, int, str]:
    """(hash, encryption type, service) of a ticket (5.3). ``cut``: its message was truncated, and it has no hash."""
    if one.tag != TICKET:
        raise Malformed("unexpected type instead of a ticket")
    fields = _fields(data, one)
    etype, secret = _encrypted(data, _need(fields, 3), cut)
    hashed = "" if cut else hashlib.blake2b(secret, digest_size=HASH_SIZE).hexdigest()
    return hashed, etype, _name(data, fields.get(2))


def _proofs(data: bytes, one: der.Element | None) -> dict[int, bytes]:
    """Pre-authentication data by type (5.2.7)."""
    found: dict[int, bytes] = {}
    for each in der.children(data, one) if one else ():
        fields = _sequence(data, each)
        found[der.integer(der.content(data, _need(fields, 1)))] = der.content(data, _need(fields, 2))
    return found


def _preauthentication(proofs: dict[int, bytes]) -> tuple[str, int]:
    """(type, encryption type) of a client's pre-authentication."""
    for kind, name in ((TIMESTAMP, "timestamp"), (ENCRYPTED_CHALLENGE, "challenge")):
        if kind in proofs:
            return name, _encrypted(proofs[kind], der.element(proofs[kind], 0))[0]
    return ("public_key" if PUBLIC_KEY in proofs else "armoured" if proofs.get(ARMOUR) else ""), 0


def _shown(raw: bytes, cut: bool) -> tuple[str, int, str, int]:
    """(hash, encryption type and service of the ticket, encryption type of the authenticator) in a request for a
    service (5.5.1).
    """
    if not raw:
        return "", 0, "", 0
    raw = der.clipped(raw) if cut else raw
    fields = _fields(raw, der.expect(raw, 0, None, AP_REQUEST))
    etype = 0 if cut and 4 not in fields else _encrypted(raw, _need(fields, 4))[0]
    ticket = _need(fields, 3)
    hashed, ticket_etype, service = _ticket(raw, ticket, cut)
    return hashed, ticket_etype, service + _issuer(raw, ticket, service), etype


def presented(packet: Packet, token: bytes) -> list[Parsed]:
    """The ticket in a GSS-API token (RFC 4121, 4.1), which may be truncated; empty if it contains none."""
    at = token.find(GSS_TICKET)
    if at < 0:
        return []
    raw = token[at + len(GSS_TICKET) - 1 :]
    for cut in (False, True):
        try:
            ticket, etype, service, _ = _shown(raw, cut)
        except Malformed:
            continue
        return [KerberosPresented(packet, ticket, etype, service)] if service else []
    return []


def _user(raw: bytes) -> str:
    """The user on whose behalf a ticket is requested ([MS-SFU] 2.2.1)."""
    try:
        return _name(raw, _sequence(raw, der.element(raw, 0)).get(0)) if raw else ""
    except Malformed:  # truncated
        return ""


def _issuer(data: bytes, ticket: der.Element, service: str) -> str:
    """``@`` and the realm that issued a ticket for the krbtgt of another one (5.3), otherwise empty."""
    name, _, realm = service.partition("/")
    issuer = _text(data, _fields(data, ticket).get(1))
    return f"@{issuer}" if name.lower() == "krbtgt" and issuer and issuer.lower() != realm.lower() else ""


def _offered(raw: bytes) -> tuple[int, ...]:
    """Encryption types for pre-authentication, from the methods in an error (RFC 4120, 5.2.7.4 and 5.2.7.5)."""
    proofs = _proofs(raw, der.expect(raw, 0, None, der.SEQUENCE))
    info = proofs.get(ETYPE_INFO2) or proofs.get(ETYPE_INFO)
    if not info:
        return ()
    entries = [_sequence(info, each) for each in der.children(info, der.expect(info, 0, None, der.SEQUENCE))]
    return tuple([der.integer(der.content(info, _need(entry, 0))) for entry in entries[:ETYPES_LIMIT]])


def _host(data: bytes, one: der.Element | None) -> str:
    """The NetBIOS name among the addresses of a request: 15 characters padded with blanks, and a suffix (5.2.5;
    [MS-KILE] 2.2.2).
    """
    for each in der.children(data, one) if one else ():
        fields = _sequence(data, each)
        if der.integer(der.content(data, _need(fields, 0))) == NETBIOS_ADDRESS:
            return der.text(der.PRINTABLE, der.content(data, _need(fields, 1))[:15])
    return ""
