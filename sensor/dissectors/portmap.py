"""ONC RPC (RFC 5531) of the port mapper (RFC 1833, versions 2 to 4) over UDP and TCP, and calls of daemons that are
found through it.

Reads the program that a client looks up, on the well-known port, and on any port calls of programs known for remote
administration and calls whose arguments overflow a buffer or contain a format string. Ignores credentials and all other
programs.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader, clean
from sensor.dissectors.shared.odd_arguments import odd_message
from sensor.dissectors.shared.rpc_records import CALL, MARK, REPLY, RPC_VERSION, RecordStream

PORT = 111
PORTMAPPER, SADMIND = 100000, 100232
AUTH_LIMIT = 400  # bytes of credentials (RFC 5531, 8.2)
ADDRESS_LIMIT = 64
# Assigned program numbers.
PROGRAMS = {
    100000: "portmapper", 100001: "rstatd", 100002: "rusersd", 100003: "nfs", 100004: "ypserv", 100005: "mountd",
    100007: "ypbind", 100008: "walld", 100009: "yppasswdd", 100011: "rquotad", 100012: "sprayd", 100020: "llockmgr",
    100021: "nlockmgr", 100024: "status", 100068: "cmsd", 100083: "ttdbserverd", 100232: "sadmind", 100300: "nisd",
    150001: "pcnfsd", 300019: "amd",
}  # fmt: skip
# Daemons with buffers that calls overflowed, or with format strings.
FRAGILE = (100005, 100024, 100068, SADMIND, 300019)
_PROCEDURES = {1: "set", 2: "unset", 3: "getport", 4: "dump", 5: "callit"}
_CALL = struct.Struct("!IIIIII")


class PortmapCall(Event):
    """A call of the port mapper: ``procedure`` is getport (port of ``program``), dump (all programs), set, unset or
    callit; ``name`` if assigned.
    """

    xid: int
    procedure: str
    program: int = 0
    name: str = ""
    version: int = 0


class PortmapReply(Event):
    """A reply of the port mapper: ``port`` 0 if the program is absent, or the reply has no port. ``address``: in later
    versions.
    """

    xid: int
    port: int = 0
    address: str = ""
    size: int = 0


class PortmapAdminCall(Event):
    """A call of a procedure of a program for remote administration."""

    xid: int
    program: int
    name: str
    procedure: int
    size: int


class Portmap(Dissector):
    """Calls of daemons on other ports are recognized by the number of the program."""

    interest = Interest(
        udp=(PORT,),
        tcp=(PORT,),
        # Over TCP, a mark with the size of the record precedes the call (RFC 5531, 11).
        magic=tuple((at, program.to_bytes(4, "big")) for at in (12, 12 + MARK) for program in (PORTMAPPER, *FRAGILE)),
        stream=True,
        opening=4,
        repeats_s=1,
    )

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        if len(data) < 12:
            if packet.truncated or PORT not in (packet.sport, packet.dport):
                return iter(())
            raise Malformed("message ends early")
        if PORT in (packet.sport, packet.dport) and int.from_bytes(data[4:8], "big") not in (CALL, REPLY):
            raise Malformed("neither call nor reply")
        return iter(_message(packet, data))

    def stream(self, packet: Packet) -> Stream:
        return PortmapStream()


class PortmapStream(RecordStream):
    """One client and its port mapper."""

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        return iter(_message(packet, data[MARK:]))


def _message(packet: Packet, data: bytes) -> list[Parsed]:
    xid, kind, version = struct.unpack_from("!III", data)
    if kind == CALL and version == RPC_VERSION and len(data) >= _CALL.size:
        return _call(packet, data, xid)
    return _reply(packet, data, xid) if kind == REPLY and packet.sport == PORT else []


def _call(packet: Packet, data: bytes, xid: int) -> list[Parsed]:
    _, _, _, program, _, procedure = _CALL.unpack_from(data)
    odd = odd_message(packet, "rpc", PROGRAMS[program], data[_CALL.size :]) if program in FRAGILE else []
    if program == SADMIND:
        return [PortmapAdminCall(packet, xid, program, PROGRAMS[program], procedure, len(data)), *odd]
    if program in FRAGILE:
        return odd
    if program != PORTMAPPER or procedure not in _PROCEDURES:
        return []
    name = _PROCEDURES[procedure]
    if name == "dump":
        return [PortmapCall(packet, xid, name)]
    try:
        wanted, version = _arguments(data)
    except Malformed:
        if packet.truncated:
            return []
        raise
    return [PortmapCall(packet, xid, name, wanted, PROGRAMS.get(wanted, ""), version)]


def _arguments(data: bytes) -> tuple[int, int]:
    """Program and version of a lookup, after its credentials and verifier."""
    reader = Reader(data, _CALL.size)
    for _ in range(2):
        reader.skip(4)
        size = reader.u32()
        if size > AUTH_LIMIT:
            raise Malformed("credentials longer than allowed")
        reader.skip(size + 3 & ~3)
    return reader.u32(), reader.u32()


def _reply(packet: Packet, data: bytes, xid: int) -> list[Parsed]:
    """Accepted replies only: a number is a port, a text an address with its port (RFC 1833, 2.1)."""
    reader = Reader(data, 8)
    try:
        if reader.u32():  # denied
            return [PortmapReply(packet, xid)]
        reader.skip(4)
        reader.skip(reader.u32() + 3 & ~3)
        if reader.u32():
            return [PortmapReply(packet, xid)]
        body = reader.rest()
    except Malformed:
        if packet.truncated:
            return []
        raise
    if len(body) == 4:
        return [PortmapReply(packet, xid, int.from_bytes(body, "big") & 0xFFFF, size=len(body))]
    length = int.from_bytes(body[:4], "big")
    text = ""
    if 0 < length <= ADDRESS_LIMIT and len(body) == 4 + (length + 3 & ~3):
        text = clean(body[4 : 4 + length], ADDRESS_LIMIT)
    return [PortmapReply(packet, xid, _port_of(text), text, len(body))]


def _port_of(address: str) -> int:
    """The last two numbers of a universal address (RFC 5665): ``10.0.0.1.3.233`` is port 1001."""
    *_, high, low = ["0", "0", *address.split(".")]
    if not (high + low).isascii() or not high.isdigit() or not low.isdigit() or max(len(high), len(low)) > 3:
        return 0
    return int(high) << 8 | int(low)
