"""Discovery of cameras and recorders with Xiongmai software (XMEye, Sofia; sold under a hundred names): JSON behind 20
bytes on port 34569.

Reads searches and answers. The protocol is proprietary; its format is that of the open-source libraries that implement
it.
"""

from __future__ import annotations

import struct

from sensor.core.addresses import Address, v4
from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.discovery import Discovery, is_own, mac_of
from sensor.dissectors.shared.json_values import inner, number, read_object, text
from sensor.dissectors.shared.sender_facts import facts

PORT = 34569
FIRST = 0xFF
SEARCH, ANSWER = 1530, 1531
# ff, version, reserved, session, sequence, parts, part, message, size of the rest.
_HEADER = struct.Struct("<BBHIIBBHI")


class XmeyeSearch(Event):
    """A search for cameras and recorders."""


class XmeyeAnswer(Event):
    """A camera (one channel) or recorder describes itself. ``own``: address or MAC is the sender's."""

    name: str
    firmware: str
    serial: str
    channels: int
    mac: int
    address: Address
    own: bool


class Xmeye(Discovery):
    """Searches repeat; what is identical within a minute is dropped."""

    interest = Interest(udp=(PORT,), repeats_s=60, shares=True)
    reads_truncated = True

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if len(data) < _HEADER.size or data[0] != FIRST:
            return []
        message, size = _HEADER.unpack_from(data)[7:]
        if message == SEARCH:
            return [XmeyeSearch(packet)]
        if message != ANSWER:
            return []
        if size > len(data) - _HEADER.size and not packet.truncated:
            raise Malformed("field longer than the message")
        info = inner(read_object(data[_HEADER.size : _HEADER.size + size], packet.truncated), "NetWork.NetCommon")
        name = text(info, "HostName")
        firmware = text(info, "Version")
        serial = text(info, "SN")
        channels = number(info, "ChannelNum")
        mac, address = mac_of(text(info, "MAC")), _address(text(info, "HostIP"))
        own = bool(info) and is_own(packet, mac, address)
        event = XmeyeAnswer(packet, name, firmware, serial, channels, mac, address, own)
        if not own:
            return [event]
        counted = str(channels) if channels > 0 else ""
        pairs = (
            ("xmeye.channels", counted),
            ("xmeye.firmware", firmware),
            ("xmeye.serial", serial),
            ("xmeye.hostname", name),
        )
        return [event, *facts(packet, pairs)]


def _address(text_: str) -> int:
    """``0x0A01A8C0``: an address in reverse byte order; 0 if it is invalid."""
    try:
        number_ = int(text_, 16) if text_.startswith("0x") and len(text_) == 10 else 0
    except ValueError:
        return 0
    return v4(int.from_bytes(number_.to_bytes(4, "little"), "big")) if number_ > 0 else 0
