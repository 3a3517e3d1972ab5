"""PTP (IEEE 1588-2002, 2008 and 2019, IEEE 802.1AS): clocks of audio and video equipment, telephone networks and
plants, over UDP or directly over Ethernet.

Reads which clock sends, the grandmaster in Announce (version 1: Sync), and the product that a clock names in a response
to management. Ignores times, corrections, signaling, other management and the fields that follow.
"""

from __future__ import annotations

import struct

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader, clean
from sensor.dissectors.shared.discovery import Discovery, is_own
from sensor.dissectors.shared.neighbour import address_of
from sensor.dissectors.shared.sender_facts import facts

EVENT_PORT, GENERAL_PORT = 319, 320
ETHERTYPE = 0x88F7
KINDS = {
    0x0: "sync", 0x1: "delay_req", 0x2: "pdelay_req", 0x3: "pdelay_resp", 0x8: "follow_up", 0x9: "delay_resp",
    0xA: "pdelay_resp_follow_up", 0xB: "announce", 0xC: "signaling", 0xD: "management",
}  # fmt: skip
KINDS_1 = ("sync", "delay_req", "follow_up", "delay_resp", "management")  # control field of version 1
ANNOUNCE, MANAGEMENT = 0xB, 0xD
MAJOR_SDO_802_1AS = 1
DOMAIN_ST_2059 = 127
# Profiles by the first five bytes of their identity; the sixth is the version.
PROFILES = {
    "001b190001": "default", "001b190002": "default", "0080c20001": "802.1AS", "6897e80001": "ST 2059-2",
    "000b5e0001": "AES67", "0019a70001": "G.8265.1", "0019a70101": "G.8275.1", "0019a70201": "G.8275.2",
}  # fmt: skip
SOURCES = {0x10: "atomic", 0x20: "gnss", 0x30: "radio", 0x40: "ptp", 0x50: "ntp", 0x60: "manual"}  # table 6
SOURCES_1 = {b"ATOM": "atomic", b"GPS\0": "gnss", b"NTP\0": "ntp", b"HAND": "manual"}
RESPONSE, MANAGEMENT_FIELD, CLOCK_DESCRIPTION = 2, 1, 1
NAME_LIMIT = 255
# Message type, version, length, domain and clock (13.3); in version 1 source and control (2002, annex D).
_HEAD = struct.Struct("!BBHB15x8s6x")
_HEAD_1 = struct.Struct("!22x6s4xB7x")
_ANNOUNCE = struct.Struct("!13xBBB2xB8sHB")
_SYNC_1 = struct.Struct("!14x6s7xB4s18xH")  # grandmaster, its stratum and source, steps
_RESPONSE = struct.Struct("!12xBxH2xH")  # action, and type and identity of the field


class PtpMessage(Event):
    """A message of a clock. ``message``: its type (``sync``); ``clock``: identity of eight bytes, in version 1 the MAC.
    ``profile``: empty if it can be any.
    """

    message: str
    version: int
    clock: str
    domain: int
    profile: str


class PtpAnnounce(PtpMessage):
    """A clock offers its time. ``quality``: class (version 1: stratum), lower is better; ``source``: of the time of the
    grandmaster, such as gnss; ``steps``: clocks between it and the sender.
    """

    grandmaster: str
    priorities: tuple[int, int]
    quality: int
    source: str
    steps: int


class PtpDescription(PtpMessage):
    """A clock describes itself. ``revision``: of hardware, firmware and software; ``own``: the sender is the clock, no
    boundary clock that forwards its response.
    """

    vendor: str
    model: str
    serial: str
    revision: str
    name: str
    location: str
    own: bool


