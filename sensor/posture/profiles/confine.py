"""Whether a connection complies with the profile of a device: connections that the device opens must be accepted by its
``from-device`` lists, connections to it by its ``to-device`` lists; replies belong to their request.

The first matching entry of a list decides, and what no list accepts is not allowed. There are three answers: a result
that depends on an unresolved name, or on an unknown vendor, is undecided.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from sensor.core import addresses
from sensor.core.addresses import Networks, is_v4
from sensor.core.detector import ProfileViolation
from sensor.core.flow import Flow
from sensor.core.observation import Subject
from sensor.posture.profiles.installed import DEVICE, PRODUCT, TYPE, Installed
from sensor.posture.profiles.model import (
    ANY,
    BLOCK,
    CLASSES,
    CONTROLLER,
    FROM_DEVICE,
    LOCAL,
    MAKER,
    MODEL,
    MY_CONTROLLER,
    NAME,
    SAME_MAKER,
    TO_DEVICE,
    AccessList,
    Entry,
    Peer,
    Ports,
)


class Answer(enum.IntEnum):
    """Ordered: the least answer of several conditions applies, the greatest of several lists."""

    NO = 0
    UNKNOWN = 1
    YES = 2


class Machine(Protocol):
    """Required data of a device."""

    @property
    def id(self) -> str: ...
    @property
    def type(self) -> str: ...
    def value(self, name: str) -> str: ...


class NetworkData(Protocol):
    """Required data of the network."""

    @property
    def networks(self) -> Networks: ...
    def device(self, subject: Subject) -> Machine | None: ...
    def names_of(self, address: int) -> tuple[str, ...]: ...


class Conversation(NamedTuple):
    """A connection from the device's view. ``near``, ``far``: ports of the device and of the peer, 0 if unknown;
    ``names``: of the peer.
    """

    device: Machine
    other: Subject
    proto: int
    near: int
    far: int
    names: tuple[str, ...]


class Confines:
    """Applies installed profiles: the Profiles of core/detector.py."""

    def __init__(self, world: NetworkData, installed: Iterable[Installed] = ()) -> None:
        self._world = world
        self._by: dict[tuple[str, str], Installed] = {one.target: one for one in installed}

    def become(self, installed: Iterable[Installed]) -> None:
        """Replace the installed profiles."""
        self._by = {one.target: one for one in installed}

    def __len__(self) -> int:
        return len(self._by)

    def of(self, device: Machine) -> Installed | None:
        """The profile of the device, otherwise of its product, otherwise of its type."""
        product = f"{device.value('vendor')} {device.value('model')}".strip().casefold()
        pairs = ((DEVICE, device.id), (PRODUCT, product), (TYPE, device.type))
        return next((one for pair in pairs if (one := self._by.get(pair)) is not None), None)

    def has(self, device: Machine) -> bool:
        return self.of(device) is not None

    def breach(self, flow: Flow, *, serves: bool) -> ProfileViolation | None:
        """How a connection violates the profile of the client, or with ``serves`` of the server; None if it complies,
        or there is no profile.
        """
        ends = Subject(flow.client_mac, flow.client, flow.vlan), Subject(flow.server_mac, flow.server, flow.vlan)
        mine, other = reversed(ends) if serves else ends
        ports = flow.client_port, flow.server_port
        near, far = reversed(ports) if serves else ports
        device = self._world.device(mine)
        installed = self.of(device) if device is not None else None
        if device is None or installed is None:
            return None
        return self.evaluate(
            installed,
            Conversation(device, other, flow.proto, near, far, self._world.names_of(other.address)),
            begins=not serves,
        )

    def evaluate(self, installed: Installed, conversation: Conversation, *, begins: bool) -> ProfileViolation | None:
        """``begins``: the device opened the connection."""
        lists = [one for one in installed.profile.lists if one.way == (FROM_DEVICE if begins else TO_DEVICE)]
        if not lists:
            return None  # the profile has no list for this direction
        answer = max(self._answer_of(one, installed, conversation, begins=begins) for one in lists)
        if answer == Answer.YES or (
            answer == Answer.UNKNOWN and self._world.networks.inside(conversation.other.address)
        ):
            return None
        return ProfileViolation(installed.text, " and ".join(one.name for one in lists), answer == Answer.NO)

    def _answer_of(self, one: AccessList, installed: Installed, conversation: Conversation, *, begins: bool) -> Answer:
        """The decision of a list: the first entry that matches, if the match is certain."""
        doubt = Answer.NO
        for entry in one.entries:
            met = self._met(entry, installed, conversation, begins=begins)
            if met == Answer.YES and entry.accept:
                return Answer.YES
            if met == Answer.YES and not entry.unread:  # an unsupported condition may spare this connection
                return doubt
            if met == Answer.UNKNOWN and entry.accept:
                doubt = Answer.UNKNOWN
        return doubt

    def _met(self, entry: Entry, installed: Installed, conversation: Conversation, *, begins: bool) -> Answer:
        version = 4 if is_v4(conversation.other.address) else 6
        plain = (
            entry.version in (0, version)
            and entry.proto in (0, conversation.proto)
            and entry.begun in ("", FROM_DEVICE if begins else TO_DEVICE)
            and _within(entry.near, conversation.near)
            and _within(entry.far, conversation.far)
        )
        return (
            min((self._is(peer, installed, conversation) for peer in entry.peers), default=Answer.YES)
            if plain
            else Answer.NO
        )

    # Peers.

    def _is(self, peer: Peer, installed: Installed, conversation: Conversation) -> Answer:
        address, inside = conversation.other.address, self._world.networks.inside(conversation.other.address)
        if peer.kind == ANY:
            return Answer.YES
        if peer.kind == NAME:
            return _answer(peer.value in conversation.names) if conversation.names else Answer.UNKNOWN
        if peer.kind == BLOCK:
            return _answer(_holds([addresses.parse_network(peer.value)], address))
        if peer.kind == LOCAL:
            return _answer(inside)
        if peer.kind in (CONTROLLER, MY_CONTROLLER):
            return self._in_charge(peer, installed, address, inside=inside)
        return self._made_by(peer, installed, conversation) if inside else Answer.NO

    def _in_charge(self, peer: Peer, installed: Installed, address: int, *, inside: bool) -> Answer:
        """DNS and NTP servers are those of the network, unless the operator names them; other classes are undecided
        unless the operator names their members.
        """
        known = installed.controllers.get(peer.value or MY_CONTROLLER)
        if known is not None:
            return _answer(_holds(known, address))
        return _answer(inside) if peer.value in CLASSES else Answer.UNKNOWN

    def _made_by(self, peer: Peer, installed: Installed, conversation: Conversation) -> Answer:
        """The vendor of a peer is known from the URL of its profile or, for the same vendor, from what devices
        announce.
        """
        other = self._world.device(conversation.other)
        theirs = self.of(other) if other is not None else None
        if (
            peer.kind == SAME_MAKER
            and other is not None
            and (maker := other.value("vendor"))
            and (mine := conversation.device.value("vendor"))
        ):
            return _answer(maker == mine)
        if theirs is None:
            return Answer.UNKNOWN
        if peer.kind == MODEL:
            return _answer(theirs.profile.url == peer.value)
        return _answer(
            _authority(theirs.profile.url) == (peer.value if peer.kind == MAKER else _authority(installed.profile.url))
        )


def _answer(yes: bool) -> Answer:
    return Answer.YES if yes else Answer.NO


def _within(ports: Ports, port: int) -> bool:
    """An unknown port may match."""
    return not ports or not port or any(low <= port <= high for low, high in ports)


def _holds(spans: Sequence[tuple[int, int]], address: int) -> bool:
    return any(low <= address <= high for low, high in spans)


def _authority(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""
