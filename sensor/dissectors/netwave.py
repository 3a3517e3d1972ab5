"""Discovery of cameras with Netwave software (Foscam's early models and many copies): messages that begin with MO_I on
port 10000.

Reads searches and answers. Settings with passwords (other operations) are reported by number. The format is that of the
vendor's own paper on the search protocol.
"""

from __future__ import annotations

import struct

from sensor.core.addresses import Address, v4
from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.discovery import Discovery, field, is_own, mac_of
from sensor.dissectors.shared.sender_facts import facts

PORT = 10000
MAGIC = b"MO_I"
HEADER = 23
ANSWER = 1
# Id, name, address, mask, gateway, DNS, reserved, firmware, pages, port, DHCP.
_ANSWER = struct.Struct("!13s21s4s4s4s4s4s4s4sHB")


class NetwaveRequest(Event):
    """A search (``operation`` 0) or a change of settings (2)."""

    operation: int


class NetwaveAnswer(Event):
    """A camera describes itself. ``own``: address or MAC is the sender's."""

    name: str
    firmware: str
    mac: int
    address: Address
    own: bool


class Netwave(Discovery):
    """Searches repeat; what is identical within a minute is dropped."""

    interest = Interest(udp=(PORT,), starts=(MAGIC,), repeats_s=60)

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if not data.startswith(MAGIC):
            return []
        if len(data) < HEADER:
            raise Malformed("message ends early")
        operation = int.from_bytes(data[4:6], "little")
        if operation != ANSWER:
            return [NetwaveRequest(packet, operation)]
        if len(data) < HEADER + _ANSWER.size:
            raise Malformed("message ends early")
        identity, name, address, _, _, _, _, firmware, _, _, _ = _ANSWER.unpack_from(data, HEADER)
        mac, where, version = mac_of(field(identity)), v4(int.from_bytes(address, "big")), ".".join(map(str, firmware))
        own = is_own(packet, mac, where)
        event = NetwaveAnswer(packet, field(name), version, mac, where, own)
        return (
            [event, *facts(packet, (("netwave.firmware", version), ("netwave.instance", event.name)))]
            if own
            else [event]
        )
