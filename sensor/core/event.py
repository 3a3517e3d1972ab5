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
    """Raised by the caller of dissectors: ``dissector`` found that this message violates its protocol."""

    dissector: str


class FragmentFault(Event):
    """Raised where fragments are put together: the datagram of this one was dropped. ``fault``: ``overlapping`` (one
    fragment begins inside of another and holds other bytes) or ``oversized`` (it ends behind 65,535 bytes).
    """

    fault: str


class SenderFlood(Event):
    """Raised by the select pass: within a second of packet time more new source MACs appeared than any segment has;
    from the one of this packet on, new senders are read only once they appear again. ``senders``: how many came before
    it in that second.
    """

    senders: int


class Derived(Event):
    """Base of events that no protocol contains: a deriver made them of ``origin`` and of earlier events."""

    origin: Event


@functools.cache
def kind_of(event: type[Event]) -> str:
    """The dotted kind of an event class."""
    first, *rest = re.findall(r"[A-Z][a-z0-9]*", event.__name__)
    return f"{first.lower()}.{'_'.join(word.lower() for word in rest)}" if rest else first.lower()
