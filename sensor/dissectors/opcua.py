"""OPC UA binary over TCP (IEC 62541-6, 6.7 and 7.1), port 4840: applications and their products, the security that a
server offers, logins, and requests that write or call methods.

Reads the opening of a secure channel, and its services if it has the security policy None: then they are neither signed
nor encrypted. With other policies, both ends show the certificates of their applications before anything is encrypted
(6.7.2.3). Values are ignored, and a password is stored as a seal.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader
from sensor.dissectors import _opcua as types
from sensor.dissectors.shared import x509
from sensor.dissectors.shared.framing import FramedStream
from sensor.dissectors.shared.login_events import CLEAR, PasswordLogin
from sensor.dissectors.shared.seal import seal
from sensor.dissectors.shared.sender_facts import facts

PORT = 4840
HEAD, LONGEST = 8, 1 << 26
KINDS = frozenset((b"HEL", b"ACK", b"ERR", b"RHE", b"OPN", b"MSG", b"CLO"))
FINAL, CHANNEL, SEQUENCE = b"CFA", 8, 8
POLICY = "http://opcfoundation.org/UA/SecurityPolicy#"
# Requests and responses by the number of their binary encoding (IEC 62541-6, annex A), and those that change something.
ENDPOINTS, SESSION, ACTIVATE, ACTIVATED, FAULT = 431, 461, 467, 470, 397
SERVICES = {673: "write", 700: "update history", 712: "call method", 488: "add nodes", 500: "delete nodes"}
MODES = {1: "None", 2: "Sign", 3: "SignAndEncrypt"}
# Results of a login (IEC 62541-4, 7.39): identity token invalid or rejected, access denied.
REFUSED = frozenset((0x80200000, 0x80210000, 0x801F0000))


class OpcuaChannel(Event):
    """A client opens a secure channel. ``policy``: of its security, without the common beginning of its URI."""

    policy: str


class OpcuaApplication(Event):
    """The sender describes itself: a server in its endpoints, a client when it creates a session, both in the
    certificates of a secure channel.
    """

    name: str
    uri: str
    product: str


class OpcuaEndpoints(Event):
    """What a server offers. ``modes``: security modes of its endpoints; ``anonymous``: one needs no login."""

    modes: tuple[str, ...]
    anonymous: bool


class OpcuaLogin(PasswordLogin):
    """The session was activated or rejected. ``method``: ``none`` for anonymous users, ``clear`` for passwords that are
    not encrypted, else ``password``, ``certificate`` or ``token``.
    """


class OpcuaRequest(Event):
    """A request that writes, calls a method or changes the address space."""

    name: str
    write: bool


class Opcua(Dissector):
    """Whole connections: any request may be the relevant write."""

    interest = Interest(tcp=(PORT,), starts=(b"HELF",), stream=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return OpcuaStream()


class OpcuaStream(FramedStream):
    """One client and one server."""

    head = HEAD
    keep = 8192

    def __init__(self) -> None:
        super().__init__()
        self._readable = False
        self._login: tuple[str, str, str] | None = None  # user, method, seal

    def size(self, data: bytes, at: int) -> int:
        size = int.from_bytes(data[at + 4 : at + HEAD], "little")
        if data[at : at + 3] not in KINDS or data[at + 3] not in FINAL or not HEAD <= size <= LONGEST:
            raise Malformed("no OPC UA header")
        return size

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        kind, reader = data[:3], Reader(data, HEAD)
        if kind == b"OPN":
            reader.skip(4)
            policy = types.text(reader).removeprefix(POLICY)
            self._readable = policy == "None"
            self.done = not (self._readable or from_client)
            parsed: list[Parsed] = [OpcuaChannel(packet, policy)] if from_client else []
            return iter(parsed if self._readable else parsed + _certified(packet, reader, from_client))
        if kind == b"MSG" and not self._readable:
            self.done = True  # encrypted, or a channel whose opening was not captured
        if kind != b"MSG" or not self._readable:
            return iter(())
        reader.skip(CHANNEL + SEQUENCE)
        service = types.number(reader)
        return iter(self._request(packet, reader, service) if from_client else self._answer(packet, reader, service))

    def _request(self, packet: Packet, reader: Reader, service: int) -> list[Parsed]:
        if name := SERVICES.get(service):
            return [OpcuaRequest(packet, name, True)]
        if service == SESSION:
            types.skip_request(reader)
            return _application(packet, types.application(reader), "client")
        if service == ACTIVATE:
            types.skip_request(reader)
            user, method, password = types.identity(reader)
            self._login = user, method, seal(user, password) if method == CLEAR else ""
        return []

    def _answer(self, packet: Packet, reader: Reader, service: int) -> list[Parsed]:
        if service == ENDPOINTS:
            types.response(reader)
            return _endpoints(packet, reader)
        if self._login is None or service not in (ACTIVATED, FAULT):
            return []
        (user, method, sealed), self._login = self._login, None
        status = types.response(reader)
        if status and status not in REFUSED:
            return []
        return [OpcuaLogin(packet, user, method, not status, sealed)]


def _application(packet: Packet, found: types.Application, role: str) -> list[Parsed]:
    pairs = [(f"opcua.{role}", found.name), (f"opcua.{role}_product", found.product), (f"opcua.{role}_uri", found.uri)]
    return [OpcuaApplication(packet, found.name, found.uri, found.product), *facts(packet, pairs)]


def _certified(packet: Packet, reader: Reader, from_client: bool) -> list[Parsed]:
    """The application of a certificate (IEC 62541-6, 6.2.2): its name, and the URI among its alternative names."""
    raw = types.octets(reader)
    if not raw:
        return []
    certificate = x509.read(raw)
    found = types.Application(certificate.uri, "", certificate.common_name)
    parsed = _application(packet, found, "client" if from_client else "server")
    return parsed + facts(packet, [] if from_client else [("opcua.certificate", certificate.subject)])


def _endpoints(packet: Packet, reader: Reader) -> list[Parsed]:
    """All endpoints of a server describe the same application. Certificates may be longer than what is kept."""
    parsed: list[Parsed] = []
    modes: dict[str, bool] = {}
    anonymous = False
    count = types.count(reader)
    try:
        for _ in range(count):
            types.text(reader)
            application = types.application(reader)
            parsed = parsed or _application(packet, application, "server")
            mode, open_to_all = types.endpoint(reader)
            modes[MODES.get(mode, str(mode))] = True
            anonymous = anonymous or open_to_all
    except Malformed:
        if not parsed:
            raise
    return [*parsed, OpcuaEndpoints(packet, tuple(modes), anonymous)] if modes else parsed
