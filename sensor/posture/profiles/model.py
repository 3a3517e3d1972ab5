"""A profile: permitted traffic of a device, according to its vendor or the operator. Access lists have ordered entries,
and the first that matches a packet decides.

The terms are those of RFC 8520: what a device sends is subject to its ``from-device`` lists, what it receives to its
``to-device`` lists.
"""

from __future__ import annotations

from typing import NamedTuple

FROM_DEVICE, TO_DEVICE = "from-device", "to-device"
# How an entry identifies a peer. ``any``: any host; ``name``: by DNS; ``block``: by address; the others are those of
# RFC 8520, section 4.
ANY, NAME, BLOCK = "any", "name", "block"
LOCAL, SAME_MAKER, MAKER, MODEL = "local-networks", "same-manufacturer", "manufacturer", "model"
CONTROLLER, MY_CONTROLLER = "controller", "my-controller"
# Classes that every network has (RFC 8520, section 8), with the port of their service.
CLASSES = {"urn:ietf:params:mud:dns": 53, "urn:ietf:params:mud:ntp": 123}

# Inclusive port ranges; empty: every port.
Ports = tuple[tuple[int, int], ...]


class Peer(NamedTuple):
    """A peer of an entry. ``value``: the name, the block, the domain or URL, the class of controllers."""

    kind: str = ANY
    value: str = ""

    @property
    def text(self) -> str:
        if self.kind == ANY:
            return "any host"
        return self.value if self.kind in (NAME, BLOCK) else f"{self.kind} {self.value}".strip()


class Entry(NamedTuple):
    """Packets of a device to ``peers``, or from them; a peer must match all of these. ``version``: of IP, 0 for both;
    ``proto``: 0 for all; ``near``: ports of the device, ``far``: of the peer; ``begun``: which end opens the
    connection, empty for either; ``unread``: unsupported conditions.
    """

    name: str
    accept: bool = True
    version: int = 0
    proto: int = 0
    near: Ports = ()
    far: Ports = ()
    begun: str = ""
    peers: tuple[Peer, ...] = ()
    unread: tuple[str, ...] = ()


class AccessList(NamedTuple):
    """``way``: direction, FROM_DEVICE or TO_DEVICE."""

    name: str
    way: str
    entries: tuple[Entry, ...]


class Profile(NamedTuple):
    """``updated``: its date according to the file; ``validity``: hours; ``lists``: in order; ``unread``: names of
    unsupported contents.
    """

    url: str
    updated: str
    lists: tuple[AccessList, ...]
    validity: int = 48
    info: str = ""
    vendor: str = ""
    model: str = ""
    firmware: str = ""
    unread: tuple[str, ...] = ()

    @property
    def controllers(self) -> tuple[str, ...]:
        """Classes of controllers for which the operator has to name hosts."""
        peers = [peer for one in self.lists for entry in one.entries for peer in entry.peers]
        named = {peer.value for peer in peers if peer.kind == CONTROLLER} - CLASSES.keys()
        return (*((MY_CONTROLLER,) if any(peer.kind == MY_CONTROLLER for peer in peers) else ()), *sorted(named))
