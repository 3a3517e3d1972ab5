"""EAP over LANs (IEEE 802.1X-2020, clause 11) with EAP (RFC 3748): supplicants, identities, methods and results.

Reads start and logoff, identities, the methods offered, results, and the four-way handshake between a wireless station
and its access point (IEEE 802.11-2020, 12.7). Keys, challenges and responses are never stored, nor identities of SIM
cards. The content of methods is not read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.observation import Observation, Subject
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.eap import FAILURE, IDENTITY, REQUEST, RESPONSE, SUCCESS, method_of, read_identity
from sensor.dissectors.shared.truncation import incomplete

ETHERTYPES = (0x888E, 0x88C7)  # the second: pre-authentication (802.11-2020, 12.6.10.2)
EAP, START, LOGOFF, KEY = range(4)
VERSIONS = (1, 2, 3)
RSN_KEY = 2  # type of key descriptor; WPA used 254
WPA_KEY = 254
PAIRWISE, ACK, MIC, SECURE = 0x08, 0x80, 0x100, 0x200
_HEADER = struct.Struct("!BBH")
_EAP = struct.Struct("!BBH")
_KEY = struct.Struct("!BH")


class EapolStart(Event):
    """A supplicant requests authentication."""


class EapolLogoff(Event):
    """A supplicant ends its authenticated state."""


class EapolIdentity(Event):
    """``identity`` as sent by the supplicant, before authentication. ``identity_kind``: computer, user, mac, anonymous,
    or sim, which is left out. ``number``: of the EAP message, which its answer repeats.
    """

    identity: str
    identity_kind: str
    number: int = 0


class EapolMethod(Event):
    """A method is offered (``request``) or answered. ``method`` by name, or by number if unknown; ``md5`` and ``leap``
    are weak. ``number``: of the EAP message.
    """

    method: str
    request: bool
    number: int = 0


class EapolResult(Event):
    """The result, ``success`` or failure, sent to the supplicant. ``number``: of the response that it answers (RFC
    3748, 4.2).
    """

    success: bool
    number: int = 0


class EapolKey(Event):
    """Message ``number`` of the four-way handshake between station and access point, 0 for others. ``rsn``: WPA2 or
    later.
    """

    number: int
    rsn: bool


class Eapol(Dissector):
    """Requests are repeated until they are answered."""

    interest = Interest(ethertypes=ETHERTYPES, repeats_s=5)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        if len(data) < _HEADER.size:
            return incomplete(packet)
        version, kind, size = _HEADER.unpack_from(data)
        if version not in VERSIONS:
            return iter(())
        body = data[_HEADER.size : _HEADER.size + size]
        if len(body) < size and not packet.truncated:
            raise Malformed("length larger than the frame")
        if kind == EAP:
            return _eap(packet, body)
        if kind == KEY:
            return _key(packet, body)
        if kind == START:
            return iter((EapolStart(packet),))
        return iter((EapolLogoff(packet),)) if kind == LOGOFF else iter(())


def _eap(packet: Packet, body: bytes) -> Iterator[Parsed]:
    """RFC 3748, 4: code, identifier, length; requests and responses have a type."""
    if len(body) < _EAP.size:
        return incomplete(packet)
    code, number, size = _EAP.unpack_from(body)
    if code in (SUCCESS, FAILURE):
        return iter((EapolResult(packet, code == SUCCESS, number), _role(packet)))
    if code not in (REQUEST, RESPONSE):
        return iter(())
    if len(body) <= _EAP.size or (len(body) < size and not packet.truncated):
        return incomplete(packet)
    kind, content = body[_EAP.size], body[_EAP.size + 1 : size]
    if code == REQUEST:
        return iter((EapolMethod(packet, method_of(kind), True, number), _role(packet)))
    if kind == IDENTITY:
        return iter(()) if len(body) < size else iter(_identity(packet, content, number))
    return iter((EapolMethod(packet, method_of(kind), False, number),))


def _role(packet: Packet) -> Observation:
    """A sender of identity requests and results is an authenticator: a switch port or an access point."""
    return Observation(packet.ts, Subject(packet.src_mac, 0, packet.vlan), "eapol.role", "authenticator", packet.flow)


def _identity(packet: Packet, content: bytes, number: int) -> list[Parsed]:
    identity, kind, host = read_identity(content)
    parsed: list[Parsed] = [EapolIdentity(packet, identity, kind, number)]
    if kind:
        ts, subject, flow = packet.ts, Subject(packet.src_mac, 0, packet.vlan), packet.flow
        parsed.append(Observation(ts, subject, "eapol.identity", kind, flow))
        if host:
            parsed.append(Observation(ts, subject, "eapol.fqdn" if "." in host else "eapol.hostname", host, flow))
    return parsed


def _key(packet: Packet, body: bytes) -> Iterator[Parsed]:
    """The first and third message come from the access point, which expects a response; only the first has no MIC; the
    fourth has no nonce and the secure flag.
    """
    if len(body) < _KEY.size:
        return incomplete(packet)
    descriptor, info = _KEY.unpack_from(body)
    if descriptor not in (RSN_KEY, WPA_KEY):
        return iter(())
    number = 0
    if info & PAIRWISE:
        if info & ACK:
            number = 3 if info & MIC else 1
        elif info & MIC:
            number = 4 if info & SECURE or not any(body[13:45]) else 2
    parsed: list[Parsed] = [EapolKey(packet, number, descriptor == RSN_KEY)]
    if info & ACK:
        parsed.append(_role(packet))
    return iter(parsed)
