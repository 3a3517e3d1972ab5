"""SADP, the discovery protocol of Hikvision and its OEM brands for cameras and recorders: XML in datagrams on port
37020.

Reads the requests (``Types``: inquiry, update, activation, reset of the password) and the responses of devices.
Passwords in them are never stored. Ignores the older format in Ethernet frames of type 0x8033. The protocol is
proprietary; the names of the elements are those of many published captures.
"""

from __future__ import annotations

import html

from sensor.core.addresses import Address
from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared.discovery import Discovery, address_of, is_own, mac_of
from sensor.dissectors.shared.sender_facts import facts

PORT = 37020
SIZE_LIMIT = 8192
NOTHING = ("N/A", "null", "NULL")
DECLARATIONS = (b"<!DOCTYPE", b"<!ENTITY")
SECRETS = (b"Password", b"Code", b"SecurityCode")
# The documents are flat: a root, and elements with text only. No full XML parser is needed.
_ROOT = lazy_pattern(rb"\s*(?:<\?[^<>]{0,128}\?>\s*)?<(Probe|ProbeMatch)\s*>")
_ELEMENT = lazy_pattern(rb"<(\w{1,32})>([^<>]{0,512})</\1>")


class SadpRequest(Event):
    """A query (``inquiry``) or a request to change settings: ``what`` as sent; ``credentials``: it contains a password
    or code.
    """

    what: str
    credentials: bool


class SadpAnswer(Event):
    """A device describes itself. ``activated`` False: its password is not set yet; None if not sent. ``own``: it is
    about the sender.
    """

    model: str
    firmware: str
    serial: str
    mac: int
    address: Address
    activated: bool | None
    own: bool


class Sadp(Discovery):
    """Devices respond to each inquiry; an identical response within a minute is dropped."""

    interest = Interest(udp=(PORT,), repeats_s=60, shares=True)
    reads_truncated = True

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if b"<" not in data[:4]:
            return []
        if any(word in data for word in DECLARATIONS):
            raise Malformed("document with declarations")
        root = _ROOT.match(data)
        if root is None:
            return []
        if len(data) > SIZE_LIMIT:
            raise Malformed("document too long")
        elements = dict(_ELEMENT.findall(data, root.end()))
        if not elements:
            raise Malformed("document without elements")
        if root[1] == b"Probe":
            return [SadpRequest(packet, _text(elements, b"Types"), any(name in elements for name in SECRETS))]
        return _answer(packet, elements)


def _text(elements: dict[bytes, bytes], name: bytes) -> str:
    value = clean(elements.get(name, b""))
    return clean(html.unescape(value)) if "&" in value else value


def _answer(packet: Packet, elements: dict[bytes, bytes]) -> list[Parsed]:
    model = _text(elements, b"DeviceDescription")
    firmware = _text(elements, b"SoftwareVersion")
    serial = _text(elements, b"DeviceSN")
    mac = mac_of(_text(elements, b"MAC"))
    address = address_of(_text(elements, b"IPv4Address"))
    vendor = _text(elements, b"OEMInfo")
    own = is_own(packet, mac, address)
    activated = {"true": True, "false": False}.get(_text(elements, b"Activated").lower())
    event = SadpAnswer(packet, model, firmware, serial, mac, address, activated, own)
    if not own:
        return [event]
    vendor = "" if vendor in NOTHING else vendor
    pairs = (("sadp.model", model), ("sadp.firmware", firmware), ("sadp.serial", serial), ("sadp.vendor", vendor))
    return [event, *facts(packet, pairs)]
