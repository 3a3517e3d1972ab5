"""Event: one thing a protocol said. Each dissector defines its own subclasses; detectors subscribe to them by class."""

from __future__ import annotations

import functools
import re

import msgspec

from sensor.core.packet import Packet


class Event(msgspec.Struct, gc=False):
    """Base of all events: the packet that said it, then typed facts in the subclass.

    A class name becomes the kind by its words: ``DhcpOffer`` → ``dhcp.offer``, ``SmbTreeConnect`` → ``smb.tree_connect``.
    """

    packet: Packet

    @property
    def ts(self) -> int:
        return self.packet.ts

    @property
    def kind(self) -> str:
        return kind_of(type(self))


class MalformedMessage(Event):
    """What no dissector says but the one that calls them: ``dissector`` found this message not to be what its protocol allows."""

    dissector: str


class SenderFlood(Event):
    """What no dissector says but the one that chooses rows: within a second of packet time more MACs began to speak than any segment has; from the one of this
    packet on newcomers are heard only where they show themselves again. ``senders``: how many came before it in that second.
    """

    senders: int


class Derived(Event):
    """Base of events that no protocol said: a deriver made them of ``said``, and what came before it."""

    said: Event


@functools.cache
def kind_of(event: type[Event]) -> str:
    """The dotted kind of an event class."""
    first, *rest = re.findall(r"[A-Z][a-z0-9]*", event.__name__)
    return f"{first.lower()}.{'_'.join(word.lower() for word in rest)}" if rest else first.lower()
