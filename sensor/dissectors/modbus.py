"""Modbus over TCP (Modbus Messaging on TCP/IP 1.0b, Modbus Application Protocol 1.1b3): writes to controllers, and how
controllers identify themselves.

Reads every request that writes or commands, the first of each other kind, exceptions, and the answers that identify:
device identification (43/14), server id (17) and the identification that Schneider's programming tools request
(function 90). Of the other requests of these tools (UMAS) those that start, stop, program or write are named; their
codes are from published analyses. Ignores the values read. A unit number other than 0, 1 and 255 is a device behind a
gateway (Messaging, 4.1.2.3): its identification is an event, but no fact about the sender.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader, clean
from sensor.dissectors.shared.framing import FramedStream
from sensor.dissectors.shared.sender_facts import fact

PORT = 502
HEAD = 8  # transaction, protocol, length, unit, function
LENGTH_MAX = 1024  # 254 by the standard; programming tools send more
EXCEPTION = 0x80
WRITES = frozenset((5, 6, 15, 16, 21, 22, 23))
DIAGNOSTICS = 8
SERVER_ID, IDENTIFY, SCHNEIDER = 17, 43, 90
MEI_IDENTIFICATION = 14
SCHNEIDER_IDENTIFY, SCHNEIDER_DONE = 2, 0xFE
# Requests of Schneider's programming tools, by the code behind their session key.
PROGRAMMING = {
    0x23: "write variables", 0x25: "write registers", 0x30: "download request", 0x40: "start", 0x41: "stop",
    0x71: "write object",
}  # fmt: skip
OWN_UNITS = (0, 1, 255)
ADDRESSED = frozenset((1, 2, 3, 4, 5, 6, 15, 16, 22, 23))
SINGLE = frozenset((5, 6, 22))  # writes of one register or coil, with only its address
# Objects of device identification (Application Protocol, 6.21).
OBJECTS = ("vendor_name", "product_code", "revision", "vendor_url", "product_name", "model_name", "application_name")
SEEN_LIMIT = 64
_TEXT = lazy_pattern(rb"[\x20-\x7e]{4,}")
TEXT_AT = 26  # offset of the model's length and text in Schneider's response, counted from the function


class ModbusRequest(Event):
    """``unit``: 0, 255 and usually 1 are the device itself; ``address`` and ``count``: registers or coils, if the
    function has them, else -1 and 0; for diagnostics ``address`` is their number; ``write``: it changes something or
    commands; ``name``: what a programming tool of Schneider requests, if that changes something.
    """

    unit: int
    function: int
    address: int
    count: int
    write: bool
    name: str = ""


class ModbusException(Event):
    """An exception: 1 illegal function, 2 illegal address, 3 illegal value, 4 failure and so on."""

    unit: int
    function: int
    code: int


class ModbusIdentification(Event):
    """A unit's identification: names as in the standard, and their texts."""

    unit: int
    objects: tuple[tuple[str, str], ...]


class Modbus(Dissector):
    """Whole connections: any request may be the relevant write. Polling repeats, and costs only a check of
    its header.
    """

    interest = Interest(tcp=(PORT,), stream=True, shares=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return ModbusStream()


class ModbusStream(FramedStream):
    """One client and one server. Requests that only read are reported once for each unit and function."""

    head = HEAD
    keep = LENGTH_MAX

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[tuple[int, int]] = set()
        self._requested = -1  # transaction of a request for Schneider's identification
        self._answered = False

    def size(self, data: bytes, at: int) -> int:
        size = _size(data, at)
        if not size:
            raise Malformed("no Modbus header")
        return size

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        unit, function = data[6], data[7]
        if from_client:
            if function == SCHNEIDER and data[9:10] == bytes((SCHNEIDER_IDENTIFY,)):
                self._requested = data[0] << 8 | data[1]
            name = PROGRAMMING.get(data[9], "") if function == SCHNEIDER and len(data) > 9 else ""
            write = function in WRITES or function == DIAGNOSTICS or bool(name)
            if write or ((unit, function) not in self._seen and len(self._seen) < SEEN_LIMIT):
                self._seen.add((unit, function))
                yield _request(packet, data, write, name)
        elif function & EXCEPTION:
            yield ModbusException(packet, unit, function & 127, data[8] if len(data) > 8 else 0)
        else:
            yield from self._answer(packet, data, unit, function)

    def _answer(self, packet: Packet, data: bytes, unit: int, function: int) -> Iterator[Parsed]:
        if not self._answered:
            self._answered = True
            yield fact(packet, "modbus.role", "Modbus server")
        objects: tuple[tuple[str, str], ...] = ()
        if function == IDENTIFY and data[8:9] == bytes((MEI_IDENTIFICATION,)):
            objects = _objects(data)
        elif function == SERVER_ID:
            objects = _server_id(data)
        elif (
            function == SCHNEIDER
            and data[9:10] == bytes((SCHNEIDER_DONE,))
            and self._requested == data[0] << 8 | data[1]
        ):
            objects = _schneider(data)
        if objects:
            yield ModbusIdentification(packet, unit, objects)
            if unit in OWN_UNITS:
                yield from (fact(packet, f"modbus.{name}", text) for name, text in objects)


def _size(data: bytes, at: int) -> int:
    """Size of the message, 0 without a header: the protocol is 0, and the length includes the unit and all that follows
    it.
    """
    length = data[at + 4] << 8 | data[at + 5]
    return (
        6 + length
        if not data[at + 2] and not data[at + 3] and 2 <= length <= LENGTH_MAX - 6 and data[at + 7] & 127
        else 0
    )


def _request(packet: Packet, data: bytes, write: bool, name: str) -> ModbusRequest:
    function = data[7]
    address, count = -1, 0
    if function in ADDRESSED:
        if len(data) < 12:
            raise Malformed("request too short")
        address = data[8] << 8 | data[9]
        count = 1 if function in SINGLE else data[10] << 8 | data[11]
    elif function == DIAGNOSTICS and len(data) >= 10:
        address = data[8] << 8 | data[9]
    return ModbusRequest(packet, data[6], function, address, count, write, name)


def _objects(data: bytes) -> tuple[tuple[str, str], ...]:
    """Device identification: code, conformity, more, next, number of objects, then number, length and text of each."""
    reader = Reader(data, 9)
    reader.skip(4)
    found: list[tuple[str, str]] = []
    for _ in range(reader.u8()):
        number, text = reader.u8(), clean(reader.take(reader.u8()))
        if number < len(OBJECTS) and text:
            found.append((OBJECTS[number], text))
    return tuple(found)


def _server_id(data: bytes) -> tuple[tuple[str, str], ...]:
    """Server id: its content is vendor-specific; reported if it is text after the bytes for id and run state."""
    found = _TEXT.search(data, 9) if len(data) > 9 else None
    return (("server_id", clean(found[0])),) if found and found[0].strip() else ()


def _schneider(data: bytes) -> tuple[tuple[str, str], ...]:
    """The model's name and the version of its firmware, major in one byte and minor in another, in hexadecimal."""
    at = 7 + TEXT_AT - 1
    if len(data) <= at:
        return ()
    text = clean(data[at + 1 : at + 1 + data[at]])
    found = [("schneider_model", text)] if text and text.isascii() else []
    return (*found, ("schneider_firmware", f"{data[19]:x}.{data[18]:02x}"))
