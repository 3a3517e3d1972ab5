"""HART-IP (FieldComm HCF_SPEC-85) over UDP and TCP, port 5094: gateways and field devices by their identity, and
commands that write.

Reads the command of each message: reads are reported once for each connection. Measured values are ignored. Commands
are the universal and common practice ones (HCF_SPEC-127, HCF_SPEC-151). An identity is an observation if it was
requested of the host itself, not of a device behind it.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader
from sensor.dissectors.shared.framing import FramedStream
from sensor.dissectors.shared.sender_facts import facts

PORT = 5094
HEAD, LARGEST = 8, 4096
VERSIONS, KINDS, IDS = (1, 2), (0, 1, 2, 3, 15), (0, 1, 2, 3, 4)
REQUEST, RESPONSE, COMMAND = 0, 1, 3  # message types, and the message id of commands that are passed on
LONG, EXPANSION = 0x80, 0x60  # of the delimiter: an address of five bytes, and the number of expansion bytes
IDENTITY, EXPANDED = 0, 254
# Commands that write.
WRITES = {
    6: "write polling address", 17: "write message", 18: "write tag", 19: "write assembly number", 22: "write long tag",
    34: "write damping", 35: "write range", 40: "fix current", 42: "reset", 43: "set zero", 44: "write units",
    45: "trim current", 46: "trim current", 79: "write variable",
}  # fmt: skip


class HartRequest(Event):
    """A command. ``name``: of one that writes (``write``), else empty."""

    command: int
    name: str
    write: bool


class HartDevice(Event):
    """The identity of a device: numbers of its manufacturer and type, its own number in hexadecimal, and the revision
    of its software.
    """

    manufacturer: int
    type: int
    number: str
    software: int


class HartMessage(Event):
    """Any other message, by its type and id. ``status``: 0 is success."""

    type: int
    id: int
    status: int


class HartIp(Dissector):
    """Whole streams, and each datagram; identical ones within a second are dropped."""

    interest = Interest(udp=(PORT,), tcp=(PORT,), stream=True, repeats_s=1, shares=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        whole = not packet.truncated and 0 < _size(data, 0) == len(data)
        return iter(_message(packet, data) if whole else ())

    def stream(self, packet: Packet) -> Stream:
        return HartIpStream()


class HartIpStream(FramedStream):
    """One client and one gateway or device."""

    head = HEAD
    exclusive = False

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[tuple[str, int]] = set()

    def size(self, data: bytes, at: int) -> int:
        size = _size(data, at)
        if not size:
            raise Malformed("no HART-IP header")
        return size

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        parsed = _message(packet, data)
        key = parsed[0].kind, getattr(parsed[0], "command", -1)
        if getattr(parsed[0], "write", False) or key not in self._seen:
            self._seen.add(key)
            yield from parsed


def _size(data: bytes, at: int) -> int:
    """Size of the message; 0 without a header."""
    head = data[at : at + HEAD]
    if len(head) < HEAD or head[0] not in VERSIONS or head[1] not in KINDS or head[2] not in IDS:
        return 0
    size = head[6] << 8 | head[7]
    return size if HEAD <= size <= LARGEST else 0


def _message(packet: Packet, data: bytes) -> list[Parsed]:
    kind, number, status = data[1:4]
    other: list[Parsed] = [HartMessage(packet, kind, number, status)]
    if number != COMMAND or kind not in (REQUEST, RESPONSE) or len(data) == HEAD:
        return other
    reader = Reader(data, HEAD)
    delimiter = reader.u8()
    reader.skip((5 if delimiter & LONG else 1) + (delimiter & EXPANSION) // 32)
    command, size = reader.u8(), reader.u8()
    body = reader.take(size)
    if kind == REQUEST:
        name = WRITES.get(command, "")
        return [HartRequest(packet, command, name, bool(name))]
    if command != IDENTITY or len(body) < 21 or body[0] or body[2] != EXPANDED:
        return other
    return _device(packet, body[2:], own=not delimiter & LONG)


def _device(packet: Packet, body: bytes, *, own: bool) -> list[Parsed]:
    """The answer to command 0: type, revisions, flags, number, and from 17 on the manufacturer."""
    manufacturer = int.from_bytes(body[17:19], "big")
    device = HartDevice(packet, manufacturer, int.from_bytes(body[1:3], "big"), body[9:12].hex(), body[6])
    pairs = [("hart_ip.role", "HART device"), ("hart_ip.manufacturer", str(manufacturer))]
    return [device, *(facts(packet, pairs) if own else [])]
