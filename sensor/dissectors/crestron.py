"""Discovery of Crestron devices (control systems, touch panels, conference systems): messages that begin with 14 and 15
on port 41794.

Reads searches, and from responses the host name and the text with model, firmware and serial number. The fields in
between are not published; both are found as the texts after a header of ten bytes.
"""

from __future__ import annotations

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.discovery import Discovery, field
from sensor.dissectors.shared.sender_facts import facts

PORT = 41794
SEARCH, ANSWER = b"\x14\0\0\0", b"\x15\0\0\0"
HEADER = 10
NAME_SIZE = 256
# TSW-760 [v2.001.0040 (Mon Jan 01 2018), #00A1B2C3]
_TEXT = lazy_pattern(rb"([\w-]{2,32}(?: [\w-]{1,16}){0,3}) \[v([\w.]{1,32})[^\]\0]{0,64}?(?:#([0-9A-Fa-f]{6,16}))?\]")


class CrestronSearch(Event):
    """A search for devices."""


class CrestronAnswer(Event):
    """A device describes itself."""

    model: str
    firmware: str
    serial: str
    name: str


class Crestron(Discovery):
    """Searches repeat; what is identical within a minute is dropped."""

    interest = Interest(udp=(PORT,), repeats_s=60, shares=True)

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if not data.startswith((SEARCH, ANSWER)) or len(data) < HEADER:
            return []
        if data.startswith(SEARCH):
            return [CrestronSearch(packet)]
        match = _TEXT.search(data, HEADER)
        if match is None:
            raise Malformed("answer without a model")
        name = field(data[HEADER : HEADER + NAME_SIZE])
        model = field(match[1])
        firmware = field(match[2])
        serial = field(match[3] or b"")
        pairs = (
            ("crestron.model", model),
            ("crestron.firmware", firmware),
            ("crestron.serial", serial),
            ("crestron.hostname", name),
        )
        return [CrestronAnswer(packet, model, firmware, serial, name), *facts(packet, pairs)]
