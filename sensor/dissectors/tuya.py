"""Broadcasts of Tuya modules, used in plugs, lamps and appliances of many brands: ports 6666 (clear), 6667 and 7000
(encrypted).

Reads the frame, and of cleartext ones identity, product and version of the protocol. Encrypted content is not read:
that the sender uses this protocol is the fact. The protocol is proprietary; its format is that of the open-source
libraries that implement it.
"""

from __future__ import annotations

import struct

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.discovery import Discovery, address_of, is_own
from sensor.dissectors.shared.json_values import read_object, text
from sensor.dissectors.shared.sender_facts import facts

PORTS = (6666, 6667, 7000)
# First bytes: size of the header, last bytes.
FRAMES = {b"\0\0\x55\xaa": (16, b"\0\0\xaa\x55"), b"\0\0\x66\x99": (18, b"\0\0\x99\x66")}
BROADCASTS = (0x00, 0x13, 0x14, 0x23)  # a device announces itself; an app searches with 0x25
_HEADER = struct.Struct("!III")  # sequence, command, size of what follows
_NEW_HEADER = struct.Struct("!HIII")


class TuyaFrame(Event):
    """Any Tuya frame; ``device``: sent by a device about itself, encrypted or not."""

    command: int
    encrypted: bool
    device: bool
    product: str = ""
    version: str = ""


class Tuya(Discovery):
    """Modules repeat messages every few seconds; what is identical within a minute is dropped."""

    interest = Interest(udp=PORTS, starts=tuple(FRAMES), repeats_s=60)

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        frame = FRAMES.get(data[:4])
        if frame is None:
            return []
        header, end = frame
        if len(data) < header + 4 or not data.endswith(end):
            raise Malformed("frame without an end")
        command = (_HEADER.unpack_from(data, 4) if header == 16 else _NEW_HEADER.unpack_from(data, 4)[1:])[1]
        device = command in BROADCASTS and packet.dport in PORTS
        start = header if data[header : header + 1] == b"{" else header + 4  # a return code may precede the object
        if data[start : start + 1] != b"{":
            parsed: list[Parsed] = [TuyaFrame(packet, command, True, device)]
            return [*parsed, *facts(packet, (("tuya.frame", "encrypted"),))] if device else parsed
        return _clear(packet, command, device, data[start : data.rfind(b"}") + 1])


def _clear(packet: Packet, command: int, device: bool, raw: bytes) -> list[Parsed]:
    body = read_object(raw)
    product, version = text(body, "productKey"), text(body, "version")
    device = device and is_own(packet, 0, address_of(text(body, "ip")))
    parsed: list[Parsed] = [TuyaFrame(packet, command, False, device, product, version)]
    if device:
        parsed += facts(packet, (("tuya.frame", "clear"), ("tuya.product", product), ("tuya.id", text(body, "gwId"))))
    return parsed
