"""OPC UA: the endpoints of a server, a session with a password in cleartext that writes, an anonymous one, a rejected
one, and a channel that is encrypted, with the certificates of both ends (the formats are those of asyncua).
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PRINTER, Frames, conversation
from pcaps.dissectors._tls import certificate, name

POLICY = b"http://opcfoundation.org/UA/SecurityPolicy#"
ADDRESS = b"opc.tcp://10.20.30.13:4840/"
REQUEST_HEAD = b"\0\0" + bytes(16) + b"\xff" * 4 + struct.pack("<I", 4000) + b"\0\0\0"
ANONYMOUS, USER, CERTIFICATE = 321, 324, 327


def text(value: bytes | None) -> bytes:
    return struct.pack("<i", -1) if value is None else struct.pack("<i", len(value)) + value


def message(kind: bytes, body: bytes) -> bytes:
    return kind + b"F" + struct.pack("<I", 8 + len(body)) + body


def hello() -> bytes:
    return message(b"HEL", struct.pack("<5I", 0, 65535, 65535, 0, 0) + text(ADDRESS))


def channel(policy: bytes, own: bytes | None = None) -> bytes:
    security = text(POLICY + policy) + text(own) + text(bytes(20) if own else None)
    return message(b"OPN", bytes(4) + security + bytes(8) + b"\1\0\xbe\1" + bytes(30))


def service(number: int, body: bytes) -> bytes:
    return message(b"MSG", bytes(16) + b"\1\0" + struct.pack("<H", number) + body)


def response_head(status: int = 0) -> bytes:
    return bytes(12) + struct.pack("<I", status) + b"\0" + struct.pack("<i", 0) + b"\0\0\0"


def application(name: bytes, uri: bytes, product: bytes) -> bytes:
    localized = b"\3" + text(b"en") + text(name)
    return text(uri) + text(product) + localized + bytes(4) + text(None) * 2 + struct.pack("<i", 1) + text(ADDRESS)


def endpoint(mode: int, token: int, certificate: bytes = b"") -> bytes:
    own = application(b"Press line", b"urn:plc-7:server", b"https://www.siemens.com/s7-1500")
    tokens = struct.pack("<i", 1) + text(b"policy") + struct.pack("<I", token) + text(None) * 3
    security = text(certificate) + struct.pack("<I", mode) + text(POLICY + b"None")
    return text(ADDRESS) + own + security + tokens + text(b"transport") + b"\0"


def endpoints(*found: bytes) -> bytes:
    return service(431, response_head() + struct.pack("<i", len(found)) + b"".join(found))


def activate(kind: int, *fields: bytes | None) -> bytes:
    """A request to activate a session, with an identity token."""
    token = b"".join(map(text, fields))
    body = REQUEST_HEAD + text(None) * 2 + struct.pack("<i", 0) + struct.pack("<i", 1) + text(b"en")
    return service(467, body + b"\1\0" + struct.pack("<HB", kind, 1) + text(token) + text(None) * 2)


def login(*fields: bytes | None) -> bytes:
    return activate(USER, b"username", *fields)


SESSION = service(461, REQUEST_HEAD + application(b"UaExpert@PC7", b"urn:pc7", b"urn:UnifiedAutomation:UaExpert"))
CLIENT = certificate(name(CN="UaExpert@PC7", O="Example"), names=("pc7",), uri="urn:pc7:UnifiedAutomation:UaExpert")
PLC = "urn:SIMATIC.S7-1500.OPC-UA.Application:PLC_1"
SERVER = certificate(name(CN="PLC-1/OPCUA-1", O="Example"), names=("plc-1",), uri=PLC)
WRITE, READ = service(673, REQUEST_HEAD), service(631, REQUEST_HEAD)
ACTIVATED, DENIED = service(470, response_head()), service(397, response_head(0x801F0000))


def frames() -> Frames:
    opening = [
        (True, hello()),
        (False, message(b"ACK", bytes(20))),
        (True, channel(b"None")),
        (False, channel(b"None")),
    ]
    sessions: list[list[tuple[bool, bytes]]] = [
        [*opening, (True, service(428, REQUEST_HEAD)), (False, endpoints(endpoint(1, 0), endpoint(3, 1)))],
        [
            *opening,
            (True, SESSION),
            (True, login(b"operator", b"opc-1", None)),
            (False, ACTIVATED),
            (True, READ + WRITE),
        ],
        [*opening, (True, activate(ANONYMOUS, b"anonymous")), (False, ACTIVATED)],
        [*opening, (True, login(b"admin", b"\x99" * 32, b"rsa-oaep")), (False, DENIED)],
        [
            (True, hello()),
            (False, message(b"ACK", bytes(20))),
            (True, channel(b"Basic256Sha256", CLIENT)),
            (False, channel(b"Basic256Sha256", SERVER)),
            (True, message(b"MSG", bytes(16) + b"\x99" * 40)),
        ],
    ]
    for number, parts in enumerate(sessions):
        yield from conversation((DESKTOP, "10.20.30.20", 50480 + number), (PRINTER, "10.20.30.13", 4840), parts)
