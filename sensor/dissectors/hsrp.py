"""Cisco's Hot Standby Router Protocol, versions 1 (RFC 2281) and 2: the active router of a virtual address.

The active router and the standby send messages, others while they negotiate. Reads the state of a group. Ignores
timers, authentication, the other fields of version 2, and advertisements (operation 3), which describe no group.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sensor.core.addresses import Address, v4
from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.shared.truncation import incomplete

PORT, PORT_6 = 1985, 2029
HELLO, COUP, RESIGN = 0, 1, 2
STANDBY, ACTIVE = "standby", "active"
STATES = {0: "initial", 1: "learn", 2: "listen", 4: "speak", 8: STANDBY, 16: ACTIVE}
STATES_2 = {1: "initial", 2: "learn", 3: "listen", 4: "speak", 5: STANDBY, 6: ACTIVE}
OPERATIONS = {HELLO: "hello", COUP: "coup", RESIGN: "resign"}
# operation, state, hello time, hold time, priority, group, and after the authentication the address
_FIRST = struct.Struct("!BBBBBBBx8sI")
GROUP_STATE, GROUP_STATE_SIZE = 1, 40
# version, operation, state, IP version, group, identifier, priority, timers, address
_SECOND = struct.Struct("!BBBBH6sI8x16s")


class HsrpMessage(Event):
    """A router announces its ``state`` in a group (``active``, ``standby`` and so on); ``operation`` ``coup``: it takes
    over, ``resign``: it resigns. The highest ``priority`` wins.
    """

    version: int
    group: int
    operation: str
    state: str
    priority: int
    address: Address


class Hsrp(Dissector):
    """Routers repeat messages every three seconds; each message shows that they are alive."""

    interest = Interest(udp=(PORT, PORT_6))

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        if packet.dport not in (PORT, PORT_6) or not data:
            return iter(())
        second = data[0] == GROUP_STATE and data[1:2] == bytes((GROUP_STATE_SIZE,))
        if not second and (data[0] or len(data) < 2 or data[1] not in OPERATIONS):
            return iter(())
        if len(data) < (2 + _SECOND.size if second else _FIRST.size):
            return incomplete(packet)
        event = _second(packet, data) if second else _first(packet, data)
        return iter((event,) if event else ())


def _first(packet: Packet, data: bytes) -> HsrpMessage | None:
    _, operation, state, _, _, priority, group, _, address = _FIRST.unpack_from(data)
    if state not in STATES:
        return None
    return HsrpMessage(packet, 1, group, OPERATIONS[operation], STATES[state], priority, v4(address))


def _second(packet: Packet, data: bytes) -> HsrpMessage | None:
    _, operation, state, family, group, _, priority, address = _SECOND.unpack_from(data, 2)
    if operation not in OPERATIONS or state not in STATES_2:
        return None
    found = v4(int.from_bytes(address[:4], "big")) if family == 4 else int.from_bytes(address, "big")
    return HsrpMessage(packet, 2, group, OPERATIONS[operation], STATES_2[state], min(priority, 255), found)
