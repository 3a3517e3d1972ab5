"""SLMP of Mitsubishi Electric controllers (CLPA BAP-C2006; MELSEC communication protocol, 3E and 4E frames in binary)
over TCP: commands that clients send, and the model that a controller reports.

Reads the command of each request: reads are reported once for each connection, writes and commands always. Values are
ignored, and so are frames in ASCII and over UDP.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.discovery import field
from sensor.dissectors.shared.framing import FramedStream
from sensor.dissectors.shared.sender_facts import facts

PORTS = (5006, 5007)
# Requests and responses, without and with a serial number, and the own station (network 0, station 255, module 0x3ff).
HEADS = {b"\x50\0": 0, b"\x54\0": 4, b"\xd0\0": 0, b"\xd4\0": 4}
OWN = b"\x50\0\0\xff\xff\x03\0"
ROUTE, LARGEST = 5, 8192  # bytes from network to station
SEEN_LIMIT = 64
MODEL, NAME_SIZE = 0x0101, 16
# Commands; those that write, command or change something have a name.
COMMANDS = {
    0x1401: "write", 0x1402: "write", 0x1406: "write", 0x1001: "start", 0x1002: "stop", 0x1003: "stop",
    0x1005: "clear latches", 0x1006: "reset", 0x1601: "write label", 0x1827: "write file", 0x1829: "delete file",
}  # fmt: skip


class SlmpRequest(Event):
    """A request. ``name``: of a command that writes or changes something (``write``), else empty."""

    command: int
    name: str
    write: bool


class SlmpModel(Event):
    """The response to a request for the model of the controller."""

    model: str


class Slmp(Dissector):
    """Whole connections, on any port if they are to the station itself."""

    interest = Interest(tcp=PORTS, starts=(OWN,), stream=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return SlmpStream()


class SlmpStream(FramedStream):
    """One client and one controller."""

    head = 2
    keep = 64
    exclusive = False

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[int] = set()
        self._requested, self._answered = 0, False

    def size(self, data: bytes, at: int) -> int:
        extra = HEADS.get(data[at : at + 2])
        stop = at + 2 + (extra or 0) + ROUTE + 2
        size = int.from_bytes(data[stop - 2 : stop], "little")
        if extra is None or (len(data) >= stop and not 2 <= size <= LARGEST):
            raise Malformed("no SLMP header")
        return stop - at + size if len(data) >= stop else 0

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        at = 2 + HEADS[data[:2]] + ROUTE + 2
        first, body = int.from_bytes(data[at + 2 : at + 4], "little"), data[at + 2 :]
        if from_client and len(body) >= 4:
            self._requested, name = first, COMMANDS.get(first, "")
            if name or (first not in self._seen and len(self._seen) < SEEN_LIMIT):
                self._seen.add(first)
                yield SlmpRequest(packet, first, name, bool(name))
        elif not from_client and not self._answered:
            self._answered = True
            yield from facts(packet, [("slmp.role", "SLMP server")])
        if not from_client and self._requested == MODEL and len(body) >= NAME_SIZE:
            self._requested, model = 0, field(body[:NAME_SIZE])
            yield from (SlmpModel(packet, model), *facts(packet, [("slmp.model", model)]))
