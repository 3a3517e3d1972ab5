"""Fox, the protocol of Niagara stations and tools for building automation (Tridium), TCP port 1911: how each side
describes itself when a connection opens.

Reads the greetings of both sides: text with one property a line. Logins and everything after them are ignored, as is
Fox over TLS (port 4911).
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared.discovery import address_of
from sensor.dissectors.shared.framing import FramedStream
from sensor.dissectors.shared.sender_facts import facts

PORT = 1911
START, HELLO, BODY, END = b"fox ", b"fox hello", b"\n{\n", b"};;\n"
LINES_LIMIT, LINE_LIMIT = 64, 255
CONTROLLER = "Qnx-"  # host ids of controllers; those of computers do not name a vendor of the device
# Properties of the greeting, in the order of the event's fields.
PROPERTIES = ("fox.version", "hostName", "app.name", "app.version", "os.name", "station.name", "brandId", "hostId")


class FoxHello(Event):
    """One side opens the connection. ``program``: Station, Workbench and others; ``host_id``: of the licence."""

    version: str
    hostname: str
    program: str
    program_version: str
    os: str
    station: str
    brand: str
    host_id: str


class Fox(Dissector):
    """The first messages of each side."""

    interest = Interest(tcp=(PORT,), starts=(b"fox a ",), stream=True, opening=2)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return FoxStream()


class FoxStream(FramedStream):
    """The greetings of both sides. A connection captured from its middle yields nothing."""

    keep = 8192
    resumes = False

    def __init__(self) -> None:
        super().__init__()
        self._greeted = 0

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        self.done = True
        return iter(())

    def size(self, data: bytes, at: int) -> int:
        if not data.startswith(START[: len(data) - at], at):
            self.done = True  # another protocol, or the rest of a session
            return 0
        stop = data.find(END, at)
        if stop < 0 and len(data) - at > self.keep:
            raise Malformed("message without an end")
        return stop + len(END) - at if stop >= 0 else 0

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        head, found, body = data.partition(BODY)
        self._greeted += 1
        self.done = self._greeted > 1 or not head.endswith(HELLO) or not found
        if not head.endswith(HELLO) or not found:
            return iter(())
        values = dict(_properties(body))
        hello = FoxHello(packet, *[values.get(name, "") for name in PROPERTIES])
        pairs = [
            ("fox.hostname", "" if address_of(hello.hostname) else hello.hostname),
            ("fox.station", hello.station),
            ("fox.program", f"{hello.program} {hello.program_version}".strip()),
            ("fox.os", hello.os),
            ("fox.brand", hello.brand if hello.host_id.startswith(CONTROLLER) else ""),
            ("fox.host_id", hello.host_id),
        ]
        return iter([hello, *facts(packet, pairs)])


def _properties(body: bytes) -> Iterator[tuple[str, str]]:
    """Lines of a name, an equals sign, a letter for the type, a colon and the value."""
    for line in body.split(b"\n", LINES_LIMIT)[:LINES_LIMIT]:
        name, _, value = line.partition(b"=")
        kind, colon, text = value.partition(b":")
        if colon and len(kind) == 1:
            yield clean(name, LINE_LIMIT), clean(text, LINE_LIMIT)
