"""AMQP 0-9-1 over TCP (its specification, 2.2 and 4.2), as RabbitMQ uses it: programs of brokers and clients, and
logins with their mechanism and result.

Reads the negotiation of a connection. Exchanges, queues and messages are not read, nor is AMQP 1.0. A password is
stored as a seal.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader, clean
from sensor.dissectors.shared.framing import FramedStream
from sensor.dissectors.shared.login_events import CLEAR, PasswordLogin
from sensor.dissectors.shared.sasl import plain
from sensor.dissectors.shared.seal import seal
from sensor.dissectors.shared.sender_facts import facts

PORT = 5672
HEADER = b"AMQP\0\0\x09\x01"
HEAD_SIZE = 7  # type, channel, size; an octet ends each frame
FRAME_END = 0xCE
METHOD, KINDS = 1, frozenset((1, 2, 3, 8))
SIZE_LIMIT = 1 << 20
# Methods of the class connection (its specification, 1.4), with the number of the class.
START, START_OK, TUNE, CLOSE = (10 << 16 | number for number in (10, 11, 30, 50))
REJECTED = 403
NAME_LIMIT, TEXT_LIMIT = 128, 255
# Values of fixed size in tables, by type: boolean, octets, short, long and long long integers, floats, time, decimal,
# void (RabbitMQ's types, and those of the specification, 4.2.1).
_FIXED = {
    "t": 1, "b": 1, "B": 1, "s": 2, "u": 2, "U": 2, "I": 4, "i": 4, "f": 4, "L": 8, "l": 8, "d": 8, "T": 8, "D": 5,
    "V": 0,
}  # fmt: skip


class AmqpLogin(PasswordLogin):
    """``method``: the mechanism in lower case, ``clear`` for PLAIN and AMQPLAIN."""


class Amqp(Dissector):
    """The first messages of each side; a client's header is recognized on any port."""

    interest = Interest(tcp=(PORT,), starts=(HEADER,), stream=True, opening=4)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return AmqpStream()


class AmqpStream(FramedStream):
    """The negotiation of a connection. One captured from its middle yields nothing."""

    resumes = False

    def __init__(self) -> None:
        super().__init__()
        self._begun = False
        self._login: tuple[str, str, str] | None = None  # user, method, seal

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        self.done = True
        return iter(())

    def size(self, data: bytes, at: int) -> int:
        if not self._begun:
            start = data[at : at + len(HEADER)]
            self.done = not HEADER.startswith(start)
            return len(HEADER) if start == HEADER else 0
        if len(data) - at < HEAD_SIZE:
            return 0
        size = int.from_bytes(data[at + 3 : at + HEAD_SIZE], "big")
        if data[at] not in KINDS or size > SIZE_LIMIT:
            raise Malformed("no frame")
        return HEAD_SIZE + size + 1

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        if not self._begun:
            self._begun = True
            return iter(())
        if data[0] != METHOD or data[-1] != FRAME_END:
            return iter(())
        reader = Reader(data, HEAD_SIZE, len(data) - 1)
        method = reader.u32()
        if method == START and not from_client:
            reader.skip(2)  # version
            return iter(facts(packet, [("amqp.server", _program(reader))]))
        if method == START_OK and from_client:
            parsed = facts(packet, [("amqp.client", _program(reader))])
            self._login = _credentials(reader)
            return iter(parsed)
        return iter(self._result(packet, method, reader)) if not from_client else iter(())

    def _result(self, packet: Packet, method: int, reader: Reader) -> list[Parsed]:
        """The broker goes on with the limits of the connection, or closes it."""
        if method not in (TUNE, CLOSE) or self._login is None:
            return []
        self.done = True
        if method == CLOSE and reader.u16() != REJECTED:
            return []
        user, mechanism, sealed = self._login
        return [AmqpLogin(packet, user, mechanism, method == TUNE, sealed)]


def _credentials(reader: Reader) -> tuple[str, str, str]:
    """User, method and seal in the response to a start: PLAIN (RFC 4616), or a table of both for AMQPLAIN."""
    mechanism = clean(reader.take(reader.u8()), NAME_LIMIT).lower()
    response = reader.take(reader.u32())
    if mechanism == "plain":
        user, sealed = plain(response)
        return user, CLEAR, sealed
    if mechanism == "amqplain":
        table = _table(Reader(response))
        user = clean(table.get("LOGIN", b""), NAME_LIMIT)
        return user, CLEAR, seal(user, table.get("PASSWORD", b""))
    return "", mechanism, ""


def _program(reader: Reader) -> str:
    """``RabbitMQ 4.0.5`` of the properties of a peer."""
    table = _table(Reader(reader.take(reader.u32())))
    return clean(b" ".join((table.get("product", b""), table.get("version", b""))), TEXT_LIMIT)


def _table(reader: Reader) -> dict[str, bytes]:
    """The texts of a table; others are skipped. Raises Malformed if a type is unknown."""
    found: dict[str, bytes] = {}
    while reader.left:
        name, kind = clean(reader.take(reader.u8()), NAME_LIMIT), chr(reader.u8())
        if kind in _FIXED:
            reader.skip(_FIXED[kind])
        elif kind in "SxFA":  # texts, bytes, tables, arrays
            value = reader.take(reader.u32())
            if kind == "S":
                found[name] = value
        else:
            raise Malformed("value of an unknown type")
    return found
