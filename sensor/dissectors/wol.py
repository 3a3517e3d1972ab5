"""Wake-on-LAN: six bytes ff and sixteen times the MAC of the target, in a datagram to any port or in a frame of type
0x0842.

A password of four or six bytes may follow: its presence is noted, the password never stored. No facts about the sender.
"""

from __future__ import annotations

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.shared.discovery import Discovery

ETHERTYPE = 0x0842
PORTS = (7, 9)
SYNC = b"\xff" * 6
SIZE = 102
PASSWORD_SIZES = (4, 6)


class WolWake(Event):
    """A request to wake the device with MAC ``target``."""

    target: int
    password: bool


class Wol(Discovery):
    """Requests are sent three times; identical ones within five seconds are dropped."""

    interest = Interest(udp=PORTS, ethertypes=(ETHERTYPE,), starts=(SYNC,), repeats_s=5)

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        mac = data[6:12]
        if not data.startswith(SYNC) or len(data) < SIZE or data[6:SIZE] != mac * 16:
            return []
        return [WolWake(packet, int.from_bytes(mac, "big"), len(data) - SIZE in PASSWORD_SIZES and any(data[SIZE:]))]
