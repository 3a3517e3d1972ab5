"""S7 communication of Siemens controllers over ISO transport (RFC 1006, TPKT and COTP, port 102). Siemens has not
published it; formats are those of public descriptions. The newer form (S7comm-plus, first byte 0x72) is not read.

Reads the functions that a client calls: reads are reported once, writes and commands always; and the order number in a
controller's response. Values are not stored.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared.framing import FramedStream
from sensor.dissectors.shared.sender_facts import fact

PORT = 102
TPKT, HEAD, DATA, PROTOCOL = 3, 4, 0xF0, 0x32
JOB, ACKNOWLEDGED, USER_DATA = 1, 3, 7
HEADERS = {JOB: 10, USER_DATA: 10, ACKNOWLEDGED: 12}
FUNCTIONS = {
    0x04: "read", 0x05: "write", 0x1A: "download request", 0x1B: "download", 0x1C: "download end", 0x1D: "upload start",
    0x1E: "upload", 0x1F: "upload end", 0x28: "control", 0x29: "stop", 0xF0: "setup",
}  # fmt: skip
CONTROL = 0x28
# Services of program invocation, which are text.
SERVICES = (
    (b"P_PROGRAM", "start"), (b"_INSE", "insert blocks"), (b"_DELE", "delete blocks"), (b"_MODU", "copy RAM to ROM"),
)  # fmt: skip
CHANGES = frozenset((0x05, 0x1A, 0x1B, 0x1C, 0x28, 0x29))
_ORDER = lazy_pattern(rb"6(?:ES7|AG1) [0-9A-Z]{3}-[0-9A-Z]{5}-[0-9A-Z]{4}")


class SimaticRequest(Event):
    """A request. ``name``: of the function, or of the service that it starts; ``write``: it changes something or
    commands.
    """

    function: int
    name: str
    write: bool


class S7comm(Dissector):
    """Whole connections: any request may be the relevant write."""

    interest = Interest(tcp=(PORT,), stream=True, shares=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return S7commStream()


class S7commStream(FramedStream):
    """One client and one controller."""

    head = HEAD

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[int] = set()
        self._answered = self._ordered = False

    def size(self, data: bytes, at: int) -> int:
        size = data[at + 2] << 8 | data[at + 3]
        if data[at] != TPKT or data[at + 1] or size <= HEAD:
            raise Malformed("no TPKT header")
        return size

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        at = HEAD + 1 + data[HEAD]
        if data[HEAD + 1 : HEAD + 2] != bytes((DATA,)) or len(data) < at + 2 or data[at] != PROTOCOL:
            return
        kind = data[at + 1]
        parameters = at + HEADERS.get(kind, 10)
        if from_client and kind == JOB and len(data) > parameters:
            yield from self._request(packet, data, parameters)
        elif not from_client and kind in (ACKNOWLEDGED, USER_DATA):
            yield from self._answer(packet, data[parameters:])

    def _request(self, packet: Packet, data: bytes, at: int) -> Iterator[Parsed]:
        function = data[at]
        write = function in CHANGES
        if write or function not in self._seen:
            self._seen.add(function)
            yield SimaticRequest(packet, function, _name(function, data[at:]), write)

    def _answer(self, packet: Packet, data: bytes) -> Iterator[Parsed]:
        if not self._answered:
            self._answered = True
            yield fact(packet, "s7comm.role", "S7 server")
        found = None if self._ordered else _ORDER.search(data)
        if found:
            self._ordered = True
            yield fact(packet, "s7comm.order_number", clean(found[0]))


def _name(function: int, parameters: bytes) -> str:
    """Name of the function, or of the service that it starts."""
    if function == CONTROL:
        return next((name for text, name in SERVICES if text in parameters), FUNCTIONS[CONTROL])
    return FUNCTIONS.get(function, "")
