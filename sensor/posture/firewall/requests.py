"""From contacts to firewall requests. Hosts that share a peer share a request, whatever their type.

An external address is blocked entirely, in both directions, unless a service is named: a client that uses one port
today may use another tomorrow. Between internal hosts only the observed service is blocked, so that the server remains
available to others.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sensor.core import addresses
from sensor.core.service_names import service_text
from sensor.core.type_labels import type_label
from sensor.posture.firewall.model import (
    PROTOCOLS,
    Block,
    Host,
    Match,
    Request,
    Rule,
    apart,
    block_text,
    host_block,
    request_id,
)

# Limits of ends and of reasons in one request; the number of others is reported.
ENDS_LIMIT, REASONS_LIMIT = 256, 16
# Blocks without external hosts: this network, multicast, reserved (RFC 1122, 5771), and unallocated IPv6 space (RFC
# 4291, 2.4).
UNASSIGNED: tuple[Block, ...] = tuple(
    map(ipaddress.ip_network, ("0.0.0.0/8", "224.0.0.0/3", "::/3", "4000::/2", "8000::/1"))
)
# All addresses.
WHOLE: tuple[Block, ...] = (ipaddress.IPv4Network("0.0.0.0/0"), ipaddress.IPv6Network("::/0"))


class Contact(NamedTuple):
    """A host and the peer to block it from. ``service``: ``protocol << 16 | port`` of the server, 0 if unknown;
    ``outside``: the peer is external; ``inbound``: the peer is the client; ``alert``: its id, empty for contacts from
    the baseline.
    """

    machine: Host
    peer: Host
    service: int
    outside: bool = False
    inbound: bool = False
    alert: str = ""
    reason: str = ""


class Spec(NamedTuple):
    """The operator's parameters. ``match``: block only that service; ``block``: the peer, regardless of observations;
    ``everyone``: also hosts without observed contacts; ``allow``: exempt hosts.
    """

    made: datetime
    expires: datetime | None = None
    comment: str = ""
    match: Match | None = None
    block: Block | None = None
    everyone: bool = False
    allow: tuple[Host, ...] = ()


def requests_of(contacts: Sequence[Contact], spec: Spec) -> list[Request]:
    """External peers: one request per address, or for all addresses that the same alerts name for the same machines.
    Internal peers: one for all that used the same service of the same server.
    """
    peers = {**_used(contacts), **_shared(contacts)}
    groups: dict[tuple[str, ...], list[Contact]] = {}
    for one in contacts:
        groups.setdefault(_key(one, peers[one], spec), []).append(one)
    return [_request(" ".join(key), some, spec) for key, some in groups.items()]


def request_without_contacts(spec: Spec, block: Block, *, outside: bool) -> Request:
    """Block a network range without observed contacts, for all hosts."""
    spec = spec._replace(block=block, everyone=True)
    request = _made(_block_key(block, spec), (), (), spec.match or Match(), spec)
    return request._replace(outside=outside, direction="outbound" if outside else "internal")


def request_of_service(
    servers: Iterable[Host], users: Iterable[Host], match: Match, spec: Spec, reasons: Iterable[str]
) -> Request:
    """Block a service of some hosts for all clients; ``users``: observed clients."""
    spared = {one.key for one in spec.allow}
    machines, peers = _parties(one for one in users if one.key not in spared), _parties(servers)
    left_out = len(machines[ENDS_LIMIT:]) + len(peers[ENDS_LIMIT:])
    machines, peers = machines[:ENDS_LIMIT], peers[:ENDS_LIMIT]
    request = _made(
        f"service {match.text} {' '.join(one.key for one in peers)}",
        machines,
        peers,
        match,
        spec._replace(everyone=True),
    )
    seen = (_seen(match.proto << 16 | match.port),)
    return request._replace(
        direction="internal", reasons=tuple(dict.fromkeys(reasons))[:REASONS_LIMIT], seen=seen, left_out=left_out
    )


def request_of_outside(
    machines: Iterable[Host], inside: Iterable[Block], spec: Spec, seen: Iterable[int], reasons: Iterable[str]
) -> Request:
    """Block the external traffic of hosts, that is, all but ``inside``; ``seen``: external services that they use."""
    match, parties = spec.match or Match(), _parties(machines)
    name = request_id(f"outside {match.text} {' '.join(one.key for one in parties)}")
    mine, far = parties[:ENDS_LIMIT], _all_but([*UNASSIGNED, *inside, *_blocks(spec.allow)])
    title = (
        f"block {match.text} from {_many(mine)} to all external "
        f"addresses{f' except {_many(spec.allow)}' if spec.allow else ''}"
    )
    rules, why = tuple(_rules(name, [(_blocks(mine), far)], match)), tuple(dict.fromkeys(reasons))[:REASONS_LIMIT]
    observed = tuple(map(_seen, dict.fromkeys(seen)))
    request = Request(
        name,
        title,
        False,
        "outbound",
        mine,
        (),
        rules,
        (),
        why,
        observed,
        frozenset(),
        spec.made,
        spec.expires,
        spec.comment,
    )
    return request._replace(left_out=len(parties[ENDS_LIMIT:]), allowed=spec.allow)


def _used(contacts: Iterable[Contact]) -> dict[Contact, str]:
    """Internal peers of which the host used the same service, as one text for all their contacts."""
    found: dict[tuple[str, int], set[str]] = {}
    inside = [one for one in contacts if not one.outside]
    for one in inside:
        found.setdefault((one.machine.key, one.service), set()).add(one.peer.key)
    texts = {use: " ".join(sorted(peers)) for use, peers in found.items()}
    return {one: texts[one.machine.key, one.service] for one in inside}


def _shared(contacts: Iterable[Contact]) -> dict[Contact, str]:
    """External peers: other addresses that the same alerts name for the same hosts, such as the sources of
    one flood; as one text for all their contacts.
    """
    outside = [one for one in contacts if one.outside]
    alerts_of: dict[str, set[tuple[str, str]]] = {}
    for one in outside:
        alerts_of.setdefault(one.peer.key, set()).add((one.machine.key, one.alert))
    alike: dict[frozenset[tuple[str, str]], list[str]] = {}
    for peer, pairs in alerts_of.items():
        alike.setdefault(frozenset(pairs), []).append(peer)
    texts = {peer: text for peers in alike.values() for text in [" ".join(sorted(peers))] for peer in peers}
    return {one: texts[one.peer.key] for one in outside}


def _key(contact: Contact, peers: str, spec: Spec) -> tuple[str, ...]:
    """Key of the request that a contact belongs to, in parts: the text of thousands of peers is not copied for each."""
    if spec.block is not None:
        return (_block_key(spec.block, spec),)
    match = _match(contact, spec)
    return _direction(contact) if match.proto else "both", match.text, peers


def _block_key(block: Block, spec: Spec) -> str:
    return f"block {block} {(spec.match or Match()).text}"


def _match(contact: Contact, spec: Spec) -> Match:
    if spec.match is not None:
        return spec.match
    return (
        Match() if contact.outside or spec.block is not None else Match(contact.service >> 16, contact.service & 0xFFFF)
    )


def _direction(contact: Contact) -> str:
    if not contact.outside:
        return "internal"
    return "inbound" if contact.inbound else "outbound"


def _request(key: str, contacts: Sequence[Contact], spec: Spec) -> Request:
    machines, peers = _parties(one.machine for one in contacts), _parties(one.peer for one in contacts)
    left_out = len(machines[ENDS_LIMIT:]) + len(peers[ENDS_LIMIT:])
    machines, peers = machines[:ENDS_LIMIT], peers[:ENDS_LIMIT]
    directions = dict.fromkeys(map(_direction, contacts))
    request = _made(key, machines, peers, _match(contacts[0], spec), spec, frozenset(one.inbound for one in contacts))
    return request._replace(
        outside=any(one.outside for one in contacts),
        direction=" and ".join(directions),
        alerts=tuple(dict.fromkeys(one.alert for one in contacts if one.alert)),
        reasons=tuple(dict.fromkeys(one.reason for one in contacts if one.reason))[:REASONS_LIMIT],
        seen=tuple(dict.fromkeys(_seen(one.service) for one in contacts if one.service)),
        alerted=frozenset(_alerted(one) for one in contacts if one.alert),
        left_out=left_out,
    )


def _made(
    key: str,
    machines: tuple[Host, ...],
    peers: tuple[Host, ...],
    match: Match,
    spec: Spec,
    inbound: frozenset[bool] = frozenset((False,)),
) -> Request:
    """A request without its reasons. ``inbound``: blocked directions, if only one protocol is blocked."""
    name = request_id(key)
    near = (_all_but(_blocks(spec.allow)) if spec.allow else None) if spec.everyone else _blocks(machines)
    far = [spec.block] if spec.block is not None else _blocks(peers)
    ways = inbound if match.proto else frozenset((False, True))
    rules = tuple(_rules(name, [(far, near) if way else (near, far) for way in sorted(ways)], match))
    who = f"any host{f' except {_many(spec.allow)}' if spec.allow else ''}" if spec.everyone else _many(machines)
    groups_of = _many(peers) if spec.block is None else _whole(spec.block, peers)
    if len(ways) > 1:
        ends = f"between {who} and {groups_of}"
    elif True in ways:
        ends = f"from {groups_of} to {who}"
    else:
        ends = f"from {who} to {groups_of}"
    title = f"block {match.text} {ends}"
    request = Request(
        name, title, False, "", machines, peers, rules, (), (), (), frozenset(), spec.made, spec.expires, spec.comment
    )
    return request._replace(allowed=spec.allow)


def _parties(parties: Iterable[Host]) -> tuple[Host, ...]:
    """Distinct parties in order of addresses, each with all its addresses."""
    found: dict[str, Host] = {}
    for party in parties:
        known = found.get(party.key, party)
        found[party.key] = known._replace(addresses=tuple(dict.fromkeys(known.addresses + party.addresses)))
    return tuple(sorted(found.values(), key=lambda one: one.addresses))


def _blocks(parties: Iterable[Host]) -> list[Block]:
    return [host_block(address) for party in parties for address in party.addresses]


def _all_but(left_out: Iterable[Block]) -> list[Block]:
    """All addresses except some, in as few blocks as possible: no format then needs a rule that allows."""
    found = list(WHOLE)
    for hole in left_out:
        found = [piece for block in found for piece in _around(hole, block)]
    return found


def _around(hole: Block, block: Block) -> Iterable[Block]:
    """The rest of a block around another one; two blocks are nested or disjoint."""
    if hole.version != block.version or not hole.overlaps(block):
        return (block,)
    return () if hole.prefixlen <= block.prefixlen else block.address_exclude(hole)  # type: ignore[arg-type]  # of one family


def _any(blocks: tuple[Block, ...] | None) -> tuple[Block, ...]:
    """Empty, which is any address, if the blocks cover all addresses."""
    return () if blocks is None or blocks[0].prefixlen == 0 else blocks


def _rules(name: str, pairs: Iterable[tuple[list[Block] | None, list[Block] | None]], match: Match) -> Iterator[Rule]:
    """Rules of each family in which both ends have addresses; None is any address."""
    number = 0
    for left, right in pairs:
        for version in (4, 6):
            sources, destinations = (
                None if side is None else apart(one for one in side if one.version == version) for side in (left, right)
            )
            if sources != () and destinations != ():
                number += 1
                yield Rule(f"{name}-{number}", version, _any(sources), _any(destinations), match)


def _alerted(contact: Contact) -> tuple[str, str, int]:
    ends = contact.machine.key, contact.peer.key
    return (ends[1], ends[0], contact.service) if contact.inbound else (*ends, contact.service)


def _seen(service: int) -> str:
    return service_text(service) if service & 0xFFFF else PROTOCOLS.get(service >> 16, "")


def _many(parties: Sequence[Host]) -> str:
    """``10.20.10.62 (door, camera)``, or ``3 machines (2 cameras, 1 workstation)``."""
    if len(parties) == 1:
        return parties[0].text
    kinds = Counter((type_label(one.kind) if one.kind != "unknown" else "") or "address" for one in parties)
    counted = ", ".join(f"{count} {kind}{_plural(kind, count)}" for kind, count in kinds.most_common())
    return f"{len(parties)} hosts ({counted})" if len(kinds) > 1 else counted


def _whole(block: Block, peers: Sequence[Host]) -> str:
    """A block, with its name if it is a single host."""
    if len(peers) == 1 and block.num_addresses == 1:
        return peers[0]._replace(addresses=(addresses.parse_network(str(block))[0],)).text
    return block_text(block)


def _plural(kind: str, count: int) -> str:
    return "" if count == 1 else "es" if kind.endswith(("s", "ch")) else "s"
