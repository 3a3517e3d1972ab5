"""MongoDB: a client and its driver, versions, data without a login; accepted and rejected logins by SCRAM, with the
handshake and without, and by PLAIN; a server that requires a login; a ransom note.
"""

from __future__ import annotations

import struct
from typing import Any

from pcaps.dissectors._frames import DESKTOP, PBX, Frames, conversation

CLIENT, SERVER = (DESKTOP, "10.20.30.66"), (PBX, "10.20.30.5", 27017)
DRIVER = {
    "driver": {"name": "PyMongo|c", "version": "4.20.1|"},
    "os": {"type": "Linux", "name": "Linux", "architecture": "x86_64", "version": "6.1.0-28-amd64"},
    "platform": "CPython 3.11.2.final.0",
}
VERSION = {"version": "7.0.14", "gitVersion": "ce59cfc6a3c5e5c067dca0d30697edd68d4f5188", "ok": 1.0}
FOUND = {"cursor": {"firstBatch": {"0": {"x": 1}}, "id": 0, "ns": "shop.items"}, "ok": 1.0}
UNAUTHORIZED = {"ok": 0.0, "errmsg": "Command find requires authentication", "code": 13, "codeName": "Unauthorized"}
FAILED = {"ok": 0.0, "errmsg": "Authentication failed.", "code": 18, "codeName": "AuthenticationFailed"}
FIND = {"find": "items", "filter": {}, "$db": "shop"}
Parts = list[tuple[bool, bytes]]


def bson(values: dict[str, Any]) -> bytes:
    """A document (bsonspec.org)."""
    parts = b""
    for name, value in values.items():
        key = name.encode() + b"\0"
        if isinstance(value, bool):
            parts += b"\x08" + key + bytes((value,))
        elif isinstance(value, int):
            parts += b"\x10" + key + struct.pack("<i", value)
        elif isinstance(value, float):
            parts += b"\x01" + key + struct.pack("<d", value)
        elif isinstance(value, str):
            parts += b"\x02" + key + struct.pack("<i", len(value) + 1) + value.encode() + b"\0"
        elif isinstance(value, bytes):
            parts += b"\x05" + key + struct.pack("<iB", len(value), 0) + value
        else:
            parts += b"\x03" + key + bson(value)
    return struct.pack("<i", len(parts) + 5) + parts + b"\0"


def wire(operation: int, body: bytes, number: int = 0, answered: int = 0) -> bytes:
    return struct.pack("<iiii", 16 + len(body), number, answered, operation) + body


def exchanges(*pairs: tuple[dict[str, Any], dict[str, Any]]) -> Parts:
    """Commands and their replies; the first one is the handshake (OP_QUERY, OP_REPLY), the others are OP_MSG."""
    parts: Parts = []
    for number, (command, reply) in enumerate(pairs, 1):
        if number == 1:
            parts.append(
                (
                    True,
                    wire(2004, struct.pack("<i", 0) + b"admin.$cmd\0" + struct.pack("<ii", 0, -1) + bson(command), 1),
                )
            )
            parts.append((False, wire(1, struct.pack("<iqii", 8, 0, 0, 1) + bson(reply), 90, 1)))
        else:
            parts.append((True, wire(2013, bytes(5) + bson(command), number)))
            parts.append((False, wire(2013, bytes(5) + bson(reply), 90 + number, number)))
    return parts


def hello(
    login: dict[str, Any] | None = None, answer: dict[str, Any] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The handshake, with the beginning of a login if there is one."""
    command: dict[str, Any] = {"ismaster": 1, "helloOk": True, "client": DRIVER}
    reply: dict[str, Any] = {"ismaster": True, "maxBsonObjectSize": 16777216, "minWireVersion": 0, "maxWireVersion": 21}
    return (
        command | ({"speculativeAuthenticate": login} if login else {}),
        reply | ({"speculativeAuthenticate": answer} if answer else {}) | {"ok": 1.0},
    )


def start(user: str = "shop") -> dict[str, Any]:
    return {"saslStart": 1, "mechanism": "SCRAM-SHA-256", "payload": f"n,,n={user},r=abc".encode(), "$db": "admin"}


CHALLENGE = {"conversationId": 1, "done": False, "payload": b"r=abcdef,s=c2FsdA==,i=15000", "ok": 1.0}
PROOF = {"saslContinue": 1, "conversationId": 1, "payload": b"c=biws,r=abcdef,p=cHJvb2Y=", "$db": "admin"}
DONE = {"conversationId": 1, "done": True, "payload": b"v=c2lnbmF0dXJl", "ok": 1.0}
PLAIN = {"saslStart": 1, "mechanism": "PLAIN", "payload": b"\0shop\0not to be kept", "$db": "$external"}
NOTE = {"insert": "README", "ordered": True, "$db": "READ__ME_TO_RECOVER_YOUR_DATA"}


def frames() -> Frames:
    sessions = [
        [hello(), ({"buildInfo": 1, "$db": "admin"}, VERSION), (FIND, FOUND), (NOTE, {"n": 1, "ok": 1.0})],
        [hello(start(), CHALLENGE), (PROOF, DONE), (FIND, FOUND)],
        [hello(start()), (start("admin"), FAILED)],
        [hello(start(), CHALLENGE), (PROOF, FAILED)],
        [hello(), (PLAIN, DONE | {"payload": b""}), (FIND, FOUND)],
        [hello(), (FIND, UNAUTHORIZED)],
    ]
    for port, session in enumerate(sessions, 49430):
        yield from conversation((*CLIENT, port), SERVER, exchanges(*session))
