"""Evasions of TCP: the same bytes in other segments (Ptacek, Newsham: Insertion, Evasion, and
Denial of Service, 1998).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tests.evasions.frames import ACK, FIN, PSH, RST, SYN, URG, Frame, Segment, carried, closed, datagrams, segment_of

STEP = 1000  # nanoseconds between two pieces of a segment
HALF = 1 << 31


def each(change: Callable[[Segment], Iterable[Segment]], frames: list[Frame]) -> list[Frame]:
    """Replaces every segment by those that ``change`` returns for it."""
    found: list[Frame] = []
    for frame, one in datagrams(frames):
        segment = segment_of(one) if one else None
        found += [closed(carried(made)) for made in change(segment)] if segment else [frame]
    return found


def at(one: Segment, later: int) -> Segment:
    """The same segment, this many ns later."""
    return one._replace(
        carrier=one.carrier._replace(ts=one.carrier.ts + later, ident=(one.carrier.ident + later // STEP) & 0xFFFF)
    )


def pieces(size: int, *, overlap: int = 0) -> Callable[[Segment], Iterator[Segment]]:
    """Splits payloads; each piece begins ``overlap`` bytes early."""

    def cut(one: Segment) -> Iterator[Segment]:
        if not one.payload:
            yield one
        for number, start in enumerate(range(0, len(one.payload), size)):
            early, end = max(start - overlap, 0), start + size
            last = end >= len(one.payload)
            flags = one.flags if last else one.flags & ~(FIN | PSH)
            yield at(one, number * STEP)._replace(seq=one.seq + early, payload=one.payload[early:end], flags=flags)

    return cut


def cut(size: int, *, overlap: int = 0) -> Callable[[list[Frame]], list[Frame]]:
    return lambda frames: each(pieces(size, overlap=overlap), frames)


def exchanged(frames: list[Frame]) -> list[Frame]:
    """Exchanges adjacent segments with data of one direction, but not their times."""
    found, turn = list(frames), 0
    while turn + 1 < len(found):
        first, second = (_data(found[turn + way]) for way in (0, 1))
        if first and second and first.stream == second.stream:
            found[turn] = closed(carried(_timed(second, first)))
            found[turn + 1] = closed(carried(_timed(first, second)))
            turn += 1
        turn += 1
    return found


def _data(frame: Frame) -> Segment | None:
    (one,) = (one for _, one in datagrams([frame]))
    segment = segment_of(one) if one else None
    return segment if segment and segment.payload and not segment.flags & (SYN | RST | FIN) else None


def _timed(one: Segment, other: Segment) -> Segment:
    return one._replace(carrier=one.carrier._replace(ts=other.carrier.ts))


def exchanged_pieces(size: int) -> Callable[[list[Frame]], list[Frame]]:
    return lambda frames: exchanged(cut(size)(frames))


def backwards(one: Segment) -> Iterator[Segment]:
    """Each payload in four pieces, the last one first."""
    some = list(pieces(max(-(-len(one.payload) // 4), 1))(one))
    last = [piece.carrier for piece in some]
    for carrier, piece in zip(last, reversed(some), strict=True):
        yield piece._replace(carrier=carrier)


def repeated(one: Segment) -> Iterator[Segment]:
    """Sends every payload again, as after a lost acknowledgment."""
    yield one
    if one.payload:
        yield at(one, STEP)


def kept_alive(one: Segment) -> Iterator[Segment]:
    """Before each payload, one byte that was already sent, with another value (RFC 9293, 3.8.4)."""
    if one.payload and not one.flags & SYN:
        yield at(one, -STEP)._replace(seq=one.seq - 1, payload=b"\0", flags=ACK)
    yield one


def false_end(flag: int) -> Callable[[Segment], Iterator[Segment]]:
    """Before each payload, a FIN with a sequence number outside of the window."""

    def end(one: Segment) -> Iterator[Segment]:
        if one.payload and not one.flags & SYN:
            yield at(one, -STEP)._replace(seq=one.seq + HALF, payload=b"", flags=flag | ACK)
        yield one

    return end


def outside_window(one: Segment) -> Iterator[Segment]:
    """Before each payload, other data with a sequence number outside of the window."""
    if one.payload and not one.flags & SYN:
        yield at(one, -STEP)._replace(seq=one.seq + HALF, payload=b"A" * len(one.payload))
    yield one


def wrapped(frames: list[Frame]) -> list[Frame]:
    """Initial sequence numbers so high that they pass 2^32 within the first bytes."""
    first: dict[tuple[bytes, bytes, int, int], int] = {}

    def shift(one: Segment) -> Iterator[Segment]:
        source, other = one.stream, (one.carrier.dst, one.carrier.src, one.dport, one.sport)
        first.setdefault(source, one.seq) if not one.flags & RST else None
        if one.flags & ACK:
            first.setdefault(other, one.ack - 1)
        move, back = (-20 - first.get(key, 0) for key in (source, other))
        yield one._replace(seq=one.seq + move, ack=one.ack + back if one.flags & ACK else 0)

    return each(shift, frames)


def padded(one: Segment) -> Iterator[Segment]:
    """TCP headers of 60 bytes: the space for options is filled."""
    yield one._replace(options=one.options + b"\x01" * ((40 - len(one.options)) // 4 * 4))


def urgent(one: Segment) -> Iterator[Segment]:
    """Sets the urgent pointer; receivers that follow RFC 6093 leave the byte in the stream."""
    yield one._replace(flags=one.flags | URG, urgent=len(one.payload)) if one.payload else one


def unpushed(one: Segment) -> Iterator[Segment]:
    yield one if one.flags & SYN else one._replace(flags=one.flags & ~PSH)


def other_ports(frames: list[Frame]) -> list[Frame]:
    """TCP services on other ports, higher by 20,000."""

    def moved(port: int) -> int:
        return port + 20000 if port < 20000 else port

    return each(lambda one: [one._replace(sport=moved(one.sport), dport=moved(one.dport))], frames)


def without_handshake(frames: list[Frame]) -> list[Frame]:
    """The capture begins after the handshakes."""
    kept = []
    for frame, one in datagrams(frames):
        segment = segment_of(one) if one else None
        if segment is None or not segment.flags & SYN:
            kept.append(frame)
    return kept


def odd_case(frames: list[Frame]) -> list[Frame]:
    """Names of header fields in capitals (RFC 9110, 5.1: they are case-insensitive)."""
    return each(lambda one: [one._replace(payload=_shouted(one.payload))], frames)


def _shouted(payload: bytes) -> bytes:
    head, gap, body = payload.partition(b"\r\n\r\n")
    first, *fields = head.split(b"\r\n")
    if not gap or not fields or not all(b": " in field for field in fields):
        return payload
    names = [field.partition(b":") for field in fields]
    return b"\r\n".join([first, *(name.swapcase() + mark + value for name, mark, value in names)]) + gap + body
