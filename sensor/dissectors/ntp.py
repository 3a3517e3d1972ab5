"""Network time (NTP versions 1 to 4, RFC 1305 and RFC 5905): clients, servers, and hosts that answer management
queries.

Reads the header, control messages (mode 6, RFC 9327), whose answers may name system and program, and the kind of
private ones (mode 7), which are known for amplification attacks. Ignores times, extension fields and signatures. Only
an answer identifies a server: a query yields no facts.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator

from sensor.core.addresses import text, v4
from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import clean
from sensor.dissectors.shared.sender_facts import fact, facts
from sensor.dissectors.shared.truncation import incomplete

PORT = 123
PEER, PASSIVE_PEER, CLIENT, SERVER, BROADCAST, CONTROL, PRIVATE = range(1, 8)
SIZE, CONTROL_SIZE, PRIVATE_SIZE = 48, 12, 4
UNSYNCHRONISED = 3  # leap indicator of a clock that was never set
LAST_STRATUM = 15
READ_VARIABLES = 2
NAMES = (b"version", b"processor", b"system")
# Leap, version, mode; stratum; poll, precision; root delay and dispersion; reference.
_HEADER = struct.Struct("!BBbb4x4x4s")
# Leap, version, mode; flags, operation; sequence; status; association; offset; count.
_CONTROL = struct.Struct("!BBHHHHH")
_VARIABLE = lazy_pattern(rb'\s*([A-Za-z_]{1,32})=(?:"([^"]{0,255})"|([^,"\r\n]{0,255}))')
VARIABLES_LIMIT = 64


class NtpQuestion(Event):
    """A client, or a peer (``peer``), requests the time."""

    version: int
    peer: bool


class NtpAnswer(Event):
    """A server's time, solicited or not (``broadcast``). ``stratum``: distance from a reference clock, 1 next to one, 0
    or 16 none. ``reference``: the clock's short name at stratum 1 (``GPS``), above that the IPv4 address of its server,
    or a hash of the IPv6 one; at stratum 0 the reason for a rejection (``RATE``).
    """

    version: int
    stratum: int
    reference: str
    broadcast: bool


class NtpControl(Event):
    """A control message (mode 6). ``operation`` by number (2: read variables); ``names``: version, processor and
    system, if an answer contains them.
    """

    operation: int
    answer: bool
    names: tuple[tuple[str, str], ...] = ()


class NtpPrivate(Event):
    """Management with mode 7 of older programs. ``request``: its code (42: list of all clients)."""

    request: int
    answer: bool


class Ntp(Dissector):
    """Times differ in each message; repeats are recognized by the other fields."""

    interest = Interest(udp=(PORT,), repeats_s=60, volatile=(4, 48))

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        if not data or PORT not in (packet.sport, packet.dport):
            return iter(())
        mode, version = data[0] & 7, data[0] >> 3 & 7
        if not mode or not 1 <= version <= 4:
            return iter(())
        if len(data) < (CONTROL_SIZE if mode == CONTROL else PRIVATE_SIZE if mode == PRIVATE else SIZE):
            return incomplete(packet)
        if mode == CONTROL:
            return iter(_control(packet, data))
        if mode == PRIVATE:
            return iter((NtpPrivate(packet, data[3], bool(data[0] & 0x80)),))
        return iter(_time(packet, data, mode, version))


def _time(packet: Packet, data: bytes, mode: int, version: int) -> list[Parsed]:
    if mode in (PEER, PASSIVE_PEER, CLIENT):
        return [NtpQuestion(packet, version, mode != CLIENT)]
    first, stratum, _, _, reference = _HEADER.unpack_from(data)
    parsed: list[Parsed] = [NtpAnswer(packet, version, stratum, _reference(reference, stratum), mode == BROADCAST)]
    if packet.sport == PORT and 1 <= stratum <= LAST_STRATUM and first >> 6 != UNSYNCHRONISED:
        parsed.append(fact(packet, "ntp.role", "ntp_server"))
    return parsed


@functools.lru_cache(maxsize=512)
def _reference(value: bytes, stratum: int) -> str:
    """RFC 5905, 7.3: up to four letters at strata 0 and 1, else four bytes."""
    return clean(value.rstrip(b"\0")) if stratum <= 1 else text(v4(int.from_bytes(value, "big")))


def _control(packet: Packet, data: bytes) -> list[Parsed]:
    """RFC 9327, 2. Only the first fragment of a response is read; variables are ``name=value`` separated by commas."""
    _, flags, _, _, association, offset, count = _CONTROL.unpack_from(data)
    operation, answer = flags & 0x1F, bool(flags & 0x80)
    names: dict[str, str] = {}
    if answer and operation == READ_VARIABLES and not association and not offset and not flags & 0x40:
        names = _variables(
            data[CONTROL_SIZE : CONTROL_SIZE + count],
            packet.truncated or CONTROL_SIZE + count > len(data) or bool(flags & 0x20),
        )
    pairs = [(f"ntp.{name}", value) for name, value in names.items()] if packet.sport == PORT else []
    return [NtpControl(packet, operation, answer, tuple(names.items())), *facts(packet, pairs)]


def _variables(body: bytes, cut: bool) -> dict[str, str]:
    """Variables that identify the host and its program. The last one of a truncated fragment may be incomplete."""
    found: dict[str, str] = {}
    offset = 0
    for _ in range(VARIABLES_LIMIT):
        match = _VARIABLE.match(body, offset)
        if match is None or (cut and match.end() == len(body) and match[2] is None):
            break
        offset = match.end() + 1
        if match[1].lower() in NAMES and (value := clean(match[2] or match[3] or b"")):
            found.setdefault(match[1].decode("ascii").lower(), value)
        if body[match.end() : offset] != b",":
            break
    return found
