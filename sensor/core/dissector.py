"""What a dissector is: an Interest (which rows it wants) and a way to read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import msgspec

from sensor.core.event import Event
from sensor.core.observation import Observation
from sensor.core.packet import Packet

Parsed = Event | Observation


class Interest(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows a dissector wants. A row that matches any one of the conditions is selected; ports only suggest, the
    dissector decides by content.

    ``ethertypes``: also destination SAPs of 802.2 frames (0x42: spanning tree) and SNAP protocol ids. Where the id is a
    company's own, the payload begins with the company's three bytes and the id's two, since companies use the same
    numbers (0x2000: CDP of Cisco, FDP of Foundry).
    ``starts``: first bytes of a UDP or TCP payload, 4 to 8 of them. ``magic``: (offset, 4 bytes) inside a UDP or TCP
    payload.
    ``repeats_s``: an identical payload from the same sender within so many seconds is dropped before it becomes a
    Packet (0: never), where the bytes ``volatile`` (first, stop) of the payload do not count: a transaction id, for
    example.
    ``stream``: TCP rows go through reassembly to ``Stream`` objects; otherwise TCP rows are never selected.
    ``opening``: only so many payloads (1 to 4) from the first of each direction on, and from each one that ``starts``
    or ``magic`` recognise, are wanted, where payloads of less than 1,008 bytes count in proportion; what follows in
    between is a gap. Bodies cost nothing this way. 0: all.
    ``tcp_heads``: TCP headers as payload, for ``dissect``: of SYNs without data whose window and options their sender
    has not shown within ``repeats_s``, and of segments without data whose flags are impossible; of each at most 512 new
    ones a second, and 2 during a flood. The others are counted as shed.
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
    tcp_heads: bool = False

    @property
    def frames(self) -> bool:
        """Whether rows are wanted that are neither UDP nor TCP segments."""
        return bool(self.ethertypes or self.protocols or self.icmp or self.icmp6 or self.tcp_heads)

    @property
    def datagrams(self) -> bool:
        """Whether rows of UDP are wanted: by port, or by content where no stream is read."""
        return bool(self.udp) or (not self.stream and bool(self.starts or self.magic))

    def begins(self, payload: bytes) -> bool:
        """Whether a payload is one that ``starts`` or ``magic`` recognise."""
        return payload.startswith(self.starts) or any(
            payload[offset : offset + 4] == value for offset, value in self.magic
        )


class Stream:
    """One TCP connection, as one dissector reads it. Bytes come in order, each direction separately; gaps are reported
    once and never waited for.

    ``done``: the stream needs no more data; no further bytes of this connection are fed to it. ``idle``: the same for
    data of the client, and of the server sends, until a payload that the dissector's ``starts`` or ``magic`` recognise;
    what is between comes as a gap.
    """

    done = False
    idle: Sequence[bool] = (False, False)

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        """Bytes that follow those of the last call. ``packet`` is the one that completed them. Malformed ends the
        stream for this dissector.
        """
        raise NotImplementedError

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        """``missing`` bytes will never come; whatever was half read is void."""
        return iter(())

    def finish(self) -> Iterator[Parsed]:
        """The flow ended."""
        return iter(())


class Dissector:
    """Base of all dissectors. The file name is the name of the protocol.

    ``dissect`` gets one message and yields its events; it raises Malformed and nothing else, and never evaluates.
    Dissectors keep no state between packets; per-conversation state lives in a Stream.
    """

    interest: ClassVar[Interest]

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        raise NotImplementedError

    def stream(self, packet: Packet) -> Stream:
        """A new connection; called only for dissectors with ``stream`` in their interest."""
        raise NotImplementedError
