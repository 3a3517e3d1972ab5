"""IPMI over LAN (IPMI 2.0, sections 13.6 to 13.24) and ASF presence (DSP0136, 3.2.4), UDP port 623: the management
controllers of servers, how clients log in to them, and access without a login.

Reads presence, the responses that describe a channel and a controller if they are not encrypted, and the messages that
set up a session of RMCP+: user names and results. Password hashes (RAKP messages 2 to 4) and all other commands are
ignored.
"""

from __future__ import annotations

from sensor.core.dissector import Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader, clean
from sensor.dissectors.shared.discovery import Discovery
from sensor.dissectors.shared.sender_facts import fact, facts

PORT = 623
VERSION, HEAD = b"\x06\0", 4
ASF, IPMI = 6, 7
ENTERPRISE, PING, PONG = b"\0\0\x11\xbe", 0x80, 0x40
SUPPORTS_IPMI = 0x80
RMCP_PLUS, PLAIN, ALGORITHM = 6, 0, 0x3F
AUTHENTICATED_SIZE = 16  # code of a message of version 1.5, unless its authentication type is 0
# Payloads of RMCP+ that set up a session (13.27.3), and the offsets of algorithm, user name and hash in them.
STEPS = {0x10: "open", 0x11: "opened", 0x12: "rakp_1", 0x13: "rakp_2", 0x14: "rakp_3", 0x15: "rakp_4"}
ALGORITHMS, NAME_AT, CODE_AT = {"open": 12, "opened": 16}, 27, 40
NAME_LIMIT = 16
# Addresses and responses of the controller itself (13.8): network function, then command.
CONTROLLER, APPLICATION = 0x20, 7
DEVICE_ID, CHANNEL = 0x01, 0x38
EXTENDED, NULL_USERS, ANONYMOUS = 0x80, 0x02, 0x01


class IpmiPresence(Event):
    """A search for controllers, or the response (``answer``). ``ipmi``: the controller supports IPMI."""

    answer: bool
    ipmi: bool


class IpmiChannel(Event):
    """Authentication of a channel (22.13). ``anonymous``: a user without name and password may log in; ``null_users``:
    a user without name may; ``rmcp_plus``: version 2.0 is supported.
    """

    rmcp_plus: bool
    null_users: bool
    anonymous: bool


class IpmiDevice(Event):
    """The response to Get Device ID (20.1). ``manufacturer``: its IANA enterprise number."""

    manufacturer: int
    product: int
    firmware: str
    version: str


class IpmiSession(Event):
    """A message that sets up a session. ``step``: ``open``, ``opened``, ``rakp_1`` to ``rakp_4``; ``status``: 0 is
    success (13.24); ``user``: in ``rakp_1``; ``algorithm``: of authentication in ``open`` and ``opened``, 0 for none,
    else -1; ``hashed``: the controller sent a hash of the user's password (``rakp_2``).
    """

    step: str
    status: int
    user: str
    algorithm: int
    hashed: bool


class Ipmi(Discovery):
    """Every message: a client that is rejected sends the same ones again."""

    interest = Interest(udp=(PORT,), shares=True)

    def read(self, packet: Packet) -> list[Parsed]:
        data = packet.payload
        if not data.startswith(VERSION) or len(data) <= HEAD:
            return []
        kind = data[3]
        if kind == ASF:
            return _presence(packet, data)
        return _message(packet, Reader(data, HEAD)) if kind == IPMI else []


def _presence(packet: Packet, data: bytes) -> list[Parsed]:
    """The enterprise number, the type, a tag, a reserved byte and the length; in a pong two numbers of the vendor, then
    the supported entities.
    """
    if data[HEAD:8] != ENTERPRISE or len(data) < 12 or data[8] not in (PING, PONG):
        return []
    if data[8] == PING:
        return [IpmiPresence(packet, False, False)]
    reader = Reader(data, 20)
    ipmi = bool(reader.u8() & SUPPORTS_IPMI)
    return [IpmiPresence(packet, True, ipmi), *([_controller(packet)] if ipmi else [])]


def _message(packet: Packet, reader: Reader) -> list[Parsed]:
    """A session header of version 2.0 or 1.5 (13.6), then a message. Encrypted ones are ignored."""
    kind = reader.u8()
    if kind == RMCP_PLUS:
        payload = reader.u8()
        if payload != PLAIN and payload not in STEPS:
            return []
        reader.skip(8)
        body = reader.take(int.from_bytes(reader.take(2), "little"))
        return _step(packet, STEPS[payload], body) if payload in STEPS else _response(packet, body)
    reader.skip(8)
    if kind:
        reader.skip(AUTHENTICATED_SIZE)
    return _response(packet, reader.take(reader.u8()))


def _step(packet: Packet, step: str, body: bytes) -> list[Parsed]:
    """Fields by their offsets in the messages of 13.17 to 13.23. One that reports an error ends after the session."""
    if len(body) < 8:
        raise Malformed("session message too short")
    status = 0 if step in ("open", "rakp_1") else body[1]
    user, algorithm = "", -1
    if step in ALGORITHMS and not status:
        if len(body) <= ALGORITHMS[step]:
            raise Malformed("session message too short")
        algorithm = body[ALGORITHMS[step]] & ALGORITHM
    elif step == "rakp_1":
        reader = Reader(body, NAME_AT)
        user = clean(reader.take(reader.u8()), NAME_LIMIT)
    hashed = step == "rakp_2" and not status and len(body) > CODE_AT
    return [IpmiSession(packet, step, status, user, algorithm, hashed)]


def _response(packet: Packet, body: bytes) -> list[Parsed]:
    """A message with two checksums (13.8): addressee, network function, checksum, sender, number, command, and in a
    response the completion code.
    """
    if len(body) < 8 or sum(body[:3]) & 0xFF or body[1] >> 2 != APPLICATION or body[3] != CONTROLLER or body[6]:
        return []
    reader = Reader(body, 7, len(body) - 1)
    if body[5] == CHANNEL:
        return _channel(packet, reader)
    return _device(packet, reader) if body[5] == DEVICE_ID else []


def _channel(packet: Packet, reader: Reader) -> list[Parsed]:
    reader.skip(1)
    kinds, status, extended = reader.take(3)
    manufacturer = int.from_bytes(reader.take(3), "little")
    newer = bool(kinds & EXTENDED and extended & 2)
    channel = IpmiChannel(packet, newer, bool(status & NULL_USERS), bool(status & ANONYMOUS))
    return [channel, _controller(packet), *facts(packet, [("ipmi.manufacturer", _number(manufacturer))])]


def _device(packet: Packet, reader: Reader) -> list[Parsed]:
    reader.skip(2)
    major, minor, version = reader.take(3)
    reader.skip(1)
    manufacturer, product = (int.from_bytes(reader.take(size), "little") for size in (3, 2))
    firmware, version_text = f"{major & 0x7F}.{minor:02x}", f"{version & 15}.{version >> 4}"
    pairs = [("ipmi.manufacturer", _number(manufacturer)), ("ipmi.firmware", firmware)]
    device = IpmiDevice(packet, manufacturer, product, firmware, version_text)
    return [device, _controller(packet), *facts(packet, pairs)]


def _controller(packet: Packet) -> Parsed:
    return fact(packet, "ipmi.role", "management controller")


def _number(manufacturer: int) -> str:
    """An enterprise number of 20 bits; empty for unspecified."""
    return str(manufacturer & 0xFFFFF) if manufacturer & 0xFFFFF not in (0, 0xFFFFF) else ""
