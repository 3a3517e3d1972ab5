"""SRTP of GE controllers (Series 90, PACSystems) over TCP, port 18245: services that a client requests. GE has not
published it; formats are those of G. Denton et al., Leveraging the SRTP protocol for over-the-network memory
acquisition of a GE Fanuc Series 90-30, DFRWS 2017.

Reads are reported once for each connection, writes and commands always. Values, names and passwords are ignored.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.framing import FramedStream
from sensor.dissectors.shared.sender_facts import fact

PORT = 18245
HEAD = 56
STARTED, REQUEST, RESPONSE = 1, 2, 3  # the first message of a client consists of zeros
LONG, SHORT, SERVICE_AT, LONG_SERVICE_AT, KIND_AT = 0x80, 0xC0, 42, 50, 31
SERVICES = {
    0x00: "status", 0x03: "program names", 0x04: "read memory", 0x05: "read task memory", 0x06: "read program",
    0x07: "write", 0x08: "write task memory", 0x09: "write program", 0x20: "log on", 0x21: "change privilege",
    0x22: "set control id", 0x23: "change mode", 0x24: "set time", 0x25: "time", 0x38: "fault table",
    0x39: "clear fault table", 0x3F: "upload", 0x40: "download request", 0x43: "controller type", 0x44: "toggle force",
}  # fmt: skip
WRITES = frozenset((0x07, 0x08, 0x09, 0x22, 0x23, 0x24, 0x39, 0x40, 0x44))


class SrtpRequest(Event):
    """A requested service. ``write``: it changes something or commands."""

    service: int
    name: str
    write: bool


class Srtp(Dissector):
    """Whole connections: any request may be the relevant write."""

    interest = Interest(tcp=(PORT,), stream=True, shares=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return SrtpStream()


class SrtpStream(FramedStream):
    """One client and one controller. A connection captured from its middle yields nothing."""

    head = HEAD
    keep = HEAD
    resumes = False

    def __init__(self) -> None:
        super().__init__()
        self._begun = self._answered = False
        self._seen: set[int] = set()

    def size(self, data: bytes, at: int) -> int:
        head = data[at : at + HEAD]
        if not self._begun and head != bytes(HEAD):
            self.done = True  # another protocol, or the middle of a connection
            return 0
        if head[0] > RESPONSE:
            raise Malformed("no SRTP header")
        return HEAD + int.from_bytes(head[4:6], "little")

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        self._begun = True
        if from_client and data[0] == REQUEST and data[KIND_AT] in (SHORT, LONG):
            service = data[SERVICE_AT if data[KIND_AT] == SHORT else LONG_SERVICE_AT]
            write = service in WRITES
            if service in SERVICES and (write or service not in self._seen):
                self._seen.add(service)
                yield SrtpRequest(packet, service, SERVICES[service], write)
        elif not from_client and data[0] in (STARTED, RESPONSE) and not self._answered:
            self._answered = True
            yield fact(packet, "srtp.role", "SRTP server")
