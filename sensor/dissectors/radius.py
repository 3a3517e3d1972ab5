"""RADIUS (RFC 2865, with EAP of RFC 3579): requests for network access, and their answers.

Reads the user, the station or host that requests access, the port of the network access server (NAS), the method, and
the result. Passwords are encrypted; challenges and responses are never stored, nor identities of SIM cards. Accounting,
challenges and changes of authorization (RFC 2866, 5176) are not read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sensor.core import addresses
from sensor.core.addresses import Address
from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.discovery import mac_of
from sensor.dissectors.shared.eap import RESPONSE, method_of, read_identity
from sensor.dissectors.shared.truncation import incomplete

PORTS = (1812, 1645)
REQUEST, ACCEPT, REJECT = 1, 2, 3
USER, PASSWORD, CHAP, NAS_PORT, VENDOR, STATION, EAP = 1, 2, 3, 5, 26, 31, 79
MICROSOFT, MSCHAP = 311, (1, 25)  # responses of MS-CHAP and MS-CHAPv2 (RFC 2548)
LONGEST = 4096
SMALLEST_ATTRIBUTE = 2
_HEADER, _EAP, _U32 = struct.Struct("!BBH16s"), struct.Struct("!BBHB"), struct.Struct("!I")


class RadiusRequest(Event):
    """A NAS requests access for a user. ``number``: of the request, which its answer repeats; ``method``: pap, chap,
    mschap, an EAP method, or empty; ``station``: MAC of the station; ``caller``: address of the remote host; ``port``
    of the NAS, -1 if absent.
    """

    number: int
    user: str
    user_kind: str
    method: str
    station: int
    caller: Address
    port: int


class RadiusResult(Event):
    """The server accepts or rejects the request with this number."""

    number: int
    accepted: bool


class Radius(Dissector):
    """Requests are repeated until they are answered."""

    interest = Interest(udp=PORTS, repeats_s=5)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        if len(data) < _HEADER.size:
            return incomplete(packet) if data else iter(())
        code, number, size, _ = _HEADER.unpack_from(data)
        if code not in (REQUEST, ACCEPT, REJECT):
            return iter(())
        if not _HEADER.size <= size <= LONGEST or (size > len(data) and not packet.truncated):
            raise Malformed("length field out of range")
        if code == REQUEST:
            return _request(packet, number, _attributes(data[:size], packet.truncated))
        return iter((RadiusResult(packet, number, code == ACCEPT),))


def _attributes(data: bytes, truncated: bool) -> dict[int, bytes]:
    """The first attribute of each type; EAP messages are joined, and responses of MS-CHAP are one type."""
    found: dict[int, bytes] = {}
    at = _HEADER.size
    while at < len(data):
        kind, size = data[at], data[at + 1] if at + 1 < len(data) else 0
        value = data[at + SMALLEST_ATTRIBUTE : at + size]
        if size < SMALLEST_ATTRIBUTE or at + size > len(data):
            if truncated:
                break
            raise Malformed("attribute longer than the message")
        if kind == EAP:
            found[EAP] = found.get(EAP, b"") + value
        elif kind == VENDOR:
            if value[:4] == _U32.pack(MICROSOFT) and value[4:5] and value[4] in MSCHAP:
                found[VENDOR] = value
        else:
            found.setdefault(kind, value)
        at += size
    return found


def _request(packet: Packet, number: int, found: dict[int, bytes]) -> Iterator[Parsed]:
    """An Access-Request. The station is a MAC in any notation; a VPN gateway sends the address of the host."""
    user, kind, _ = read_identity(found.get(USER, b""))
    calling = found.get(STATION, b"").decode("ascii", "replace")
    station = mac_of(calling)
    port = _U32.unpack(found[NAS_PORT])[0] if len(found.get(NAS_PORT, b"")) == _U32.size else -1
    caller = 0 if station else _address(calling)
    yield RadiusRequest(packet, number, user, kind, _method(found), station, caller, port)


def _method(found: dict[int, bytes]) -> str:
    if EAP in found:
        message = found[EAP]
        if len(message) < _EAP.size or message[0] != RESPONSE:
            return "identity"
        return method_of(message[_EAP.size - 1])
    if PASSWORD in found:
        return "pap"
    return "chap" if CHAP in found else "mschap" if VENDOR in found else ""


def _address(calling: str) -> int:
    try:
        return addresses.parse(calling.strip())
    except ValueError:
        return 0
