"""Event: one observation of a protocol. Each dissector defines its own subclasses; detectors subscribe to them by
class.
"""

from __future__ import annotations

import functools
import re

import msgspec

from sensor.core.packet import Packet


class Event(msgspec.Struct, gc=False):
    """Base of all events: the packet that contains it, then typed fields in the subclass.

    The class name gives the kind: ``DhcpOffer`` → ``dhcp.offer``, ``SmbTreeConnect`` → ``smb.tree_connect``.
    """

    packet: Packet

    @property
    def ts(self) -> int:
        return self.packet.ts

    @property
    def kind(self) -> str:
        return kind_of(type(self))


class MalformedMessage(Event):
    """Raised by the code that calls dissectors: ``dissector`` found that this message violates its protocol."""

    dissector: str


# Fragments to one host within a second whose datagrams have no beginning.
UNFINISHED = 500


class FragmentFault(Event):
    """Raised by IP reassembly, which dropped the datagram of this fragment. ``fault``: ``overlapping`` (a fragment
    begins inside another and has different bytes), ``oversized`` (it ends after byte 65,535) or ``unfinished`` (it is
    the last of UNFINISHED).
    """

    fault: str


class SenderFlood(Event):
    """Raised by the select pass: within a second of packet time more new source MACs appeared than a segment can have.
    From this packet on, new senders are read only when they appear again. ``senders``: number of new ones before it in
    that second.
    """

    senders: int


class Derived(Event):
    """Base of events without their own message: a deriver made them from ``origin`` and earlier events."""

    origin: Event


@functools.cache
def kind_of(event: type[Event]) -> str:
    """The dotted kind of an event class."""
    first, *rest = re.findall(r"[A-Z][a-z0-9]*", event.__name__)
    return f"{first.lower()}.{'_'.join(word.lower() for word in rest)}" if rest else first.lower()
