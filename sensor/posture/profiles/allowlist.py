"""From observations to an allow-list for firewalls: needed access is accepted, all other traffic of the devices is
dropped and logged.

Internal servers are allowed by their observed addresses. Clients of the devices' services are allowed from the whole
internal network, unless few hosts manage the devices. External servers are identified by name: if a format does not
support names, the service is allowed to any external address, which a note reports.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from sensor.core.addresses import Networks, is_v4, text
from sensor.inventory.identity import is_link_local
from sensor.posture.firewall.model import Block, Host, Match, Request, Rule, apart, host_block, request_id
from sensor.posture.profiles.model import ANY, BLOCK, LOCAL, NAME
from sensor.posture.profiles.observed import MEDIA, Observed, ObservedService, service_name

# Limit of internal hosts that a rule names individually; more of them are the whole internal network, which a note
# reports.
MACHINES_LIMIT = 64
Blocks = tuple[Block, ...]


def allow_list(seen: Observed, machines: Sequence[Host], networks: Networks, title: str, made: datetime) -> Request:
    """``machines``: the devices with their addresses."""
    name = request_id(f"allow {title} {' '.join(party.key for party in machines)}")
    rules: list[Rule] = []
    for version in (4, 6):
        mine = _hosts(machines, version)
        if mine:
            rules += _rules(seen.needs, mine, _inside(networks, version), version)
    rules = [rule._replace(name=f"{name}-{number}") for number, rule in enumerate(dict.fromkeys(rules), 1)]
    purpose = f"allow the observed traffic of {title} only"
    request = Request(
        name, purpose, False, "both", tuple(machines), (), tuple(rules), (), (), (), frozenset(), made, None
    )
    return request._replace(
        notes=tuple(note.replace("%", " percent") for note in (seen.confidence.text, *_notes(seen)))
    )


def _notes(seen: Observed) -> Iterator[str]:
    if seen.confidence.missing:
        yield seen.confidence.missing
    names = {need.peer.value for need in seen.needs if need.peer.kind == NAME}
    if names:
        yield (
            f"external names: {' '.join(sorted(names))}: formats without host names allow their services "
            "to any external address"
        )
    for need in seen.needs:
        if len(need.who) > MACHINES_LIMIT and not (need.serves and need.peer.kind == LOCAL):
            hosts = f"{len(need.who):,} internal hosts"
            yield f"{service_name(need.service)} is allowed with the whole internal network: observed with {hosts}"
    yield from (f"skipped: {what}, because of {alert}" for what, alert in seen.left_out)
    if any(need.service == MEDIA for need in seen.needs):
        yield "calls negotiate their ports, so all UDP is allowed between call peers"
        return
    yield "no service is learned at ephemeral ports (32768 and above): media (RTP) and passive FTP there are dropped"


def _rules(needs: Iterable[ObservedService], mine: Blocks, inside: Blocks, version: int) -> Iterator[Rule]:
    """Rules of one address family: internal uses, external uses, offered services, then drop."""
    used, served = [need for need in needs if not need.serves], [need for need in needs if need.serves]
    near = [need for need in used if need.peer.kind not in (ANY, NAME, BLOCK)]
    for need in near:
        if target := _machines(need, inside, version):
            yield Rule("", version, mine, target, _match(need), True)
    far = [need for need in used if need.peer.kind in (ANY, NAME, BLOCK)]
    if far and inside:
        yield Rule("", version, mine, inside, Match())
    yield from _outside(far, mine, version)
    yield Rule("", version, mine, (), Match())
    for need in served:
        clients = (
            () if need.peer.kind == ANY else inside if need.peer.kind == LOCAL else _machines(need, inside, version)
        )
        if clients or need.peer.kind == ANY:
            yield Rule("", version, clients, mine, _match(need), True)
    yield Rule("", version, (), mine, Match())


def _match(need: ObservedService) -> Match:
    return Match(need.service >> 16, need.service & 0xFFFF)


def _outside(needs: Iterable[ObservedService], mine: Blocks, version: int) -> Iterator[Rule]:
    """One rule for all names of a service, and one for all its blocks."""
    names: dict[Match, list[str]] = {}
    blocks: dict[Match, list[Block]] = {}
    for need in needs:
        match = _match(need)
        if need.peer.kind == NAME:
            names.setdefault(match, []).append(need.peer.value)
        elif need.peer.kind == ANY:
            yield Rule("", version, mine, (), match, True)
        elif (block := ipaddress.ip_network(need.peer.value)).version == version:
            blocks.setdefault(match, []).append(block)
    yield from (Rule("", version, mine, apart(some), match, True) for match, some in blocks.items())
    yield from (Rule("", version, mine, (), match, True, tuple(some)) for match, some in names.items())


def _machines(need: ObservedService, inside: Blocks, version: int) -> Blocks:
    return _hosts(need.who, version) if len(need.who) <= MACHINES_LIMIT else inside


def _hosts(parties: Iterable[Host], version: int) -> Blocks:
    held = (
        address
        for party in parties
        for address in party.addresses
        if not is_link_local(address) and is_v4(address) == (version == 4)
    )
    return apart(host_block(address) for address in held)


def _inside(networks: Networks, version: int) -> Blocks:
    """Internal networks as blocks, without those that no router forwards."""
    found: list[Block] = []
    for low, high in networks.blocks:
        first, last = ipaddress.ip_address(text(low)), ipaddress.ip_address(text(high))
        if first.version == version and not (first.is_loopback or first.is_link_local):
            found += ipaddress.summarize_address_range(first, last)
    return apart(found)
