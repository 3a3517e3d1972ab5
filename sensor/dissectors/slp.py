"""Service location protocol, version 2 (RFC 2608) and the two messages of version 1 (RFC 2165) with which HP printers
announce themselves; also on the port with which audio and light equipment announces itself (ACN: ANSI E1.17, EPI 19).

Reads requests, service replies, registrations, attribute replies and advertisements; other functions are reported by
number. Facts are derived only if the message is about its sender: the service's address is its own, or the attributes
contain its address; a directory agent answers for all. Ignores authentication blocks, extensions, and SLP over TCP.
"""

from __future__ import annotations

from sensor.core.addresses import text
from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader, clean
from sensor.dissectors.shared.discovery import Discovery, address_of, is_own, mac_of
from sensor.dissectors.shared.ieee1284 import device_id
from sensor.dissectors.shared.sender_facts import facts

PORT, ACN_PORT = 427, 8427
REQUEST = 1
REPLY = 2
REGISTER = 3
ATTRIBUTE_REQUEST = 6
ATTRIBUTE_REPLY = 7
DIRECTORY_ADVERT = 8
SERVICE_ADVERT = 11
FUNCTIONS = range(1, 12)
URLS_LIMIT = 64
ATTRIBUTES_LIMIT = 64
SESSION = "esta.sdt/"  # address and port of an ACN component
_ATTRIBUTE = lazy_pattern(r"\(([^()=]{1,64})=([^()]{0,1024})\)")


class SlpMessage(Event):
    """Messages without a specific event, and all of version 1 except attributes: ``function`` as numbered
    in section 8.
    """

    version: int
    function: int


class SlpRequest(Event):
    """A request for services. ``what``: service types, or for attributes an address."""

    what: str
    attributes: bool


class SlpOffer(Event):
    """Services at these addresses: a reply, a registration or an agent's advertisement. ``own``: all belong to the
    sender.
    """

    function: int
    urls: tuple[str, ...]
    own: bool


class SlpAttributes(Event):
    """Attributes of a service, by name in lower case. ``own``: they contain the sender's address or MAC."""

    attributes: dict[str, str]
    own: bool


class Slp(Discovery):
    """Agents repeat messages; what is identical within a minute is dropped, regardless of the transaction number."""

    interest = Interest(udp=(PORT, ACN_PORT), repeats_s=60, volatile=(10, 12))

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if len(data) < 12 or data[1] not in FUNCTIONS:
            return []
        if data[0] == 1:
            return _version_1(packet, data)
        if data[0] != 2 or int.from_bytes(data[2:5], "big") != len(data):
            return []
        reader = Reader(data, 12)
        _string(reader)  # language
        return _version_2(packet, data[1], reader)


def _version_1(packet: Packet, data: bytes) -> list[Parsed]:
    """Header of 12 bytes; an attribute reply continues with an error and a list (RFC 2165, 13)."""
    if int.from_bytes(data[2:4], "big") != len(data):
        return []
    if data[1] != ATTRIBUTE_REPLY:
        return [SlpMessage(packet, 1, data[1])]
    reader = Reader(data, 14)
    return _attributes(packet, _string(reader))


def _version_2(packet: Packet, function: int, reader: Reader) -> list[Parsed]:
    if function in (REQUEST, ATTRIBUTE_REQUEST):
        _string(reader)  # previous responders
        return [SlpRequest(packet, _string(reader), function == ATTRIBUTE_REQUEST)]
    if function == REPLY:
        reader.skip(2)
        return _offer(packet, function, [_entry(reader) for _ in range(min(reader.u16(), URLS_LIMIT))])
    if function == REGISTER:
        url = _entry(reader)
        _string(reader), _string(reader)  # type, scopes
        return [*_offer(packet, function, [url]), *_attributes(packet, _string(reader))]
    if function == DIRECTORY_ADVERT:
        reader.skip(6)
    if function in (DIRECTORY_ADVERT, SERVICE_ADVERT):
        url = _string(reader)
        _string(reader)  # scopes
        return [*_offer(packet, function, [url]), *_attributes(packet, _string(reader))]
    if function == ATTRIBUTE_REPLY:
        reader.skip(2)
        return _attributes(packet, _string(reader))
    return [SlpMessage(packet, 2, function)]


def _string(reader: Reader) -> str:
    return clean(reader.take(reader.u16()), 4096)


def _entry(reader: Reader) -> str:
    """An address entry (section 4.3); authentication blocks (9.2) are skipped."""
    reader.skip(3)
    url = _string(reader)
    for _ in range(reader.u8()):
        reader.skip(2)
        reader.skip(max(reader.u16() - 4, 0))
    return url


def _offer(packet: Packet, function: int, urls: list[str]) -> list[Parsed]:
    sender = text(packet.src)
    own = bool(urls) and all(_host(url) == sender for url in urls)
    parsed: list[Parsed] = [SlpOffer(packet, function, tuple(urls), own)]
    if own:
        parsed += facts(
            packet,
            [("slp.service", service) for service in dict.fromkeys(url.partition("://")[0][:255] for url in urls)],
        )
    return parsed


def _host(url: str) -> str:
    """The host of ``service:printer:lpr://10.0.0.5:515/queue``."""
    host = url.partition("://")[2].partition("/")[0].partition(";")[0].rpartition("@")[2]
    return host[1:].partition("]")[0] if host[:1] == "[" else host.partition(":")[0]


def _attributes(packet: Packet, listed: str) -> list[Parsed]:
    """``(name=value),(name=value)`` (section 5). HP's contain an IEEE 1284 device ID with unescaped ``;`` and ``:``."""
    found: dict[str, str] = {}
    for name, value in _ATTRIBUTE.findall(listed):
        if len(found) >= ATTRIBUTES_LIMIT:
            raise Malformed("too many attributes")
        found.setdefault(name.strip().lower(), clean(value))
    if not found:
        return []
    mac, address = mac_of(found.get("x-hp-mac", "")), address_of(_plain(found.get("x-hp-ip", "")))
    address = address or address_of(found.get("csl-esta.dmp", "").partition(SESSION)[2].partition(":")[0])
    own = bool(mac or address) and is_own(packet, mac, address)
    event = SlpAttributes(packet, found, own)
    if not own:
        return [event]
    named = device_id(found.get("x-hp-p1") or found.get("x-hp-prt_p1") or "")
    pairs = (
        ("slp.vendor", named.get("MFG", "")),
        ("slp.model", named.get("MDL", "")),
        ("slp.serial", named.get("SN", "")),
        ("slp.firmware", named.get("FWVER", "")),
        ("slp.hostname", found.get("x-hp-hn", "")),
        ("slp.function", found.get("acn-fctn", "")),
        ("slp.device_name", found.get("acn-uacn", "")),
    )
    return [event, *facts(packet, pairs)]


def _plain(address: str) -> str:
    """HP writes 192.168.001.034."""
    return ".".join(part.lstrip("0") or "0" for part in address[:15].split("."))
