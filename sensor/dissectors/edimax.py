"""Edimax cloud messages: plugs and cameras search their network, and register with the vendor's servers on port 8765.

Reads short documents of ``<name value="…" />`` elements, plain or with rotated bits in every byte, as the first byte
shows. Server responses, relayed connections and commands are reported by code alone; their keys are never read. The
protocol is proprietary; the format is that of captures.
"""

from __future__ import annotations

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.discovery import Discovery, address_of, field, is_own, mac_of
from sensor.dissectors.shared.sender_facts import facts

PORT = 8765
OPENING = b"<param>"
LONGEST = 1024
FIELDS_LIMIT = 32
REGISTER, SEARCH = 1010, 1300

_FIELD = lazy_pattern(rb'<([a-z]{1,16}) value="([^"<>]{0,64})"')


def turned(data: bytes, bits: int) -> bytes:
    """The decoded message: every byte is rotated right; the first byte, a rotated ``<``, shows the number of bits."""
    return bytes((OPENING[0] + bits,)) + data[1:].translate(_RIGHT[bits])


_RIGHT = tuple(bytes((byte >> bits | byte << 8 - bits) & 0xFF for byte in range(256)) for bits in range(8))
_LEFT = tuple(bytes((byte << bits | byte >> 8 - bits) & 0xFF for byte in range(256)) for bits in range(8))
_STARTS = tuple(turned(OPENING, bits) for bits in range(8))


class EdimaxMessage(Event):
    """A message with its number (1010 registers, 1300 searches). ``own``: the id in it is its sender's MAC; other
    messages name nothing.
    """

    code: int
    model: str
    product: str
    firmware: str
    name: str
    mac: int
    own: bool


class Edimax(Discovery):
    """Searches and registrations repeat; what is identical within a minute is dropped."""

    interest = Interest(udp=(PORT,), starts=_STARTS, repeats_s=60)
    reads_truncated = True

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if not data.startswith(_STARTS):
            return []
        values = _fields(data)
        code = values.get(b"code", b"")
        if not code.isdigit() or len(code) > 5:
            raise Malformed("message without a number")
        mac = mac_of(field(values.get(b"id", b"")))
        own = int(code) == REGISTER and bool(mac) and is_own(packet, mac, address_of(field(values.get(b"lanip", b""))))
        model, product, firmware, name = (
            (field(values.get(key, b"")) for key in (b"model", b"type", b"devfwver", b"alias"))
            if own
            else ("", "", "", "")
        )
        event = EdimaxMessage(
            packet, int(code), model, product, firmware.partition("#")[0], name, mac if own else 0, own
        )
        searches = "yes" if int(code) == SEARCH else ""
        pairs = (
            ("edimax.search", searches), ("edimax.model", model), ("edimax.product", product),
            ("edimax.firmware", event.firmware), ("edimax.instance", name),
        )  # fmt: skip
        return [event, *facts(packet, pairs)]


def _fields(data: bytes) -> dict[bytes, bytes]:
    """The elements of a message, by name; the first of each name counts."""
    if len(data) > LONGEST:
        raise Malformed("message too long")
    text = data[1:].translate(_LEFT[data[0] - OPENING[0]])
    found: dict[bytes, bytes] = {}
    for number, element in enumerate(_FIELD.finditer(text)):
        if number == FIELDS_LIMIT:
            raise Malformed("too many elements")
        found.setdefault(element[1], element[2])
    return found
