"""DNP3 (IEEE 1815-2012) over TCP and UDP, port 20000: functions that a master calls at an outstation.

Parses the link header and the beginning of the first fragment: reads are reported once, writes and commands always.
Ignores objects and values, checksums, secure authentication, and frames without user data.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.framing import FramedStream
from sensor.dissectors.shared.sender_facts import fact

PORT = 20000
START = b"\x05\x64"
HEADER, BLOCK, CHECKSUM, SMALLEST = 10, 16, 2, 5
FROM_MASTER, FIRST = 0x80, 0x40  # of the link's control byte, and of the transport header
USER_DATA = frozenset((3, 4))  # primary link functions: confirmed or unconfirmed
RESPONSES = frozenset((129, 130))
FUNCTIONS = {
    0: "confirm", 1: "read", 2: "write", 3: "select", 4: "operate", 5: "direct operate", 6: "direct operate",
    7: "freeze", 8: "freeze", 9: "freeze and clear", 10: "freeze and clear", 11: "freeze", 12: "freeze",
    13: "cold restart", 14: "warm restart", 15: "initialize data", 16: "initialize application",
    17: "start application", 18: "stop application", 19: "save configuration", 20: "enable unsolicited messages",
    21: "disable unsolicited messages", 22: "assign class", 23: "delay measurement", 24: "record time", 25: "open file",
    26: "close file", 27: "delete file", 28: "file information", 29: "authenticate file", 30: "abort file",
    31: "activate configuration",
}  # fmt: skip
CHANGES = frozenset((2, 4, 5, 6, 9, 10, 13, 14, 15, 16, 17, 18, 19, 21, 27, 31))


class Dnp3Request(Event):
    """A request from the station ``source`` to the station ``destination`` (link addresses). ``write``: it changes
    something or commands.
    """

    source: int
    destination: int
    function: int
    name: str
    write: bool


class Dnp3(Dissector):
    """Whole streams, and each datagram; identical ones within a second are dropped."""

    interest = Interest(udp=(PORT,), tcp=(PORT,), stream=True, repeats_s=1, shares=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(_frame(packet, packet.payload, set()) if packet.payload.startswith(START) else ())

    def stream(self, packet: Packet) -> Stream:
        return Dnp3Stream()


class Dnp3Stream(FramedStream):
    """A master and an outstation; either may have opened the connection."""

    head = 3

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[int] = set()

    def size(self, data: bytes, at: int) -> int:
        if data[at : at + 2] != START or data[at + 2] < SMALLEST:
            raise Malformed("no DNP3 header")
        user = data[at + 2] - SMALLEST
        return HEADER + user + CHECKSUM * -(-user // BLOCK)

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        return iter(_frame(packet, data, self._seen))


def _frame(packet: Packet, data: bytes, seen: set[int]) -> list[Parsed]:
    """Parse a frame; ``seen``: functions and roles already reported, which are not reported again unless they change
    something.
    """
    if len(data) < HEADER + 3 or data[3] & 0x0F not in USER_DATA or not data[HEADER] & FIRST:
        return []
    function = data[HEADER + 2]
    write = function in CHANGES
    if function in seen and not write:
        return []
    seen.add(function)
    if function in RESPONSES:
        seen |= RESPONSES
        return [fact(packet, "dnp3.role", "DNP3 outstation")]
    if not data[3] & FROM_MASTER or function not in FUNCTIONS:
        return []
    destination, source = data[4] | data[5] << 8, data[6] | data[7] << 8
    return [Dnp3Request(packet, source, destination, function, FUNCTIONS[function], write)]
