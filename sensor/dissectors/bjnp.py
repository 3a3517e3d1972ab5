"""BJNP, the discovery and control protocol of Canon printers and scanners: 16 bytes of header on ports 8610 to 8613.

Reads searches, answers with MAC and address, and identities, which hold the printer's IEEE 1284 device ID. Jobs, polls
and scans are reported by code only. The protocol is proprietary; its format is that of the open-source scanner and
printer drivers.
"""

from __future__ import annotations

import struct

from sensor.core.addresses import Address, v4
from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared.discovery import Discovery, is_own
from sensor.dissectors.shared.ieee1284 import device_id
from sensor.dissectors.shared.sender_facts import facts

PORTS = (8610, 8611, 8612, 8613)
MAGICS = (b"BJNP", b"MFNP")
DISCOVER, IDENTITY = 0x01, 0x30
ANSWER = 0x80  # in the type
SIX_AND_FOUR = b"\x06\x04"  # sizes of the following MAC and address
_HEADER = struct.Struct("!4sBBIHI")  # magic, type, code, sequence, session, size of the rest


class BjnpRequest(Event):
    """A computer queries a printer (``device`` 1) or scanner (2): ``code`` 1 discovery, 16 a job, 48 identity."""

    device: int
    code: int


class BjnpAnswer(Event):
    """A response. Discovery has ``mac`` and ``address``, identity ``vendor`` and ``model``; 0 and empty otherwise."""

    device: int
    code: int
    mac: int
    address: Address
    vendor: str
    model: str
    own: bool


class Bjnp(Discovery):
    """Drivers poll printers continuously: the sequence is ignored when identical messages within a minute
    are dropped.
    """

    interest = Interest(udp=PORTS, starts=MAGICS, repeats_s=60, volatile=(6, 10))

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if not data.startswith(MAGICS):
            return []
        if len(data) < _HEADER.size:
            raise Malformed("message ends early")
        _, device, code, _, _, size = _HEADER.unpack_from(data)
        if size > len(data) - _HEADER.size:
            raise Malformed("field longer than the message")
        if not device & ANSWER:
            return [BjnpRequest(packet, device, code)]
        return _answer(packet, device & ~ANSWER, code, data[_HEADER.size : _HEADER.size + size])


def _answer(packet: Packet, device: int, code: int, body: bytes) -> list[Parsed]:
    mac = address = 0
    vendor = model = firmware = ""
    if code == DISCOVER and body[4:6] == SIX_AND_FOUR and len(body) >= 16:
        mac, address = int.from_bytes(body[6:12], "big"), v4(int.from_bytes(body[12:16], "big"))
    elif code == IDENTITY and len(body) > 2:
        named = device_id(clean(body[2 : int.from_bytes(body[:2], "big")]))
        vendor, model, firmware = named.get("MFG", ""), named.get("MDL", ""), named.get("VER", "")
    own = is_own(packet, mac, address)
    event = BjnpAnswer(packet, device, code, mac, address, vendor, model, own)
    if not own:
        return [event]
    what = "printer" if device == 1 else "scanner" if device == 2 else ""
    return [
        event,
        *facts(
            packet, (("bjnp.device", what), ("bjnp.vendor", vendor), ("bjnp.model", model), ("bjnp.version", firmware))
        ),
    ]
