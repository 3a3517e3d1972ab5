"""NetBIOS name service (RFC 1002, 4.2): name queries, registrations, defences and releases, and node status responses.

A name is learned from its owner only: a host that registers or refreshes it for its own address, one that answers a
query with its own address, and the node that lists its names. Name servers (WINS) answer for others, so nothing is
attributed to them. Ignores the statistics of a node, except its unit id, and redirects.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sensor.core.addresses import V4, Address
from sensor.core.dissector import Dissector, Interest, Parsed
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.netbios import (
    CONTROLLERS,
    SERVER,
    WORKSTATION,
    NetbiosName,
    is_machine,
    name_at,
    plain,
    service,
)
from sensor.dissectors.shared.sender_facts import facts
from sensor.dissectors.shared.truncation import incomplete

PORT = 137
NB, NBSTAT = 0x20, 0x21
QUERY, REGISTRATION, RELEASE, WAIT, REFRESH, ALTERNATIVE_REFRESH, MULTIHOMED = 0, 5, 6, 7, 8, 9, 15
CLAIMS = (REGISTRATION, REFRESH, ALTERNATIVE_REFRESH, MULTIHOMED)
OPERATIONS = (QUERY, RELEASE, WAIT, *CLAIMS)
RESPONSE, BROADCAST, RECURSION = 0x8000, 0x0010, 0x0080
GROUP_NAME = 0x8000
ADDRESSES_LIMIT = 64
NAMES_LIMIT = 64
_HEADER = struct.Struct("!HHHHHH")
_QUESTION = struct.Struct("!HH")
_RECORD = struct.Struct("!HHIH")
_OWNER = struct.Struct("!HI")
_STATUS_NAME = struct.Struct("!16sH")


class NbnsQuery(Event):
    """A query for the owner of a name. ``status``: it requests all names of that node; ``broadcast``: it is a
    broadcast.
    """

    id: int
    name: str
    suffix: int
    status: bool
    broadcast: bool


class NbnsAnswer(Event):
    """The owners of a name: (address, whether it is a group name) of each. ``rcode`` 0: positive, 3: the name does not
    exist. ``server``: the response may come from a name server.
    """

    id: int
    name: str
    suffix: int
    rcode: int
    owners: tuple[tuple[Address, bool], ...]
    server: bool


class NbnsRegistration(Event):
    """A node registers a name, or refreshes it."""

    id: int
    name: str
    suffix: int
    group: bool
    address: Address
    refresh: bool
    broadcast: bool


class NbnsRegistered(Event):
    """The response to a registration or release. ``rcode`` 0: granted, 6: owned and defended by another node, 7: a
    conflict; ``wait``: not decided yet.
    """

    id: int
    name: str
    suffix: int
    rcode: int
    address: Address
    release: bool
    wait: bool


class NbnsRelease(Event):
    """A node releases a name."""

    id: int
    name: str
    suffix: int
    group: bool
    address: Address


class NbnsStatus(Event):
    """A node lists its names: (name, suffix, whether it is a group's). ``unit``: its MAC, 0 if not sent."""

    id: int
    names: tuple[tuple[str, int, bool], ...]
    unit: int


class Nbns(Dissector):
    """Repeats are recognized regardless of the transaction id: each broadcast is sent three times."""

    interest = Interest(udp=(PORT,), repeats_s=10, volatile=(0, 2))

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        data = packet.payload
        try:
            return iter(_read(packet, data))
        except (IndexError, struct.error):
            return incomplete(packet)


def _read(packet: Packet, data: bytes) -> list[Parsed]:
    """Parse a message. Raises IndexError or struct.error if it ends early."""
    id_, flags, question_count, answers, _, additional = _HEADER.unpack_from(data)
    operation, response, offset = flags >> 11 & 15, flags & RESPONSE, _HEADER.size
    if operation not in OPERATIONS or question_count > 1 or (question_count if response else answers):
        raise Malformed("no message of the name service")
    queried_name = None
    if question_count:
        queried_name, offset = name_at(data, offset)
        type_, _ = _QUESTION.unpack_from(data, offset)
        offset += _QUESTION.size
        if operation == QUERY:
            return [
                NbnsQuery(packet, id_, queried_name.name, queried_name.suffix, type_ == NBSTAT, bool(flags & BROADCAST))
            ]
    if not (answers if response else additional):
        raise Malformed("no record")
    name, offset = name_at(data, offset)
    type_, _, _, size = _RECORD.unpack_from(data, offset)
    offset += _RECORD.size
    if len(data) - offset < size:
        raise IndexError
    raw = data[offset : offset + size]
    if not response:
        return _claim(packet, id_, operation, bool(flags & BROADCAST), queried_name or name, raw)
    if operation == QUERY and type_ == NBSTAT:
        return _status(packet, id_, raw)
    return _answer(packet, id_, operation, flags, name, raw)


def _owners(raw: bytes) -> tuple[tuple[int, bool], ...]:
    """(address, whether it is a group name) in an NB record."""
    if len(raw) % _OWNER.size:
        raise Malformed("owner of a wrong size")
    return tuple(
        [
            (V4 | address, bool(flags & GROUP_NAME))
            for flags, address in _OWNER.iter_unpack(raw[: ADDRESSES_LIMIT * _OWNER.size])
        ]
    )


def _claim(packet: Packet, id_: int, operation: int, broadcast: bool, name: NetbiosName, raw: bytes) -> list[Parsed]:
    """A registration, refresh or release."""
    owners = _owners(raw)
    if not owners:
        raise Malformed("no owner")
    address, group = owners[0]
    if operation == RELEASE:
        return [NbnsRelease(packet, id_, name.name, name.suffix, group, address)]
    if operation not in CLAIMS:
        raise Malformed("a server's message sent as a client's")
    parsed: list[Parsed] = [
        NbnsRegistration(
            packet, id_, name.name, name.suffix, group, address, operation in (REFRESH, ALTERNATIVE_REFRESH), broadcast
        ),
    ]
    if address == packet.src:
        _facts(packet, [(name, group)], parsed)
    return parsed


def _answer(packet: Packet, id_: int, operation: int, flags: int, name: NetbiosName, raw: bytes) -> list[Parsed]:
    """The response to a query, a registration or a release. A list of owners comes from a server, and so may a response
    with recursion available.
    """
    rcode = flags & 15
    if operation == WAIT:  # its record repeats the flags of the request (RFC 1002, 4.2.16)
        return [NbnsRegistered(packet, id_, name.name, name.suffix, rcode, 0, False, True)]
    owners = _owners(raw)
    address, group = owners[0] if owners else (0, False)
    parsed: list[Parsed]
    if operation == QUERY:
        parsed = [NbnsAnswer(packet, id_, name.name, name.suffix, rcode, owners, bool(flags & RECURSION))]
        own = not rcode
    else:
        parsed = [NbnsRegistered(packet, id_, name.name, name.suffix, rcode, address, operation == RELEASE, False)]
        own = False  # a grant is about another node; a defense repeats the address of the requester
    if own and len(owners) == 1 and address == packet.src and packet.sport == PORT:
        _facts(packet, [(name, group)], parsed)
    return parsed


def _status(packet: Packet, id_: int, raw: bytes) -> list[Parsed]:
    """The names of the node that answers."""
    count = min(raw[0], NAMES_LIMIT)
    if len(raw) < 1 + count * _STATUS_NAME.size:
        raise IndexError
    names = [
        (plain(name), bool(flags & GROUP_NAME))
        for name, flags in _STATUS_NAME.iter_unpack(raw[1 : 1 + count * _STATUS_NAME.size])
    ]
    unit = int.from_bytes(raw[1 + raw[0] * _STATUS_NAME.size :][:6], "big")
    parsed: list[Parsed] = [
        NbnsStatus(packet, id_, tuple([(name.name, name.suffix, group) for name, group in names]), unit)
    ]
    if packet.sport == PORT:
        _facts(packet, names, parsed)
    return parsed


def _facts(packet: Packet, names: list[tuple[NetbiosName, bool]], parsed: list[Parsed]) -> None:
    """Facts about the owner of these names."""
    pairs: dict[tuple[str, str], None] = {}
    for name, group in names:
        if name.suffix in (WORKSTATION, SERVER) and not group and is_machine(name):
            pairs["netbios.hostname", name.name] = None
        elif name.suffix == WORKSTATION and group and is_machine(name):
            pairs["netbios.domain", name.name] = None
        elif name.suffix == CONTROLLERS and group and is_machine(name):
            pairs["netbios.role", "domain_controller"] = None
        pairs["netbios.service", service(name.suffix, group)] = None
    parsed += facts(packet, pairs)
