"""DHIP discovery, which Dahua and its OEM brands use to find cameras, recorders and door stations: JSON behind 32 bytes
on port 37810.

Reads searches, answers and requests to change settings. Their credentials are never stored. The lengths in the header
differ between versions, so the object is taken from its first brace. The protocol is proprietary; its format is that of
many published captures.
"""

from __future__ import annotations

from sensor.core.addresses import Address
from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.discovery import Discovery, address_of, is_own, mac_of
from sensor.dissectors.shared.json_values import Object, inner, read_object, text
from sensor.dissectors.shared.sender_facts import facts

PORT = 37810
MAGIC = b"\x20\0\0\0DHIP"
HEADER = 32
ANSWER = "client.notifyDevInfo"


class DhipRequest(Event):
    """A search (``DHDiscover.search``) or a request to change settings (``DHDiscover.setConfig``): ``method``
    as sent.
    """

    method: str


class DhipAnswer(Event):
    """A device describes itself. ``device_class``: IPC, NVR, VTO …; ``own``: the description is of the sender, not of a
    device behind it.
    """

    model: str
    device_class: str
    firmware: str
    serial: str
    mac: int
    address: Address
    own: bool


class Dhip(Discovery):
    """Devices respond to each search; an identical response within a minute is dropped."""

    interest = Interest(udp=(PORT,), starts=(MAGIC,), repeats_s=60)
    reads_truncated = True

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if not data.startswith(MAGIC):
            return []
        start = data.find(b"{", HEADER)
        if start < 0:
            raise Malformed("message without an object")
        parsed = read_object(data[start:], packet.truncated)
        method = text(parsed, "method")
        if method == ANSWER:
            return _answer(packet, parsed)
        return [DhipRequest(packet, method)] if method else []


def _answer(packet: Packet, parsed: Object) -> list[Parsed]:
    info = inner(parsed, "params", "deviceInfo")
    model = text(info, "DeviceType")
    kind = text(info, "DeviceClass")
    firmware = text(info, "Version")
    serial = text(info, "SerialNo")
    mac = mac_of(text(parsed, "mac") or text(info, "mac"))
    address = address_of(text(inner(info, "IPv4Address"), "IPAddress"))
    own = is_own(packet, mac, address)
    event = DhipAnswer(packet, model, kind, firmware, serial, mac, address, own)
    if not own:
        return [event]
    name = text(info, "MachineName") if serial or not packet.truncated else ""
    pairs = (
        ("dhip.model", model),
        ("dhip.class", kind),
        ("dhip.firmware", firmware),
        ("dhip.serial", serial),
        ("dhip.vendor", text(info, "Vendor", "Manufacturer")),
        ("dhip.hostname", "" if name in (serial, model) else name),
    )
    return [event, *facts(packet, pairs)]
