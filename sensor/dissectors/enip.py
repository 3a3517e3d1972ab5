"""EtherNet/IP over UDP and TCP (CIP Networks Library, volume 2, chapter 2): controllers and their parts, and the
clients that open sessions with them.

Reads the commands of the encapsulation, the requests inside (``_cip``), and the identity that a device returns to
ListIdentity: vendor, type, product, revision, serial number and name. Ignores answers and cyclic data. The identity
holds the address of its device: if that differs from the sender's, another device answers for it, and no fact is
reported.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sensor.core.addresses import v4
from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader, clean
from sensor.dissectors._cip import calls
from sensor.dissectors.shared.framing import FramedStream
from sensor.dissectors.shared.sender_facts import facts

PORT = 44818
HEAD = 24
LIST_IDENTITY = 0x63
COMMANDS = {
    0x00: "nop", 0x04: "list_services", 0x63: "list_identity", 0x64: "list_interfaces", 0x65: "register_session",
    0x66: "unregister_session", 0x6F: "send_rr_data", 0x70: "send_unit_data", 0x72: "indicate_status", 0x73: "cancel",
}  # fmt: skip
SEND_REQUEST, SEND_UNIT = 0x6F, 0x70
IDENTITY, CONNECTED, UNCONNECTED = 0x0C, 0xB1, 0xB2
LENGTH_LIMIT = 65511
_HEADER = struct.Struct("<HHII8xI")  # command, length, session, status, sender's context left out, options
# Version, family, port, address, vendor, type, code, revision, status, serial.
_IDENTITY = struct.Struct("<H2sHI8xHHHBBHI")


class EnipCommand(Event):
    """A command of the encapsulation, or the answer to it: ``status`` 0 is success."""

    command: str
    session: int
    status: int


class EnipIdentity(Event):
    """A device's identity; ``revision`` major and minor, ``serial`` in hexadecimal."""

    vendor: int
    device_type: int
    product_code: int
    revision: str
    serial: str
    name: str


class CipRequest(Event):
    """A requested service. ``of``: the class, 0 for a tag; ``name``: of a service that changes something (``write``) or
    commands, empty for others.
    """

    service: int
    of: int
    name: str
    write: bool


class Enip(Dissector):
    """Discovery with its responses, and whole connections: any request may be the relevant write. Cyclic data has a
    separate port.
    """

    interest = Interest(udp=(PORT,), tcp=(PORT,), stream=True, repeats_s=60, shares=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        size = _size(data, 0)
        if not size or size > len(data):  # an ephemeral port of another protocol
            return iter(())
        return _message(packet, data[:size])

    def stream(self, packet: Packet) -> Stream:
        return EnipStream()


class EnipStream(FramedStream):
    """Messages of one connection. Reads are reported once."""

    head = HEAD

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[int] = set()

    def size(self, data: bytes, at: int) -> int:
        size = _size(data, at)
        if not size:
            raise Malformed("no encapsulation header")
        return size

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        command, length = _HEADER.unpack_from(data)[:2]
        if command not in (SEND_REQUEST, SEND_UNIT):
            yield from _message(packet, data)
        elif from_client and HEAD + length == len(data):
            yield from self._requests(packet, Reader(data, HEAD + 6))

    def _requests(self, packet: Packet, reader: Reader) -> Iterator[Parsed]:
        """The requests in the items of a message; those of a connection have a number in front (2-6)."""
        for kind, body in _items(reader):
            if kind not in (CONNECTED, UNCONNECTED):
                continue
            for call in calls(body[2:] if kind == CONNECTED else body):
                if call.name or call.service not in self._seen:
                    self._seen.add(call.service)
                    yield CipRequest(packet, call.service, call.of, call.name, bool(call.name))


def _size(data: bytes, at: int) -> int:
    """Size of the message; 0 without a header of a known command."""
    if len(data) - at < HEAD:
        return 0
    command, length, _, _, options = _HEADER.unpack_from(data, at)
    return HEAD + int(length) if command in COMMANDS and length <= LENGTH_LIMIT and not options else 0


def _message(packet: Packet, data: bytes) -> Iterator[Parsed]:
    command, length, session, status, _ = _HEADER.unpack_from(data)
    yield EnipCommand(packet, COMMANDS[command], session, status)
    if command == LIST_IDENTITY and length and not status:
        yield from _identities(packet, Reader(data, HEAD))


def _identities(packet: Packet, reader: Reader) -> Iterator[Parsed]:
    for kind, body in _items(reader):
        if kind == IDENTITY:
            yield from _identity(packet, Reader(body))


def _items(reader: Reader) -> Iterator[tuple[int, bytes]]:
    """(type, content) of items, each with a type and a length in little-endian."""
    count = int.from_bytes(reader.take(2), "little")
    for _ in range(min(count, 4)):
        kind = int.from_bytes(reader.take(2), "little")
        yield kind, reader.take(int.from_bytes(reader.take(2), "little"))


def _identity(packet: Packet, reader: Reader) -> Iterator[Parsed]:
    """Socket address in network order, then the attributes of the identity object (2-4.2.3)."""
    raw = reader.take(_IDENTITY.size)
    _, _, _, _, vendor, kind, code, major, minor, _, serial = _IDENTITY.unpack(raw)
    address = int.from_bytes(raw[6:10], "big")
    name = clean(reader.take(reader.u8()))
    revision, number = f"{major}.{minor:03d}", f"{serial:08X}"
    yield EnipIdentity(packet, vendor, kind, code, revision, number, name)
    if address and v4(address) != packet.src:
        return
    pairs = (
        ("enip.vendor", str(vendor)),
        ("enip.type", str(kind)),
        ("enip.product", name),
        ("enip.revision", revision),
        ("enip.serial", number if serial else ""),
    )
    yield from facts(packet, pairs)
