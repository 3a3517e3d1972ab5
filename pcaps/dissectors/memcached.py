"""memcached: a value requested and found, the version, statistics, in the text and the binary protocol; a client that
may have logged in, a rejected one; answers in datagrams.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PBX, Frames, conversation, udp

CLIENT, SERVER = (DESKTOP, "10.20.30.66"), (PBX, "10.20.30.5", 11211)
STATISTICS = (
    b"STAT pid 20458\r\nSTAT uptime 4\r\nSTAT time 1796136723\r\nSTAT version 1.6.38\r\nSTAT libevent 2.1.13\r\nEND\r\n"
)
VERSION = b"VERSION 1.6.38\r\n"
VALUE = b"VALUE k 0 6\r\nhello\n\r\nEND\r\n"


def request(operation: int, key: bytes = b"", value: bytes = b"") -> bytes:
    """A request of the binary protocol."""
    return struct.pack("!BBHBBHIIQ", 0x80, operation, len(key), 0, 0, 0, len(key + value), 0, 0) + key + value


def answer(operation: int, key: bytes = b"", value: bytes = b"", status: int = 0) -> bytes:
    """An answer of the binary protocol."""
    return struct.pack("!BBHBBHIIQ", 0x81, operation, len(key), 0, 0, status, len(key + value), 2, 0) + key + value


def datagram(data: bytes, number: int = 0, count: int = 1) -> bytes:
    """Data behind the header of a datagram."""
    return struct.pack("!HHHH", 0x1234, number, count, 0) + data


def counters() -> bytes:
    """The statistics of a server in the binary protocol."""
    lines = (b"pid", b"20458"), (b"uptime", b"4"), (b"time", b"1796136723"), (b"version", b"1.6.38"), (b"", b"")
    return b"".join(answer(0x10, key, value) for key, value in lines)


def frames() -> Frames:
    texts = [(True, b"get k\r\n"), (False, VALUE), (True, b"version\r\n"), (False, VERSION), (True, b"quit\r\n")]
    yield from conversation((*CLIENT, 49430), SERVER, texts)
    yield from conversation((*CLIENT, 49431), SERVER, [(True, b"stats\r\n"), (False, STATISTICS)])
    yield from conversation((*CLIENT, 49432), SERVER, [(True, request(0x10)), (False, counters())])
    login = [(True, b"set any 0 0 9\r\nuser word\r\n"), (False, b"STORED\r\n"), (True, b"get k\r\n"), (False, VALUE)]
    yield from conversation((*CLIENT, 49433), SERVER, login)
    rejected = [(True, b"get k\r\n"), (False, b"CLIENT_ERROR unauthenticated\r\n")]
    yield from conversation((*CLIENT, 49434), SERVER, rejected)
    binary = [(True, request(0x21, b"PLAIN", b"\0user\0word")), (False, answer(0x21)), (True, request(0, b"k"))]
    yield from conversation((*CLIENT, 49435), SERVER, [*binary, (False, answer(0, value=b"hello"))])
    refused = [(True, request(0, b"k")), (False, answer(0, value=b"Auth failure", status=0x20))]
    yield from conversation((*CLIENT, 49436), SERVER, refused)
    for data in (VERSION, STATISTICS, b"END\r\n"):
        yield udp(PBX, DESKTOP, SERVER[1], CLIENT[1], SERVER[2], 49437, datagram(data))
