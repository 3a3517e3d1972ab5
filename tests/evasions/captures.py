"""The same traffic, captured otherwise: other addresses, mirror sessions, copies, order, times, checksums."""

from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random

from tests.evasions.frames import TCP, UDP, Datagram, Frame, closed, datagrams, transport_sum
from tests.evasions.packets import FAR_SIDE, outer, routed

ARP, ARP_SIZE = b"\x08\x06", 42
DHCP = (67, 68)
LATE, QUEUED = 50_000, 1_000_000
CHECKSUM = {TCP: 16, UDP: 6}
SWITCH = bytes.fromhex("02aa0000000102aa00000002")


def moved(address: bytes) -> bytes:
    """A private address in another private block; the last two bytes are kept."""
    if address[0] == 10:
        return bytes((172, 16 | address[1] & 15)) + address[2:]
    private = address[:2] == b"\xc0\xa8" or (address[0] == 172 and address[1] >> 4 == 1)
    return b"\x0a" + address[1:] if private else address


def renamed(mac: bytes) -> bytes:
    """Another unicast MAC of the same vendor."""
    return mac if mac[0] & 1 or not any(mac) else mac[:3] + bytes(part ^ 0x5A for part in mac[3:])


def relocated(frames: list[Frame]) -> list[Frame]:
    """Other private addresses and MACs for all hosts, also in ARP and in the header of DHCP."""
    found = []
    for frame, one in datagrams(frames):
        if one is not None:
            found.append(closed(_relocated(one)))
        elif frame.data[12:14] == ARP and len(frame.data) >= ARP_SIZE:
            found.append(frame._replace(data=_patched(_macs(frame.data), (22, 32), (28, 38))))
        else:
            found.append(frame._replace(data=_macs(frame.data)))
    return found


def _macs(data: bytes) -> bytes:
    return renamed(data[:6]) + renamed(data[6:12]) + data[12:]


def _patched(data: bytes, macs: tuple[int, ...], addresses: tuple[int, ...]) -> bytes:
    """Data with other MACs and addresses at these offsets."""
    for size, change, places in ((6, renamed, macs), (4, moved, addresses)):
        for at in places:
            data = data[:at] + change(data[at : at + size]) + data[at + size :]
    return data


def _relocated(one: Datagram) -> Datagram:
    src, dst, body = moved(one.src), moved(one.dst), one.body
    if one.proto == UDP and int.from_bytes(body[:2], "big") in DHCP and len(body) > 44:
        body = _patched(body, (36,), (20, 24, 28, 32))
    at = CHECKSUM.get(one.proto, 0)
    if at and len(body) > at + 2 and any(body[at : at + 2]):
        blank = body[:at] + bytes(2) + body[at + 2 :]
        body = blank[:at] + (transport_sum(src, dst, one.proto, blank) or 0xFFFF).to_bytes(2, "big") + blank[at + 2 :]
    return one._replace(macs=_macs(one.macs), src=src, dst=dst, body=body)


def mirrored(version: int) -> Callable[[list[Frame]], list[Frame]]:
    """A mirror session over GRE: ERSPAN type II or III (draft-foschiano-erspan-03, 4.2 and 4.3), in VLAN 42."""

    def change(number: int, frame: Frame) -> Frame:
        kind, rest = (0x88BE, struct.pack("!I", 5)) if version == 2 else (0x22EB, struct.pack("!IHH", 7, 0, 0))
        head = struct.pack("!HHIHH", 0x1000, kind, number, (version - 1) << 12 | 42, 1) + rest
        return outer(frame.ts, SWITCH, 47, head + frame.data)

    return lambda frames: [change(number, frame) for number, frame in enumerate(frames)]


def repeated(frames: list[Frame]) -> list[Frame]:
    """Every frame again 50 µs later, as from two mirror ports."""
    return _ordered([each for frame in frames for each in (frame, frame._replace(ts=frame.ts + LATE))])


def routed_later(frames: list[Frame]) -> list[Frame]:
    """Both sides of a router, the second 50 µs later."""
    second = [frame._replace(ts=frame.ts + LATE) for frame in routed(frames) if frame.data[:12] == FAR_SIDE]
    return _ordered([*frames, *second])


def _ordered(frames: list[Frame]) -> list[Frame]:
    return sorted(frames, key=lambda frame: frame.ts)


def disordered(frames: list[Frame]) -> list[Frame]:
    """A tenth of the frames change places with one that follows within a millisecond, as from several queues."""
    chance, found, at = Random(f"order of {len(frames)}"), list(frames), 0
    while at + 1 < len(found):
        first, second = found[at : at + 2]
        if second.ts - first.ts < QUEUED and chance.random() < 0.1:
            found[at : at + 2] = second._replace(ts=first.ts), first._replace(ts=second.ts)
            at += 1
        at += 1
    return found


def timed(factor: float) -> Callable[[list[Frame]], list[Frame]]:
    """The same in more or less time."""
    return lambda frames: [one._replace(ts=frames[0].ts + round((one.ts - frames[0].ts) * factor)) for one in frames]


def unsummed(frames: list[Frame]) -> list[Frame]:
    """Wrong checksums, as of packets captured at the sender, whose network card calculates them."""
    return [_unsummed(frame, one) if one is not None else frame for frame, one in datagrams(frames)]


def _unsummed(frame: Frame, one: Datagram) -> Frame:
    at, data = 34 + len(one.options) + CHECKSUM.get(one.proto, 0), frame.data
    if one.proto in CHECKSUM and len(data) > at + 2:
        data = data[:at] + b"\x12\x34" + data[at + 2 :]
    return frame._replace(data=data[:24] + bytes(2) + data[26:])
