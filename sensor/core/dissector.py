"""Base classes of dissectors: Interest (the rows a dissector wants), Dissector (one message at a time) and Stream (one
TCP connection).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import ClassVar

import msgspec

from sensor.core.event import Event
from sensor.core.named_tables import Table
from sensor.core.observation import Observation
from sensor.core.packet import Packet

Parsed = Event | Observation


class Interest(msgspec.Struct, frozen=True, kw_only=True):
    """The rows that a dissector wants. A row that matches any condition is selected; ports are only hints, the
    dissector decides by content.

    ``ethertypes``: also destination SAPs of 802.2 frames (0x42: spanning tree) and SNAP protocol ids. If the id is
    vendor-specific, the payload begins with the vendor's three bytes (OUI) and the two bytes of the id, since vendors
    use the same numbers (0x2000: CDP of Cisco, FDP of Foundry).
    ``starts``: first bytes of a UDP or TCP payload, 4 to 8 of them. ``magic``: (offset, 4 bytes) within a UDP or TCP
    payload.
    ``repeats_s``: an identical payload from the same sender within this many seconds is dropped before it becomes a
    Packet (0: never); the bytes ``volatile`` (first, stop) of the payload, such as a transaction id, are not compared.
    ``stream``: TCP rows are reassembled for ``Stream`` objects; otherwise no TCP rows are selected.
    ``opening``: how many payloads (1 to 4) are wanted at the start of each direction and after each payload that
    matches ``starts`` or ``magic``; payloads below 1,008 bytes count in proportion. The bytes between are a gap, so
    that bodies cost nothing. 0: all.
    ``after``: the native stream dissector that decides from its messages whether this one follows the flow, and from
    when. Its own rules hold only where that dissector is not native.
    ``from_s``: a flow is followed from this many seconds after its first packet, while its frames have at most
    ``quiet`` bytes: (number, more for each second of its age).
    ``shares``: its rows are selected by ports only, and it shares its bit of the select pass with all such dissectors:
    of datagrams with the same ``repeats_s`` and ``volatile``, of streams with the same ``opening``. This leaves bits
    for others. For protocols with few messages.
    ``tcp_heads``: TCP headers as payload, for ``dissect``: of SYNs without data whose window and options are new for
    their sender within ``repeats_s``, and of segments without data with invalid flags or resets from a foreign MAC;
    at most 4,096 new ones of each a second, 2 during a flood. The others are counted as shed.
    """

    udp: tuple[int, ...] = ()
    tcp: tuple[int, ...] = ()
    ethertypes: tuple[int, ...] = ()
    protocols: tuple[int, ...] = ()
    icmp: tuple[int, ...] = ()
    icmp6: tuple[int, ...] = ()
    starts: tuple[bytes, ...] = ()
    magic: tuple[tuple[int, bytes], ...] = ()
    repeats_s: float = 0.0
    volatile: tuple[int, int] = (0, 0)
    stream: bool = False
    opening: int = 0
    after: str = ""
    from_s: int = 0
    quiet: tuple[int, int] = (0, 0)
    shares: bool = False
    tcp_heads: bool = False

    @property
    def frames(self) -> bool:
        """Whether it wants rows other than UDP and TCP."""
        return bool(self.ethertypes or self.protocols or self.icmp or self.icmp6 or self.tcp_heads)

    @property
    def datagrams(self) -> bool:
        """Whether it wants UDP rows: by port, or by content if it reads no streams."""
        return bool(self.udp) or (not self.stream and bool(self.starts or self.magic))

    def begins(self, payload: bytes) -> bool:
        """Whether ``starts`` or ``magic`` match the payload."""
        return payload.startswith(self.starts) or any(
            payload[offset : offset + 4] == value for offset, value in self.magic
        )


def datagram_bits(interests: Iterable[Interest]) -> list[list[int]]:
    """The positions of the dissectors of datagrams, by their bit in the select pass. Raises ValueError if one that
    shares its bit is not selected by ports only.
    """
    return _bits(interests, lambda one: one.datagrams, lambda one: (one.repeats_s, one.volatile))


def stream_bits(interests: Iterable[Interest]) -> list[list[int]]:
    """The same for dissectors of streams."""
    return _bits(interests, lambda one: one.stream, lambda one: one.opening)


def _bits(
    interests: Iterable[Interest], wants: Callable[[Interest], bool], kind: Callable[[Interest], object]
) -> list[list[int]]:
    """Positions by bit. ``kind``: dissectors share a bit if it is equal."""
    bits: list[list[int]] = []
    shared: dict[object, list[int]] = {}
    for position, interest in enumerate(interests):
        if not wants(interest):
            continue
        if interest.shares and (interest.starts or interest.magic or interest.after or interest.from_s):
            raise ValueError("a dissector that shares its bit selects rows by ports only")
        key = kind(interest)
        if interest.shares and key in shared:
            shared[key].append(position)
            continue
        bits.append([position])
        if interest.shares:
            shared[key] = bits[-1]
    return bits


class Stream:
    """One TCP connection, as one dissector reads it. Bytes come in order, each direction separately; gaps are reported
    once and never waited for.

    ``done``: the stream needs no more data of this connection and gets none. ``idle``: the stream needs no more data of
    the client, or of the server, until a payload matches the dissector's ``starts`` or ``magic``; the bytes between are
    reported as a gap.
    """

    done = False
    idle: Sequence[bool] = (False, False)

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        """The bytes that follow those of the last call. ``packet`` completed them. Malformed ends the stream for this
        dissector.
        """
        raise NotImplementedError

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        """``missing`` bytes were not captured; a partly parsed message is discarded."""
        return iter(())

    def finish(self) -> Iterator[Parsed]:
        """The flow ended."""
        return iter(())


class Dissector:
    """Base of all dissectors. The file name is the name of the protocol.

    ``dissect`` gets one message and yields its events; it raises Malformed and nothing else, and makes no judgment.
    Dissectors keep no state between packets; the state of a connection is kept in a Stream. ``tables``: bounded tables,
    by name, of the few that keep some.
    """

    interest: ClassVar[Interest]
    tables: Iterable[tuple[str, Table]] = ()

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        raise NotImplementedError

    def stream(self, packet: Packet) -> Stream:
        """The stream of a new connection; called only if the interest has ``stream``."""
        raise NotImplementedError
