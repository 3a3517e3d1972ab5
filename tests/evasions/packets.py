"""Evasions at the link and IP layers: fragments, IPv6, tags, tunnels, and the faults of a mirror port."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from random import Random

from tests.evasions.frames import TCP, UDP, V4, V6, Datagram, Frame, closed, datagrams, framed, packed, transport_sum

STEP = 1000
MULTICAST = 224
# The IPv6 prefix for 203.0.113.0/24 (RFC 5737) and other internet addresses.
FAR, NEAR = bytes.fromhex("2a000bb8") + bytes(8), bytes.fromhex("fd000bb8") + bytes(8)
PRIVATE = (10, 172, 192)
DESTINATION_OPTIONS, FRAGMENT = 60, 44
# The MACs on the other side of a router.
FAR_SIDE = bytes.fromhex("02bb0000000102bb00000002")


def each(change: Callable[[Datagram], Iterable[Frame]], frames: list[Frame]) -> list[Frame]:
    """Replaces every datagram by the frames that ``change`` returns for it."""
    found: list[Frame] = []
    for frame, one in datagrams(frames):
        found += change(one) if one else [frame]
    return found


def fragmented(size: int, *, order: int = 1, overlap: int = 0) -> Callable[[list[Frame]], list[Frame]]:
    """Fragments of ``size`` bytes, a multiple of 8; ``order`` -1: the last one first; each repeats ``overlap`` bytes of
    the one before.
    """

    def cut(one: Datagram) -> Iterator[Frame]:
        starts = list(range(0, len(one.body), size)) or [0]
        for number, start in enumerate(starts[::order]):
            early, end = max(start - overlap, 0), start + size
            piece = one._replace(
                ts=one.ts + number * STEP, body=one.body[early:end], offset=early, more=end < len(one.body)
            )
            yield closed(piece)

    return lambda frames: each(cut, _numbered(frames))


def _numbered(frames: list[Frame]) -> list[Frame]:
    """Gives each datagram its own identification, as a sender of fragments does."""
    found = []
    for number, (frame, one) in enumerate(datagrams(frames)):
        found.append(closed(one._replace(ident=number & 0xFFFF)) if one else frame)
    return found


def with_options(one: Datagram) -> Iterator[Frame]:
    """Adds IP options: router alert, then no-operation up to the largest header."""
    yield closed(one._replace(options=b"\x94\x04\0\0" + b"\x01" * 36))


def wide(address: bytes) -> bytes:
    """An IPv6 address that contains an IPv4 address."""
    return (NEAR if address[0] in PRIVATE else FAR) + address


def over_ipv6(*, extended: bool = False, pieces: int = 0) -> Callable[[list[Frame]], list[Frame]]:
    """TCP and UDP unicast over IPv6; ``extended``: after destination options; ``pieces``: in fragments of this size."""

    def change(one: Datagram) -> Iterator[Frame]:
        if one.proto not in (TCP, UDP) or one.dst[0] >= MULTICAST or one.dst[3] == 255:
            yield closed(one)
            return
        src, dst = wide(one.src), wide(one.dst)
        at = 16 if one.proto == TCP else 6
        blank = one.body[:at] + b"\0\0" + one.body[at + 2 :]
        body = blank[:at] + (transport_sum(src, dst, one.proto, blank) or 0xFFFF).to_bytes(2, "big") + blank[at + 2 :]
        following, rest = one.proto, body
        if extended:
            following, rest = DESTINATION_OPTIONS, bytes((one.proto, 0, 1, 4, 0, 0, 0, 0)) + body
        if not pieces:
            yield framed(
                one.ts, one.macs, V6, struct.pack("!IHBB", 6 << 28, len(rest), following, 64) + src + dst + rest
            )
            return
        for number, start in enumerate(range(0, len(rest), pieces)):
            more = start + pieces < len(rest)
            part = struct.pack("!BBHI", following, 0, start | more, one.ident) + rest[start : start + pieces]
            yield framed(
                one.ts + number * STEP,
                one.macs,
                V6,
                struct.pack("!IHBB", 6 << 28, len(part), FRAGMENT, 64) + src + dst + part,
            )

    return lambda frames: each(change, _numbered(frames))


def tagged(*tags: tuple[int, int]) -> Callable[[list[Frame]], list[Frame]]:
    """Adds tags (ethertype, VLAN) to each frame."""
    inserted = b"".join(struct.pack("!HH", kind, vlan) for kind, vlan in tags)
    return lambda frames: [_sized(frame, frame.data[:12] + inserted + frame.data[12:]) for frame in frames]


def _sized(frame: Frame, data: bytes) -> Frame:
    return Frame(frame.ts, data, frame.wire + len(data) - len(frame.data))


def hopping(frames: list[Frame]) -> list[Frame]:
    """Each direction in its own VLAN, as in a private VLAN (RFC 5517): one for the busiest sender, another for those
    that reach it.
    """
    busiest, _ = Counter(frame.data[6:12] for frame in frames).most_common(1)[0]
    tags = {True: bytes.fromhex("8100000a"), False: bytes.fromhex("8100000b")}
    return [_sized(frame, frame.data[:12] + tags[frame.data[6:12] == busiest] + frame.data[12:]) for frame in frames]


def labelled(one: Datagram) -> Iterator[Frame]:
    """Adds two MPLS labels (RFC 3032)."""
    yield framed(one.ts, one.macs, 0x8847, struct.pack("!II", 18 << 12 | 64, 19 << 12 | 0x100 | 64) + packed(one))


def over_ppp(one: Datagram) -> Iterator[Frame]:
    """Encapsulates in a PPPoE session (RFC 2516)."""
    yield framed(one.ts, one.macs, 0x8864, struct.pack("!BBHHH", 0x11, 0, 7, len(packed(one)) + 2, 0x21) + packed(one))


def outer(ts: int, macs: bytes, proto: int, body: bytes) -> Frame:
    """A frame between the ends of a tunnel."""
    return framed(
        ts, macs, V4, packed(Datagram(ts, macs, bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2)), proto, 0, body))
    )


def in_ip(one: Datagram) -> Iterator[Frame]:
    """Encapsulates IP in IP (RFC 2003)."""
    yield outer(one.ts, one.macs, 4, packed(one))


def in_gre(one: Datagram) -> Iterator[Frame]:
    """Encapsulates in GRE (RFC 2784)."""
    yield outer(one.ts, one.macs, 47, struct.pack("!HH", 0, V4) + packed(one))


def in_udp(port: int, head: bytes) -> Callable[[list[Frame]], list[Frame]]:
    """Encapsulates whole frames in UDP: VXLAN (RFC 7348), Geneve (RFC 8926)."""

    def change(frame: Frame) -> Frame:
        body = struct.pack("!HHHH", 50000, port, 16 + len(frame.data), 0) + head + frame.data
        return outer(frame.ts, bytes.fromhex("02aa0000000102aa00000002"), UDP, body)

    return lambda frames: [change(frame) for frame in frames]


def doubled(frames: list[Frame]) -> list[Frame]:
    """Every frame twice, as from a mirror port that copies ingress and egress."""
    return [each for frame in frames for each in (frame, frame)]


def routed(frames: list[Frame]) -> list[Frame]:
    """Every datagram a second time after a router: other MACs, a TTL lower by one."""

    def change(one: Datagram) -> Iterator[Frame]:
        yield closed(one)
        if one.dst[0] < MULTICAST and one.dst[3] != 255 and one.proto in (TCP, UDP):
            yield closed(one._replace(ts=one.ts + STEP, macs=FAR_SIDE, ttl=one.ttl - 1))

    return each(change, frames)


def lossy(share: float) -> Callable[[list[Frame]], list[Frame]]:
    """Drops some frames; always the same ones."""

    def change(frames: list[Frame]) -> list[Frame]:
        chance = Random(f"loss of {len(frames)}")
        return [frame for frame in frames if chance.random() >= share]

    return change


def one_sided(frames: list[Frame]) -> list[Frame]:
    """Only the frames of the client, as from a mirror port of one direction."""
    clients: set[tuple[bytes, bytes]] = set()
    kept = []
    for frame, one in datagrams(frames):
        if one is None or one.dst[0] >= MULTICAST or one.dst[3] == 255:
            kept.append(frame)
        elif (one.dst, one.src) not in clients:
            clients.add((one.src, one.dst))
            kept.append(frame)
    return kept


def snapped(size: int) -> Callable[[list[Frame]], list[Frame]]:
    """Frames truncated by the snapshot length."""
    return lambda frames: [frame._replace(data=frame.data[:size]) for frame in frames]


def trailing(frames: list[Frame]) -> list[Frame]:
    """Bytes after the datagram, such as a switch trailer or a frame check sequence."""
    return [_sized(frame, frame.data + b"\xde\xad\xbe\xef" * 4) for frame in frames]
