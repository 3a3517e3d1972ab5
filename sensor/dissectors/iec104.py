"""IEC 60870-5-104 over TCP (edition 2.0), port 2404: commands that a controlling station sends to substations and
remote terminal units.

Reads the type, cause and addresses of each message: commands are reported each time, others once for each type. Values,
measurements and time stamps are ignored, and so are files.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.framing import FramedStream
from sensor.dissectors.shared.sender_facts import fact

PORT = 2404
START, HEAD, SMALLEST, LARGEST = 0x68, 2, 4, 253
CONTROL = 4  # octets in front of an ASDU
ASDU_SIZE = 9  # type, qualifier, cause and originator, station, object
SELECT = 0x80
ACTIVATION, CAUSE, UNKNOWN = 6, 0x3F, frozenset((44, 45, 46, 47))
CONFIRMED = 0x0B  # STARTDT
# Commands by type, and the offset behind the object of the octet whose first bit means that it only selects; -1: none.
COMMANDS = {
    45: ("single command", 0), 46: ("double command", 0), 47: ("step command", 0), 48: ("set point", 2),
    49: ("set point", 2), 50: ("set point", 4), 51: ("bit string command", -1), 58: ("single command", 0),
    59: ("double command", 0), 60: ("step command", 0), 61: ("set point", 2), 62: ("set point", 2),
    63: ("set point", 4), 64: ("bit string command", -1), 105: ("reset process", -1), 110: ("set parameter", -1),
    111: ("set parameter", -1), 112: ("set parameter", -1), 113: ("activate parameter", -1),
}  # fmt: skip
OTHERS = {
    100: "interrogation", 101: "counter interrogation", 102: "read", 103: "clock synchronization", 104: "test",
    106: "delay acquisition", 107: "test",
}  # fmt: skip


class Iec104Request(Event):
    """A request to the ``station``, and one of its objects. ``write``: it commands or changes something; a command that
    only selects does not.
    """

    station: int
    type: int
    object: int
    name: str
    write: bool


class Iec104Refusal(Event):
    """The station does not know what was requested. ``cause``: 44 the type, 45 the cause, 46 the station, 47 the
    object.
    """

    station: int
    type: int
    object: int
    cause: int


class Iec104(Dissector):
    """Whole connections: any message may be the relevant command."""

    interest = Interest(tcp=(PORT,), stream=True, shares=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return Iec104Stream()


class Iec104Stream(FramedStream):
    """A controlling station, which opens the connection, and a controlled one."""

    head = HEAD
    keep = HEAD + LARGEST

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[int] = set()
        self._controlled = False

    def size(self, data: bytes, at: int) -> int:
        if data[at] != START or not SMALLEST <= data[at + 1] <= LARGEST:
            raise Malformed("no IEC 104 header")
        return HEAD + data[at + 1]

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        has_asdu = not data[HEAD] & 1 and len(data) >= HEAD + CONTROL + ASDU_SIZE
        asdu = data[HEAD + CONTROL :] if has_asdu else b""
        if from_client:
            return iter(self._request(packet, asdu) if asdu else ())
        parsed: list[Parsed] = []
        if not self._controlled and (asdu or data[HEAD] == CONFIRMED):
            self._controlled = True
            parsed.append(fact(packet, "iec104.role", "controlled station"))
        if asdu and asdu[2] & CAUSE in UNKNOWN:
            parsed.append(Iec104Refusal(packet, *_ends(asdu), asdu[2] & CAUSE))
        return iter(parsed)

    def _request(self, packet: Packet, asdu: bytes) -> list[Parsed]:
        kind = asdu[0]
        name, at = COMMANDS.get(kind, (OTHERS.get(kind, ""), -1))
        qualifier = ASDU_SIZE + at
        selects = at >= 0 and len(asdu) > qualifier and bool(asdu[qualifier] & SELECT)
        write = kind in COMMANDS and not selects and asdu[2] & CAUSE == ACTIVATION
        if not name or (kind in self._seen and not write):
            return []
        self._seen.add(kind)
        return [Iec104Request(packet, *_ends(asdu), name, write)]


def _ends(asdu: bytes) -> tuple[int, int, int]:
    """Station, type and object."""
    return int.from_bytes(asdu[4:6], "little"), asdu[0], int.from_bytes(asdu[6:9], "little")
