"""WiZ lamps and plugs: JSON objects with a method, on ports 38899 (commands and answers) and 38900 (unsolicited
messages of devices).

Reads a device's module and firmware, and the commands it receives. Ignores colours, scenes and the numbers of homes and
rooms.
"""

from __future__ import annotations

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.shared.discovery import Discovery, is_own, mac_of
from sensor.dissectors.shared.json_values import inner, read_object, text
from sensor.dissectors.shared.sender_facts import facts

PORTS = (38899, 38900)
OWN_METHODS = ("firstBeat", "syncPilot", "hb")


class WizRequest(Event):
    """A query or command: ``method`` is getPilot, setPilot, getSystemConfig, registration and others."""

    method: str


class WizAnswer(Event):
    """A device answers or announces itself; ``module`` and ``firmware`` only in some methods. ``own``: the MAC is the
    sender's.
    """

    method: str
    module: str
    firmware: str
    mac: int
    own: bool


class Wiz(Discovery):
    """Apps poll every few seconds; what is identical within a minute is dropped."""

    interest = Interest(udp=PORTS, repeats_s=60, shares=True)

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if data[:1] != b"{" or b'"method"' not in data:
            return []
        parsed = read_object(data)
        method = text(parsed, "method")
        result = inner(parsed, "result") or (inner(parsed, "params") if method in OWN_METHODS else {})
        if not result and "error" not in parsed:
            return [WizRequest(packet, method)]
        module, firmware, mac = text(result, "moduleName"), text(result, "fwVersion"), mac_of(text(result, "mac"))
        own = mac != 0 and is_own(packet, mac)
        event = WizAnswer(packet, method, module, firmware, mac, own)
        return (
            [event, *facts(packet, (("wiz.method", method), ("wiz.module", module), ("wiz.firmware", firmware)))]
            if own
            else [event]
        )
