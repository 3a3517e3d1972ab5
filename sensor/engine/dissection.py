"""Dissection: the rows that the select pass chose, each to the dissectors that want it: whole datagrams and frames at once, TCP segments through reassembly.

A packet is made only where a dissector hears it: segments of conversations that nobody wants any more, and those of a body nobody waits for, cost a glance.
A dissector that gives up a conversation is heeded at the next row, whatever the kernels had chosen before they learned it, so that the cut of batches changes
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sensor.boundary import Boundary
from sensor.core.bounded import Bounded
from sensor.core.dissector import Dissector, Said
from sensor.core.event import MalformedMessage, SenderFlood
from sensor.core.packet import Packet, Packets
from sensor.decode.deaf import Deaf
from sensor.decode.fragments import Fragments
from sensor.decode.reassembly import Assembler, Room
from sensor.decode.select import FLOODED_SENDERS, NEWCOMERS_BIT

CONVERSATIONS_LIMIT, HELD_LIMIT = 8192, 16 << 20
FRAGMENTED_LIMIT = 256
COMBINATIONS_LIMIT = 1024
UDP = 17

# (name, how it reads a packet)
_Reader = tuple[str, Callable[[Packet], Iterable[Said]]]
# The bit of a dissector of streams, its name and the unit.
_Follower = tuple[int, str, Dissector]
# The open streams of a conversation by the bit of their dissector.
_Conversation = dict[int, Assembler]


class Dissection:
    """``hear`` gets what each dissector said of a packet; ``unfollow`` (slot, flow, bits) tells the kernels which conversations need no more of their
    rows, which saves a look at each; ``keep`` sees each packet that is made.
    """

    def __init__(
        self, dissectors: dict[str, Dissector], boundary: Boundary, unfollow: Callable[[int, int, int], None], hear: Callable[[Iterable[Said]], None],
        conversations: int = CONVERSATIONS_LIMIT, held: int = HELD_LIMIT,
    ) -> None:  # fmt: skip
        self._run, self._unfollow, self._hear = boundary.run, unfollow, hear
        self.keep: Callable[[Packet], None] | None = None
        self.selected = 0
        self._fragments = Fragments(FRAGMENTED_LIMIT)
        # The order of each kind is that of its bits in the select pass.
        self._frames = [(name, unit.dissect) for name, unit in dissectors.items() if unit.interest.frames]
        self._datagrams = [(name, unit.dissect) for name, unit in dissectors.items() if unit.interest.datagrams]
        self._streamed = [(name, unit) for name, unit in dissectors.items() if unit.interest.stream]
        self._readers_of: Bounded[tuple[bool, int], tuple[_Reader, ...]] = Bounded(COMBINATIONS_LIMIT)
        self._followers_of: Bounded[int, tuple[_Follower, ...]] = Bounded(COMBINATIONS_LIMIT)
        self._conversations: Bounded[int, _Conversation] = Bounded(conversations)
        self._deaf = Deaf()
        self.early = Room(held)

    def row(self, packets: Packets, index: int, wanted: int) -> None:
        """One chosen row, and the bits of the dissectors that want it."""
        seen = packets.glance(index)
        if seen is None:
            packet = self.made(packets, index)
            if wanted >> NEWCOMERS_BIT:
                self._hear((SenderFlood(packet, FLOODED_SENDERS),))
            self._message(packet, wanted)
        else:
            self._segment(packets, index, wanted, *seen)

    def end(self, flow: int) -> None:
        """A conversation is over."""
        for bit, assembler in (self._conversations.pop(flow) or {}).items():
            self._hear(self._run(self._streamed[bit][0], assembler.finish)[0])

    def made(self, packets: Packets, index: int) -> Packet:
        """The packet of a row, which is kept for alerts."""
        packet = packets.at(index)
        if self.keep is not None:
            self.keep(packet)
        return packet

    def _message(self, packet: Packet, wanted: int) -> None:
        if packet.fragment:
            whole = self._fragments.add(packet)
            if whole is None:
                return
            packet = whole
        for name, dissect in self._readers(packet.proto == UDP and packet.ip_version > 0, wanted):
            self.selected += 1
            said, ended = self._run(name, dissect, packet, packet=packet)
            if said:
                self._hear(said)
            if not ended:
                self._hear((MalformedMessage(packet, name),))

    def _segment(self, packets: Packets, index: int, wanted: int, flow: int, slot: int, direction: int, begins: bool) -> None:
        wanted = self._deaf.left(slot, flow, wanted)
        if not wanted:
            return
        conversation = self._conversations.get(flow)
        if conversation is None:
            conversation = self._begin(flow)
        packet: Packet | None = None
        for bit, name, unit in self._followers(wanted):
            assembler = conversation.get(bit)
            if assembler is None:
                packet = packet or self.made(packets, index)
                assembler = conversation[bit] = Assembler(unit.stream(packet), unit.interest, self.early)
            elif not begins and assembler.stream.idle[direction]:
                continue
            packet = packet or self.made(packets, index)
            self.selected += 1
            said, whole = self._run(name, assembler.feed, packet, packet=packet)
            if said:
                self._hear(said)
            if not whole:
                self._hear((MalformedMessage(packet, name),))
            if not whole or assembler.stream.done:
                assembler.drop()
                del conversation[bit]
                self._deaf.give_up(slot, flow, 1 << bit)
                self._unfollow(slot, flow, 1 << bit)
        if not conversation:
            self._conversations.pop(flow)

    def _begin(self, flow: int) -> _Conversation:
        """A conversation nobody has heard of yet. The one heard longest ago makes room, without an end; where it goes on it begins anew."""
        conversation: _Conversation = {}
        went = self._conversations.put(flow, conversation)
        for assembler in went[1].values() if went is not None else ():
            assembler.drop()
        return conversation

    def _readers(self, datagram: bool, wanted: int) -> tuple[_Reader, ...]:
        """The dissectors of some bits, of datagrams or of other frames. Few combinations of bits ever occur."""
        readers = self._readers_of.get((datagram, wanted))
        if readers is None:
            readers = tuple(reader for bit, reader in enumerate(self._datagrams if datagram else self._frames) if wanted >> bit & 1)
            self._readers_of.put((datagram, wanted), readers)
        return readers

    def _followers(self, wanted: int) -> tuple[_Follower, ...]:
        """The dissectors of streams of some bits."""
        followers = self._followers_of.get(wanted)
        if followers is None:
            followers = tuple((bit, name, unit) for bit, (name, unit) in enumerate(self._streamed) if wanted >> bit & 1)
            self._followers_of.put(wanted, followers)
        return followers
