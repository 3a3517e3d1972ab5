"""CoAP over UDP (RFC 7252): constrained devices, the requests they receive and the resources they offer.

Reads requests, answers in link format (RFC 6690) and in CBOR that describe an OCF device (/oic/d, /oic/p, /oic/res),
and the status that Shelly devices announce (CoIoT). Ignores blocks after the first, observation, other bodies and CoAP
over DTLS. Facts come from answers and announcements only: a request shows what its sender looks for, which is an event.
A proxy's answer cannot be distinguished from the answer of an origin server; proxies on a segment are rare.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader, clean
from sensor.dissectors.shared.cbor import texts
from sensor.dissectors.shared.sender_facts import fact

PORT = 5683
VERSION = 1
METHODS = {1: "GET", 2: "POST", 3: "PUT", 4: "DELETE", 5: "FETCH", 6: "PATCH", 7: "iPATCH"}
ANNOUNCE = 30  # 0.30, specific to Shelly
CONTENT, CREATED = 0x45, 0x44
HOST, PATH, FORMAT, QUERY, BLOCK = 3, 11, 12, 15, 23
SHELLY_DEVICE = 3332
LINKS, CBOR, OCF_CBOR = 40, 60, 10000
OPTIONS_LIMIT = 64
LINKS_LIMIT = 16
END_OF_OPTIONS = 0xFF
# Keys of OCF descriptions that identify a device (OCF Core Specification, oic.wk.d and oic.wk.p).
OCF_KEYS = {
    "n": "coap.ocf.instance", "dmn": "coap.ocf.manufacturer", "mnmn": "coap.ocf.manufacturer",
    "dmno": "coap.ocf.model", "mnmo": "coap.ocf.model",
    "mnfv": "coap.ocf.firmware", "mnos": "coap.ocf.os", "sn": "coap.ocf.serial",
}  # fmt: skip
_TYPE = lazy_pattern(rb';\s*rt="?([^",;]{1,255})')


class CoapRequest(Event):
    """``path``: with its query, as ``/oic/res?rt=oic.wk.d``; ``host``: the requested host, if given."""

    method: str
    path: str
    host: str


class CoapResponse(Event):
    """``code``: class and detail as one number, 205 for 2.05; ``format``: content format, -1 if absent; ``size``: of
    the body in bytes.
    """

    code: int
    format: int
    size: int


class CoapAnnouncement(Event):
    """A device multicasts its status: ``device`` is type, id and revision (``SHSW-25#A8032A123456#2``)."""

    device: str
    path: str


class CoapEmpty(Event):
    """A message without content: an acknowledgement, a reset or a ping. ``type``: 0 confirmable, 1 not, 2
    acknowledgement, 3 reset.
    """

    type: int


class Coap(Dissector):
    """Identical messages within a minute are dropped, regardless of their message id."""

    interest = Interest(udp=(PORT,), repeats_s=60, volatile=(2, 4))

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        try:
            return iter(_read(packet, Reader(packet.payload)))
        except Malformed:
            if packet.truncated:
                return iter(())
            raise


def _read(packet: Packet, reader: Reader) -> list[Parsed]:
    first, code = reader.u8(), reader.u8()
    reader.skip(2)
    token = first & 15
    if first >> 6 != VERSION or token > 8:
        raise Malformed("no CoAP message")
    reader.skip(token)
    if not code:
        if reader.left or token:
            raise Malformed("empty message with content")
        return [CoapEmpty(packet, first >> 4 & 3)]
    options = _options(reader)
    body = reader.rest()
    path = "/" + "/".join(clean(part) for part in options.get(PATH, ()))
    if code == ANNOUNCE:
        return _announced(packet, options, path)
    if code in METHODS:
        query = "&".join(clean(part) for part in options.get(QUERY, ()))
        host = clean(options.get(HOST, [b""])[0])
        return [CoapRequest(packet, METHODS[code], clean(path + "?" + query if query else path), host)]
    if not 2 <= code >> 5 <= 5:
        raise Malformed("no CoAP code")
    return _answered(packet, code, options, body)


def _options(reader: Reader) -> dict[int, list[bytes]]:
    """Values of the options by number (RFC 7252, 3.1)."""
    found: dict[int, list[bytes]] = {}
    number = count = 0
    while reader.left:
        byte = reader.u8()
        if byte == END_OF_OPTIONS:
            if not reader.left:
                raise Malformed("marker without a body")
            break
        count += 1
        if count > OPTIONS_LIMIT:
            raise Malformed("too many options")
        number += _extended(reader, byte >> 4)
        found.setdefault(number, []).append(reader.take(_extended(reader, byte & 15)))
    return found


def _extended(reader: Reader, nibble: int) -> int:
    """Up to 12 in the nibble itself, higher values in one or two following bytes."""
    if nibble == 15:
        raise Malformed("reserved option length")
    return reader.u8() + 13 if nibble == 13 else reader.u16() + 269 if nibble == 14 else nibble


def _announced(packet: Packet, options: dict[int, list[bytes]], path: str) -> list[Parsed]:
    device = clean(options.get(SHELLY_DEVICE, [b""])[0])
    parsed: list[Parsed] = [CoapAnnouncement(packet, device, clean(path))]
    if device:
        parsed.append(fact(packet, "coap.shelly", device))
    return parsed


def _answered(packet: Packet, code: int, options: dict[int, list[bytes]], body: bytes) -> list[Parsed]:
    form = int.from_bytes(options[FORMAT][0][:2], "big") if FORMAT in options else -1
    parsed: list[Parsed] = [CoapResponse(packet, (code >> 5) * 100 + (code & 31), form, len(body))]
    if SHELLY_DEVICE in options and (device := clean(options[SHELLY_DEVICE][0])):
        parsed.append(fact(packet, "coap.shelly", device))
    first = not options.get(BLOCK) or int.from_bytes(options[BLOCK][0][:3], "big") < 16
    if code not in (CONTENT, CREATED) or not first:
        return parsed
    if form == LINKS:
        kinds = dict.fromkeys(clean(kind) for kinds in _TYPE.findall(body) for kind in kinds.split())
        parsed += [fact(packet, "coap.resource", kind) for kind in list(kinds)[:LINKS_LIMIT] if kind]
    elif form in (CBOR, OCF_CBOR):
        facts = dict.fromkeys((OCF_KEYS[key], clean(value)) for key, value in texts(body) if key in OCF_KEYS)
        parsed += [fact(packet, kind, value) for kind, value in list(facts)[:LINKS_LIMIT] if value]
    return parsed
