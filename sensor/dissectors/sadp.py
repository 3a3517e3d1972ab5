"""SADP, by which Hikvision and the brands it builds for find their cameras and recorders: XML in datagrams on port 37020.

Reads what is asked (``Types``: inquiry, update, activation, reset of the password) and the answers of devices. Passwords in them are never kept. Ignores the
older form in Ethernet frames of type 0x8033. The protocol is the maker's own; the names of the elements are those of many published captures.
"""

from __future__ import annotations

from sensor.core.dissector import Interest, Said
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors._discovery import Discovery, address_of, facts, is_own, mac_of
from sensor.dissectors._xml import Element, read

PORT = 37020
SIZE_LIMIT = 8192
NOTHING = ("N/A", "null", "NULL")


class SadpRequest(Event):
    """Somebody asks (``inquiry``) or tells devices to change: ``what`` as written; ``credentials``: it carries a password or code."""

    what: str
    credentials: bool


class SadpAnswer(Event):
    """A device tells about itself. ``activated`` False: nobody has set its password yet; None where it does not say. ``own``: it is about the sender."""

    model: str
    firmware: str
    serial: str
    mac: int
    address: int
    activated: bool | None
    own: bool


class Sadp(Discovery):
    """Devices answer each inquiry; an identical answer within a minute is dropped."""

    interest = Interest(udp=(PORT,), repeats_s=60)

    def read(self, packet: Packet) -> list[Said]:
        data = packet.payload.lstrip()
        if data[:1] != b"<":
            return []
        if len(data) > SIZE_LIMIT:
            raise Malformed("document too long")
        root = read(data).root
        if root.name == "Probe":
            return [SadpRequest(packet, root.value("Types"), any(child.name in ("Password", "Code", "SecurityCode") for child in root.children))]
        return _answer(packet, root) if root.name == "ProbeMatch" else []


def _answer(packet: Packet, root: Element) -> list[Said]:
    value = root.value
    model, firmware, serial = value("DeviceDescription"), value("SoftwareVersion"), value("DeviceSN")
    mac, address, vendor = mac_of(value("MAC")), address_of(value("IPv4Address")), value("OEMInfo")
    own = is_own(packet, mac, address)
    event = SadpAnswer(packet, model, firmware, serial, mac, address, {"true": True, "false": False}.get(value("Activated").lower()), own)
    if not own:
        return [event]
    vendor = "" if vendor in NOTHING else vendor
    pairs = (("sadp.model", model), ("sadp.firmware", firmware), ("sadp.serial", serial), ("sadp.vendor", vendor))
    return [event, *facts(packet, pairs)]