class Ptp(Discovery):
    """Clocks send up to 128 messages per second; of those that differ in times and numbers alone, one per minute."""

    interest = Interest(udp=(EVENT_PORT, GENERAL_PORT), ethertypes=(ETHERTYPE,), repeats_s=60, volatile=(8, 48))

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if len(data) >= _HEAD_1.size and data[:2] == b"\0\1":
            return _version_1(packet, data)
        if len(data) < _HEAD.size or data[1] & 15 != 2 or data[0] & 15 not in KINDS:
            return []
        kind, _, size, domain, clock = _HEAD.unpack_from(data)
        if not _HEAD.size <= size <= len(data):
            raise Malformed("length larger than the message")
        profile = "802.1AS" if kind >> 4 == MAJOR_SDO_802_1AS else "ST 2059-2" if domain == DOMAIN_ST_2059 else ""
        head = (KINDS[kind & 15], 2, clock.hex(":"), domain, profile)
        if kind & 15 == ANNOUNCE:
            if size < _HEAD.size + _ANNOUNCE.size:
                raise Malformed("message ends early")
            first, quality, _, second, grandmaster, steps, source = _ANNOUNCE.unpack_from(data, _HEAD.size)
            time_source = SOURCES.get(source, "")
            event = PtpAnnounce(packet, *head, grandmaster.hex(":"), (first, second), quality, time_source, steps)
            return _offered(packet, event)
        if kind & 15 == MANAGEMENT and size >= _HEAD.size + _RESPONSE.size:
            action, field, identity = _RESPONSE.unpack_from(data, _HEAD.size)
            if (action & 15, field, identity) == (RESPONSE, MANAGEMENT_FIELD, CLOCK_DESCRIPTION):
                return _described(packet, head, Reader(data, _HEAD.size + _RESPONSE.size, size))
        return [PtpMessage(packet, *head), *facts(packet, [("ptp.profile", profile)])]


def _version_1(packet: Packet, data: bytes) -> list[Parsed]:
    """Version 1 has no Announce: Sync contains the grandmaster."""
    clock, control = _HEAD_1.unpack_from(data)
    if control >= len(KINDS_1):
        return []
    head = (KINDS_1[control], 1, clock.hex(":"), 0, "PTPv1")
    if control or len(data) < _HEAD_1.size + _SYNC_1.size:
        return [PtpMessage(packet, *head), *facts(packet, [("ptp.profile", "PTPv1")])]
    grandmaster, stratum, source, steps = _SYNC_1.unpack_from(data, _HEAD_1.size)
    event = PtpAnnounce(packet, *head, grandmaster.hex(":"), (0, 0), stratum, SOURCES_1.get(source, ""), steps)
    return _offered(packet, event)


def _offered(packet: Packet, event: PtpAnnounce) -> list[Parsed]:
    pairs = [("ptp.profile", event.profile)]
    if event.grandmaster == event.clock:
        pairs += [("ptp.role", "PTP grandmaster"), ("ptp.time_source", event.source)]
    return [event, *facts(packet, pairs)]


def _described(packet: Packet, head: tuple[str, int, str, int, str], reader: Reader) -> list[Parsed]:
    """The response to CLOCK_DESCRIPTION (15.5.3.1.2): texts with their length before them."""
    reader.skip(2)  # kind of clock
    _text(reader)  # physical layer
    hardware = reader.take(reader.u16())
    reader.skip(2)  # family of the address
    address = address_of(reader.take(reader.u16()))
    reader.skip(4)  # manufacturer, reserved
    vendor, model, serial = _parts(_text(reader), 3)
    revision = _text(reader)
    _, firmware, software = _parts(revision, 3)
    name, location = _parts(_text(reader), 2)
    message, version, clock, domain, profile = head
    profile = PROFILES.get(reader.take(6)[:5].hex(), profile)
    own = is_own(packet, int.from_bytes(hardware, "big") if len(hardware) == 6 else 0, address)
    event = PtpDescription(
        packet, message, version, clock, domain, profile, vendor, model, serial, revision, name, location, own
    )
    if not own:
        return [event]
    pairs = (
        ("ptp.profile", profile),
        ("ptp.vendor", vendor),
        ("ptp.model", model),
        ("ptp.serial", serial),
        ("ptp.firmware", firmware or software),
        ("ptp.device_name", name),
    )
    return [event, *facts(packet, pairs)]


def _text(reader: Reader) -> str:
    return clean(reader.take(reader.u8()), NAME_LIMIT)


def _parts(text: str, number: int) -> list[str]:
    """The parts of a text between semicolons, filled up to ``number``."""
    parts = [part.strip() for part in text.split(";", number - 1)]
    return parts + [""] * (number - len(parts))
