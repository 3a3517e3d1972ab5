"""H.323: call signalling over TCP (ITU-T Q.931 and H.225.0 in TPKT, RFC 1006) and registration over UDP (H.225.0 RAS),
as far as needed to identify the endpoints.

Reads the type of each message, numbers and display of a call, and the vendor identifier and aliases of the sender.
H.225.0 is encoded in packed ASN.1, which is not decoded: it aligns texts of up to 256 characters to whole bytes after a
byte with their length less one (X.691, 10.9), so product and version are found after the four bytes of a vendor's code
(T.35), and aliases after the marker of an alias. Both are searched only if the protocol's own identifier is found.
Media channels (H.245) and encrypted content are not read. Facts come from messages that describe their sender: calls,
their responses and requests to a gatekeeper.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared.framing import FramedStream
from sensor.dissectors.shared.sender_facts import fact, facts

CALL_PORT, RAS_PORT, DISCOVERY_PORT = 1720, 1719, 1718
TPKT = 3
TPKT_HEAD = 4
SIZE_LIMIT = 8192
Q931 = 8
# Q.931 message types that H.225.0 uses (H.225.0, 7.2).
CALLS = {
    0x01: "alerting", 0x02: "call_proceeding", 0x03: "progress", 0x05: "setup", 0x07: "connect",
    0x0D: "setup_acknowledge", 0x5A: "release_complete",
    0x62: "facility", 0x6E: "notify", 0x75: "status_enquiry", 0x7B: "information", 0x7D: "status",
}  # fmt: skip
DESCRIBES = ("setup", "alerting", "call_proceeding", "connect", "progress")
DISPLAY, CALLING, CALLED, USER = 0x28, 0x6C, 0x70, 0x7E
# RAS messages by their index in the choice (H.225.0, RasMessage).
RAS = (
    "gatekeeper_request", "gatekeeper_confirm", "gatekeeper_reject", "registration_request", "registration_confirm",
    "registration_reject", "unregistration_request", "unregistration_confirm", "unregistration_reject",
    "admission_request", "admission_confirm", "admission_reject", "bandwidth_request", "bandwidth_confirm",
    "bandwidth_reject", "disengage_request", "disengage_confirm", "disengage_reject", "location_request",
    "location_confirm", "location_reject", "info_request", "info_request_response", "non_standard", "unknown",
)  # fmt: skip
OF_ENDPOINTS = ("gatekeeper_request", "registration_request")
OF_GATEKEEPERS = (
    "gatekeeper_confirm", "registration_confirm", "registration_reject", "admission_confirm", "admission_reject",
)  # fmt: skip
PROTOCOL = b"\x00\x08\x91\x4a\x00"  # {itu-t recommendation h 2250 version}, followed by the version
# Countries of vendors (ITU-T T.35), among them Japan, Germany, Australia, China, Israel, Korea, Norway, Sweden, the
# United Kingdom and the USA.
COUNTRIES = bytes.fromhex("00 04 09 0a 0f 20 26 31 3c 3d 42 53 54 58 59 61 7b 82 8a 9c a0 a5 a6 b4 b5 fe")
_MAKER = lazy_pattern(rb"(?=([" + re.escape(COUNTRIES) + rb"][\x00-\x01]..)([\x01-\x7f])[\x20-\x7e])", re.DOTALL)
_ALIAS = lazy_pattern(rb"(?=\x40([\x00-\x7f])\x00[\x20-\x7e])")
_GRAPHIC = lazy_pattern(rb"[\x20-\x7e]+\x00*")
_WORD = lazy_pattern(rb"[A-Za-z]\S|\S[A-Za-z]")


class H323Call(Event):
    """A message of a call: ``message`` as in Q.931; numbers and display as sent; ``product`` and ``version`` of the
    sender.
    """

    message: str
    reference: int
    calling: str
    called: str
    display: str
    product: str
    version: str


class H323Ras(Event):
    """A message between an endpoint and its gatekeeper."""

    message: str
    product: str
    version: str
    aliases: tuple[str, ...]


class H323(Dissector):
    """Calls are short, and registrations are repeated all day: one that differs only in its number within a minute is
    dropped.
    """

    interest = Interest(udp=(RAS_PORT, DISCOVERY_PORT), tcp=(CALL_PORT,), stream=True, repeats_s=60, volatile=(1, 4))

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(_ras(packet))

    def stream(self, packet: Packet) -> Stream:
        return H323Stream()


class H323Stream(FramedStream):
    """The call signalling of one or several calls."""

    head = TPKT_HEAD
    keep = SIZE_LIMIT

    def size(self, data: bytes, at: int) -> int:
        size = data[at + 2] << 8 | data[at + 3]
        if data[at] != TPKT or data[at + 1] or not TPKT_HEAD < size <= SIZE_LIMIT:
            raise Malformed("no TPKT header")
        return size

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        return iter(_call(packet, data[TPKT_HEAD:]))


def _call(packet: Packet, data: bytes) -> list[Parsed]:
    """Q.931: discriminator, call reference, message type, information elements; those with the high bit set are one
    byte long (Q.931, 4.5).
    """
    if len(data) < 3 or data[0] != Q931 or data[1] > 4 or len(data) < 3 + data[1]:
        raise Malformed("no Q.931 message")
    at = 2 + data[1]
    reference = int.from_bytes(data[2:at], "big") & ~(0x80 << 8 * max(data[1] - 1, 0))
    kind = CALLS.get(data[at])
    if kind is None:
        raise Malformed("no message of a call")
    elements = _elements(data, at + 1)
    user = elements.get(USER, b"")
    vendor, product, version = _vendor(user) if kind in DESCRIBES else ("", "", "")
    display = clean(elements.get(DISPLAY, b"").strip(b"\0\xb1"))
    parsed: list[Parsed] = [
        H323Call(
            packet,
            kind,
            reference,
            _number(elements.get(CALLING, b"")),
            _number(elements.get(CALLED, b"")),
            display,
            product,
            version,
        )
    ]
    parsed += _facts(packet, vendor, product, version)
    return parsed


def _elements(data: bytes, at: int) -> dict[int, bytes]:
    """Information elements by number; the length of the user-user element has two bytes in H.225.0 (7.2.2.31)."""
    found: dict[int, bytes] = {}
    while at < len(data):
        number = data[at]
        at += 1
        if number & 0x80:
            continue
        wide = number == USER
        head = data[at : at + 1 + wide]
        size = int.from_bytes(head, "big")
        at += 1 + wide
        if len(head) < 1 + wide or at + size > len(data):
            raise Malformed("information element longer than the message")
        found.setdefault(number, data[at : at + size])
        at += size
    return found


def _number(raw: bytes) -> str:
    """The digits of a party number: a byte with type and plan, and a second one if the first announces it (Q.931,
    4.5.8).
    """
    skip = 1 if raw[:1] >= b"\x80" else 2
    return clean(raw[skip:])


def _ras(packet: Packet) -> list[Parsed]:
    """RAS: a choice of messages, whose number is in the first byte after the extension bit."""
    data = packet.payload
    if packet.truncated and len(data) < 96:  # too short to evaluate
        return []
    if len(data) < 4 or data[0] & 0x80 or data[0] >> 2 >= len(RAS):
        raise Malformed("no RAS message")
    message = RAS[data[0] >> 2]
    known = PROTOCOL in data[:96]
    if message in OF_ENDPOINTS and not known and not packet.truncated:
        raise Malformed("request without the protocol's identifier")
    own = known and message in OF_ENDPOINTS
    vendor, product, version = _vendor(data) if own else ("", "", "")
    aliases = _aliases(data) if own else ()
    parsed: list[Parsed] = [
        H323Ras(packet, message, product, version, aliases),
        *_facts(packet, vendor, product, version),
    ]
    if aliases and aliases[0].upper() != aliases[0].lower():  # more than a number
        parsed.append(fact(packet, "h323.instance", aliases[0]))
    if message in OF_GATEKEEPERS:
        parsed.append(fact(packet, "h323.role", "gatekeeper"))
    return parsed


def _vendor(data: bytes) -> tuple[str, str, str]:
    """(vendor code in hexadecimal, product, version); empty if not found."""
    start = data.find(PROTOCOL)
    if start < 0:
        return "", "", ""
    for found in _MAKER.finditer(data, start + len(PROTOCOL) + 1):
        at = found.start() + 4
        product = _counted(data, at)
        if _WORD.search(product):
            return found[1].hex(), clean(product), clean(_counted(data, at + 2 + data[at]))
    return "", "", ""


def _counted(data: bytes, at: int) -> bytes:
    """Graphic text after a byte with its length less one, without trailing NULs. Empty if there is none."""
    if at >= len(data):
        return b""
    raw = data[at + 1 : at + 2 + data[at]]
    return raw.rstrip(b"\0") if len(raw) == data[at] + 1 and _GRAPHIC.fullmatch(raw) else b""


def _aliases(data: bytes) -> tuple[str, ...]:
    """Names in aliases of type h323-ID: two bytes per character, of which the first must be 0, so that names can be
    distinguished from other bytes.
    """
    names: dict[str, None] = {}
    for found in _ALIAS.finditer(data):
        at = found.start() + 2
        raw = data[at : at + 2 * (found[1][0] + 1)]
        if len(raw) == 2 * (found[1][0] + 1) and not any(raw[::2]) and len(name := clean(raw[1::2])) > 1:
            names[name] = None
    return tuple(names)[:8]


def _facts(packet: Packet, vendor: str, product: str, version: str) -> list[Parsed]:
    return facts(packet, (("h323.maker", vendor), ("h323.product", product), ("h323.version", version)))
