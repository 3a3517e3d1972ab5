"""TCP headers (RFC 9293): how a host opens connections, and segments with flag combinations that no legitimate stack
sends, and resets that another host sends with the spoofed address of one end.

Of a SYN without data, the window, the order of the options and their values are reported: they fingerprint the
operating system. A TTL one or two below that of a system shows that the packet was forwarded. Ignores SYN-ACKs, which
depend on the SYN, and data. Of a segment with invalid flags only the flags are reported.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.batch import Problem
from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.sender_facts import facts

FIN, SYN, RST, PUSH, ACK, URGENT = 1, 2, 4, 8, 16, 32
# The shortest and the longest header (RFC 9293 3.1: data offset).
HEADER, LONGEST = 20, 60
FOREIGN_RESET = int(Problem.FOREIGN_RESET)
END, NOP, MSS, SCALE, SACK, TIMESTAMPS, AUTHENTICATION = 0, 1, 2, 3, 4, 8, 29
# Options and their lengths (RFC 9293 3.2, 7323, 2018, 2385, 5925, 7413); others are reported by number.
NAMES = {
    END: "eol",
    NOP: "nop",
    MSS: "mss",
    SCALE: "ws",
    SACK: "sok",
    5: "sack",
    TIMESTAMPS: "ts",
    19: "md5",
    AUTHENTICATION: "ao",
    34: "tfo",
}
LENGTHS = {MSS: 4, SCALE: 3, SACK: 2, TIMESTAMPS: 10, 19: 18}
SHORTEST = {AUTHENTICATION: 4}
# Initial TTLs of operating systems, and the hops of a packet that a host next to the sensor may forward.
FIRST_TTLS = (32, 64, 128, 255)
NEAR_HOPS = (1, 2)


class TcpSyn(Event):
    """A connection is opened. ``options`` in the order of the wire, ``mss`` and ``scale`` -1 if not sent.

    ``broken``: index of the first option with an invalid length; -1 if all are valid. What follows it is not read.
    """

    window: int
    options: tuple[str, ...]
    mss: int = -1
    scale: int = -1
    stamp: int = -1
    reserved: bool = False
    urgent: bool = False
    broken: int = -1


class TcpOddFlags(Event):
    """A segment with contradictory flags (SYN with FIN or RST), or without ACK although it is neither the first nor a
    reset.
    """

    flags: int
    window: int
    options: tuple[str, ...] = ()


class TcpForeignReset(Event):
    """A reset that spoofs one end of a connection, from a MAC that sent no other packet of that end."""


class Tcp(Dissector):
    """A host opens its connections in the same way, so most of its SYNs are repeats."""

    interest = Interest(tcp_heads=True, repeats_s=600)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        if len(data) < HEADER:
            raise Malformed("header ends early")
        names, values, broken = _options(data)
        window, flags = int.from_bytes(data[14:16], "big"), packet.tcp_flags
        if flags & RST and packet.problem & FOREIGN_RESET:
            return iter((TcpForeignReset(packet),))
        if not flags & SYN or flags & (FIN | RST):
            return iter((TcpOddFlags(packet, flags, window, names),))
        event = TcpSyn(packet, window, names, _number(values, MSS), _number(values, SCALE), broken=broken)
        if TIMESTAMPS in values:
            event.stamp = int.from_bytes(values[TIMESTAMPS][:4], "big")
        event.reserved, event.urgent = bool(data[12] & 0x0E), bool(flags & URGENT or data[18:20] != b"\0\0")
        if broken >= 0 or event.reserved:
            return iter((event,))
        hops = _first_ttl(packet) - packet.ttl
        seen = [("tcp.syn", _signature(event)), *([("tcp.hops", str(hops))] if hops in NEAR_HOPS else [])]
        return iter((event, *facts(packet, seen)))


def _options(data: bytes) -> tuple[tuple[str, ...], dict[int, bytes], int]:
    """Names in order, values by number, and the index of the first one with an invalid length (-1: none)."""
    names: list[str] = []
    values: dict[int, bytes] = {}
    at, end = HEADER, min(len(data), LONGEST)
    while at < end:
        kind = data[at]
        names.append(NAMES.get(kind) or str(kind))
        if kind == END:
            break
        if kind == NOP:
            at += 1
            continue
        length = data[at + 1] if at + 1 < end else 0
        if length < SHORTEST.get(kind, 2) or length != LENGTHS.get(kind, length) or at + length > end:
            return tuple(names), values, kind
        values.setdefault(kind, data[at + 2 : at + length])
        at += length
    return tuple(names), values, -1


def _number(values: dict[int, bytes], kind: int) -> int:
    return int.from_bytes(values[kind], "big") if kind in values else -1


def _signature(event: TcpSyn) -> str:
    """Initial TTL, window (in units of the MSS if it is a multiple), MSS, scale, options:
    ``64:mss*20:1460:7:mss,sok,ts,nop,ws``.
    """
    ttl = _first_ttl(event.packet)
    units, rest = divmod(event.window, event.mss) if event.mss > 0 else (0, 1)
    window = f"mss*{units}" if units and not rest else str(event.window)
    return f"{ttl}:{window}:{_or_star(event.mss)}:{_or_star(event.scale)}:{','.join(event.options)}"


def _first_ttl(packet: Packet) -> int:
    """The initial TTL, as the next higher one of an operating system."""
    return next((first for first in FIRST_TTLS if packet.ttl <= first), FIRST_TTLS[-1])


def _or_star(number: int) -> str:
    return str(number) if number >= 0 else "*"
