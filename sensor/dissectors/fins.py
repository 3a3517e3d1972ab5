"""FINS of Omron controllers (Omron W227, W421) over UDP and TCP, port 9600: commands that clients send, and the model
that a controller reports.

Reads the command of each request: reads are reported once for each connection, writes and commands always. Values are
ignored.
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

PORT = 9600
START, TCP_HEAD, FRAME = b"FINS", 16, 2
SMALLEST, LARGEST = 8, 4096
SEEN_LIMIT = 64
HEAD = 10  # control, reserved, gateways, six address bytes, number of the service
RESPONSE = 0x40
CONTROLS, GATEWAYS = frozenset((0x80, 0x81, 0xC0, 0xC1)), 8
IDENTITY, NAME_SIZE = 0x0501, 20
# Commands by their two codes; those that write, command or change something have a name.
COMMANDS = {
    0x0102: "write memory", 0x0103: "fill memory", 0x0105: "transfer memory", 0x0202: "write parameters",
    0x0203: "clear parameters", 0x0307: "write program", 0x0308: "clear program", 0x0401: "start", 0x0402: "stop",
    0x0403: "reset", 0x0702: "write clock", 0x2205: "delete file", 0x2301: "force", 0x2302: "cancel force",
}  # fmt: skip


class FinsRequest(Event):
    """A request. ``name``: of a command that writes or changes something (``write``), else empty."""

    command: int
    name: str
    write: bool


class FinsAnswer(Event):
    """A response. ``end``: 0 is success; ``model`` and ``version``: of the controller, if it reports them."""

    command: int
    end: int
    model: str
    version: str


class Fins(Dissector):
    """Whole streams, and each datagram; identical ones within a few seconds are dropped, whatever their number."""

    interest = Interest(udp=(PORT,), tcp=(PORT,), stream=True, repeats_s=5, volatile=(9, 10), shares=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(() if packet.truncated else _frame(packet, packet.payload))

    def stream(self, packet: Packet) -> Stream:
        return FinsStream()


class FinsStream(FramedStream):
    """One client and one controller."""

    head = 8
    keep = 128
    exclusive = False

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[tuple[str, int]] = set()

    def size(self, data: bytes, at: int) -> int:
        size = int.from_bytes(data[at + 4 : at + 8], "big")
        if data[at : at + 4] != START or not SMALLEST <= size <= LARGEST:
            raise Malformed("no FINS header")
        return 8 + size

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        if int.from_bytes(data[8:12], "big") != FRAME:
            return
        parsed = _frame(packet, data[TCP_HEAD:])
        for event in parsed[:1]:
            key = event.kind, getattr(event, "command", 0)
            if getattr(event, "write", False) or (key not in self._seen and len(self._seen) < SEEN_LIMIT):
                self._seen.add(key)
                yield from parsed


def _frame(packet: Packet, data: bytes) -> list[Parsed]:
    """A request or a response; the port is used by others, so a header of another form is none."""
    if len(data) < HEAD + 2 or data[0] not in CONTROLS or data[1] or not 0 < data[2] < GATEWAYS:
        return []
    command, body = int.from_bytes(data[HEAD : HEAD + 2], "big"), data[HEAD + 2 :]
    if not data[0] & RESPONSE:
        name = COMMANDS.get(command, "")
        return [FinsRequest(packet, command, name, bool(name))]
    if len(body) < 2:
        raise Malformed("response without a result")
    end = int.from_bytes(body[:2], "big")
    model, version = "", ""
    if command == IDENTITY and not end and len(body) >= 2 + 2 * NAME_SIZE:
        model, version = (field(body[at : at + NAME_SIZE]) for at in (2, 2 + NAME_SIZE))
    pairs = [("fins.role", "FINS server"), ("fins.model", model), ("fins.version", version)]
    return [FinsAnswer(packet, command, end, model, version), *facts(packet, pairs)]
