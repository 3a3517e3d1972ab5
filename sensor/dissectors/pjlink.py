"""PJLink, classes 1 and 2 (JBMIA): projectors and displays that control systems query over TCP, and their discovery
over UDP.

Reads manufacturer, product, name, serial number and software version in responses, and whether a password is required.
Ignores power, inputs, lamps and errors, and the digests of passwords.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import clean
from sensor.dissectors.shared.discovery import is_own, mac_of
from sensor.dissectors.shared.lines import LineStream
from sensor.dissectors.shared.sender_facts import facts

PORT = 4352
OPEN, PROTECTED, REFUSED = b"PJLINK 0", b"PJLINK 1 ", b"PJLINK ERRA"
LINES_LIMIT = 512  # of a connection: control systems poll for months
VALUE_LIMIT = 255
KINDS = {
    b"INF1": "pjlink.vendor",
    b"INF2": "pjlink.model",
    b"NAME": "pjlink.device_name",
    b"SNUM": "pjlink.serial",
    b"SVER": "pjlink.firmware",
}
_RESPONSE = lazy_pattern(rb"%[12]([A-Z0-9]{4})=([^\r\n]{0,255})$")
_FAULT = lazy_pattern(rb"ERR[1-4A]$")
_FOUND = lazy_pattern(rb"%2(?:ACKN|LKUP)=((?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2})\r?$")


class PjlinkSearch(Event):
    """A control system searches for projectors."""


class PjlinkFound(Event):
    """A projector responds to a search, or has just been connected to the network."""

    mac: int
    own: bool


class PjlinkGreeting(Event):
    """A projector accepts a connection. ``protected``: it requires a password."""

    protected: bool


class PjlinkRefusal(Event):
    """A projector refuses a password."""


class PjlinkProduct(Event):
    """A projector describes itself: one property, by the last part of its observation (``model``)."""

    name: str
    value: str


class Pjlink(Dissector):
    """Conversations, and datagrams of class 2; identical datagrams within a minute are dropped."""

    interest = Interest(tcp=(PORT,), udp=(PORT,), stream=True, repeats_s=60)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        if packet.payload.rstrip(b"\r") == b"%2SRCH":
            return iter((PjlinkSearch(packet),))
        found = _FOUND.match(packet.payload)
        if found is None or packet.truncated:
            return iter(())
        mac = mac_of(found[1].decode("ascii"))
        own = is_own(packet, mac)
        event = PjlinkFound(packet, mac, own)
        return iter((event, *facts(packet, [("pjlink.response", "found")])) if own else (event,))

    def stream(self, packet: Packet) -> Stream:
        return PjlinkStream()


class PjlinkStream(LineStream):
    """One connection; only the projector is read. Lines end with a carriage return."""

    def __init__(self) -> None:
        super().__init__()
        self.idle = [True, False]
        self._lines = 0
        self._known: set[bytes] = set()

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        return iter(()) if from_client else super().feed(packet, data.replace(b"\r", b"\n"), False)

    def line(self, packet: Packet, line: bytes, from_client: bool) -> Iterator[Parsed]:
        self._lines += 1
        self.done = self._lines >= LINES_LIMIT
        if line == REFUSED:
            return iter((PjlinkRefusal(packet),))
        if line == OPEN or line.startswith(PROTECTED):
            return iter((PjlinkGreeting(packet, line != OPEN), *facts(packet, [("pjlink.response", "greeting")])))
        found = _RESPONSE.match(line)
        if found is None:
            self.done = self.done or bool(line)
            return iter(())
        return iter(_described(packet, found[1], found[2]) if self._is_new(line, found[1]) else ())

    def _is_new(self, line: bytes, name: bytes) -> bool:
        if name not in KINDS or line in self._known or len(self._known) >= LINES_LIMIT:
            return False
        self._known.add(line)
        return True


def _described(packet: Packet, name: bytes, raw: bytes) -> list[Parsed]:
    value, kind = clean(raw, VALUE_LIMIT), KINDS[name]
    if not value or _FAULT.match(raw):
        return []
    return [PjlinkProduct(packet, kind.rpartition(".")[2], value), *facts(packet, [(kind, value)])]
