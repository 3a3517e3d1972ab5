"""Side effects of rules according to observed traffic: connections of the baseline that they block, and warnings.

The baseline stores the clients of each internal service. External addresses are a single peer in it: other uses of an
external address are unknown, and reported as such.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sensor.core import addresses
from sensor.core.ip_protocols import TCP, UDP
from sensor.core.service_names import service_text
from sensor.core.time_units import HOUR
from sensor.inventory.habits import OUTSIDE, Habits
from sensor.posture.firewall.model import Block, Host, Request, Rule

# From this number of clients of one service, a server is treated as busy.
MANY = 5
# A shorter observation does not cover what happens in a week.
ENOUGH_H = 72.0
# First of the ports that services get at their start (RFC 6335, section 6), such as those of RPC.
DYNAMIC = 49152
OUTSIDE_SHOWN, CUTS_NOTED, MOVED_SHOWN = 12, 20, 5
# External services that devices depend on, with their purpose.
NEEDED = {
    UDP << 16 | 123: ("synchronize time with", "allow their time servers with --allow, or configure an internal one"),
    UDP << 16 | 53: ("resolve names at", "allow their resolvers with --allow, or configure an internal one"),
    UDP << 16 | 5060: ("call", "allow their PBX and other call peers with --allow"),
    TCP << 16 | 5061: ("call", "allow their PBX and other call peers with --allow"),
}
FORWARDING = frozenset(("router", "gateway"))
SERVERS = {"DNS": ("dns_server", {TCP << 16 | 53, UDP << 16 | 53}), "DHCP": ("dhcp_server", {UDP << 16 | 67})}


class Machine(NamedTuple):
    """A device of the inventory. ``services``: that it offers, in the notation of records (``dns/53``); ``left_out``:
    number of addresses over the limit of a rule.
    """

    party: Host
    roles: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    left_out: int = 0

    @property
    def forwards(self) -> bool:
        return bool(FORWARDING & (self.roles | {self.party.kind})) or self.party.kind == "firewall"


class Seen(NamedTuple):
    """Observations of the network. ``habits``: None without a baseline; ``watched``: since and until when, ns;
    ``outputs``: destinations of the sensor, name → addresses and names; ``moved``: devices that had other addresses
    before.
    """

    machines: Mapping[str, Machine]
    habits: Mapping[str, Habits] | None = None
    watched: tuple[int, int] = (0, 0)
    outputs: Mapping[str, frozenset[str]] = {}
    moved: frozenset[str] = frozenset()


class BlockedConnection(NamedTuple):
    """A connection that would be blocked. ``times``: number of observations, about one an hour; ``meant``: it is the
    subject of an alert.
    """

    client: Host
    server: Host
    service: int
    times: int
    last: int
    meant: bool

    @property
    def text(self) -> str:
        return f"{self.client.text} uses {service_text(self.service)} of {self.server.text}"


class Simulation(NamedTuple):
    """``rests_on``: the data and its limits; ``cuts``: connections that would be blocked; ``warnings``: to read before
    the change; ``done``: False without a baseline, when side effects are unknown.
    """

    rests_on: tuple[str, ...]
    cuts: tuple[BlockedConnection, ...]
    warnings: tuple[str, ...]
    done: bool = True

    @property
    def others(self) -> list[BlockedConnection]:
        """Unintentionally blocked connections."""
        return [cut for cut in self.cuts if not cut.meant]


def simulate(request: Request, seen: Seen) -> Simulation:
    """Simulate a request on observed traffic."""
    reach = [(rule, _Side(rule.sources), _Side(rule.destinations)) for rule in request.rules]
    spared = {one.key for one in request.allowed}
    considered = (cut for cut in conversations(seen) if cut.client.key not in spared)
    cuts = _once(cut for cut in considered if any(_cuts(rule, left, right, cut) for rule, left, right in reach))
    cuts = [cut._replace(meant=_meant(request, cut)) for cut in cuts]
    return Simulation(
        tuple(_rests_on(request, seen)),
        tuple(sorted(cuts, key=_order)),
        tuple(_warnings(request, seen, cuts)),
        _watched(seen),
    )


def noted(request: Request, simulation: Simulation) -> Request:
    """The request with its simulation as comments above the rules."""
    others = simulation.others
    more = [f"also blocked: and {len(others) - CUTS_NOTED:,} more"] if len(others) > CUTS_NOTED else []
    warnings = (f"WARNING: {one}" for one in simulation.warnings)
    if not simulation.done:
        return request._replace(notes=(*(f"not simulated: {one}" for one in simulation.rests_on), *warnings))
    cuts = [*(f"also blocked: {cut.text}" for cut in others[:CUTS_NOTED]), *more] or [
        "simulated: no other observed traffic would be blocked"
    ]
    return request._replace(notes=(*(f"simulated on: {one}" for one in simulation.rests_on), *cuts, *warnings))


def _watched(seen: Seen) -> bool:
    """Whether there is a baseline."""
    return seen.habits is not None and bool(seen.watched[0])


class _Side:
    """One end of a rule, with cached answers for hosts."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._ranges = [addresses.parse_network(str(block)) for block in blocks]
        self._held: dict[Host, bool] = {}

    def holds(self, party: Host) -> bool:
        if not self._ranges:
            return True
        if party not in self._held:
            self._held[party] = any(
                first <= address <= last for address in party.addresses for first, last in self._ranges
            )
        return self._held[party]


def conversations(seen: Seen) -> Iterator[BlockedConnection]:
    """All internal connections of the baseline, reported by the client or, if that is external, by the server."""
    for name, habits in (seen.habits or {}).items():
        if name not in seen.machines:
            continue
        mine = seen.machines[name].party
        for (peer, service), use in habits.uses.items():
            if peer != OUTSIDE and (other := _party(peer, seen)) is not None:
                yield BlockedConnection(mine, other, service, use.count, use.last, meant=False)
        for service, (use, clients) in habits.serves.items():
            for client in clients:
                if client != OUTSIDE and (other := _party(client, seen)) is not None:
                    yield BlockedConnection(other, mine, service, 0, use.last, meant=False)


def _party(name: str, seen: Seen) -> Host | None:
    """An end as named in the baseline: a device, or an address without one."""
    if name in seen.machines:
        return seen.machines[name].party
    try:
        return Host("", "", "", (addresses.parse(name),))
    except ValueError:
        return None  # a device that no longer exists


def _once(cuts: Iterable[BlockedConnection]) -> list[BlockedConnection]:
    """Both ends report a connection: the client's report has the count."""
    found: dict[tuple[Host, Host, int], BlockedConnection] = {}
    for cut in cuts:
        known = found.get((cut.client, cut.server, cut.service))
        if known is None or cut.times > known.times:
            found[cut.client, cut.server, cut.service] = cut
    return list(found.values())


def _cuts(rule: Rule, left: _Side, right: _Side, cut: BlockedConnection) -> bool:
    return rule.match.covers(cut.service) and left.holds(cut.client) and right.holds(cut.server)


def _meant(request: Request, cut: BlockedConnection) -> bool:
    """Whether it is the subject of an alert; one without a port covers all ports."""
    return any(
        (cut.client.key, cut.server.key, service) in request.alerted
        for service in (cut.service, cut.service >> 16 << 16, 0)
    )


def _order(cut: BlockedConnection) -> tuple[bool, int, tuple[int, ...], tuple[int, ...]]:
    return cut.meant, cut.service & 0xFFFF, cut.server.addresses, cut.client.addresses


# Data sources.


def _rests_on(request: Request, seen: Seen) -> Iterator[str]:
    since, last = seen.watched
    if seen.habits is None or not _watched(seen):
        yield (
            "no baseline was read: what else these rules would block is unknown; use a dataset with an "
            "inventory (sensor data list)"
        )
        return
    hours = (last - since) / HOUR
    short = f": too short for daily and weekly traffic ({ENOUGH_H:g} h are enough)" if hours < ENOUGH_H else ""
    yield f"the baseline of {len(seen.habits):,} devices, observed for {hours:.1f} h until {_clock(last)}{short}"
    if request.outside:
        yield (
            "the baseline does not distinguish external addresses: other clients of this address are known "
            "from alerts only"
        )
        yield from _outside(request, seen)


def _outside(request: Request, seen: Seen) -> Iterator[str]:
    """External services of the hosts, some of which may be at this address."""
    everyone = any(not rule.sources or not rule.destinations for rule in request.rules)
    users: dict[int, int] = {}
    for name in seen.habits or {} if everyone else (party.id for party in request.machines):
        for service in (
            {used for peer, used in (seen.habits or {})[name].uses if peer == OUTSIDE}
            if name in (seen.habits or {})
            else ()
        ):
            users[service] = users.get(service, 0) + any(rule.match.covers(service) for rule in request.rules)
    hit = [
        f"{service_text(service)} ({users[service]:,})"
        for service in sorted(users, key=lambda one: one & 0xFFFF)
        if users[service]
    ]
    if hit:
        whose = "all hosts" if everyone else "the affected hosts"
        more = " and more" if len(hit) > OUTSIDE_SHOWN else ""
        yield f"{whose} use external {', '.join(hit[:OUTSIDE_SHOWN])}{more}: traffic to other addresses is not blocked"


def _clock(ts: int) -> str:
    from sensor.core.record_parts import time_text

    return f"{time_text(ts)[:16]}Z"


# Warnings.


def _warnings(request: Request, seen: Seen, cuts: Sequence[BlockedConnection]) -> Iterator[str]:
    yield from _busy(cuts)
    yield from _needed(request)
    # With exemptions, the rule covers all other hosts.
    near = () if request.allowed else (rule.sources for rule in request.rules)
    sides = [_Side(blocks) for blocks in (*near, *(rule.destinations for rule in request.rules)) if blocks]
    for machine in seen.machines.values():
        if any(side.holds(machine.party) for side in sides):
            yield from _of_machine(request, machine)
    yield from _outputs(request, seen)
    yield from _moving(request, seen)
    yield from _truncated(request, seen)
    yield from _dynamic(request)
    yield from _neighbours(request)


def _needed(request: Request) -> Iterator[str]:
    """Services that hosts need if all their external traffic is blocked."""
    for service, (what, advice) in NEEDED.items():
        name = service_text(service)
        if not request.peers and name in request.seen and any(rule.match.covers(service) for rule in request.rules):
            yield f"some {what} external hosts ({name}): {advice}"


def _busy(cuts: Sequence[BlockedConnection]) -> Iterator[str]:
    """Servers that would lose many clients."""
    lost: dict[tuple[Host, int], set[Host]] = {}
    for cut in cuts:
        lost.setdefault((cut.server, cut.service), set()).add(cut.client)
    for (server, service), clients in lost.items():
        if len(clients) >= MANY:
            yield f"cuts {len(clients)} clients off from {service_text(service)} of {server.text}"


def _of_machine(request: Request, machine: Machine) -> Iterator[str]:
    if machine.forwards:
        yield f"{machine.party.text} is a gateway or forwards packets: its clients may lose network access"
    for protocol, (role, services) in SERVERS.items():
        offers = role in machine.roles or any(service_text(service) in machine.services for service in services)
        if (
            offers
            and any(rule.match.covers(service) for rule in request.rules for service in services)
            and _served(request, machine.party)
        ):
            yield f"{machine.party.text} is a {protocol} server, and these rules block this service too"


def _served(request: Request, party: Host) -> bool:
    """Whether a party is on the server side of a rule."""
    return any(rule.destinations and _Side(rule.destinations).holds(party) for rule in request.rules)


def _outputs(request: Request, seen: Seen) -> Iterator[str]:
    """Destinations of the sensor, by address, or by the name of a host."""
    for name, places in seen.outputs.items():
        for place in sorted(places):
            try:
                parties = [Host("", "", "", (addresses.parse(place),))]
            except ValueError:
                parties = [
                    one.party
                    for one in seen.machines.values()
                    if one.party.name and place.partition(".")[0] == one.party.name.casefold()
                ]
            if any(_served(request, party) for party in parties):
                yield (
                    f"the output {name} of this sensor delivers to {place}: whether these rules block it "
                    "depends on the location of the sensor"
                )


def _moving(request: Request, seen: Seen) -> Iterator[str]:
    """Rules do not follow DHCP leases: the address may belong to another host tomorrow."""
    moved = [party.text for party in _named(request) if party.id in seen.moved]
    if moved:
        more = f" and {len(moved) - MOVED_SHOWN:,} more" if len(moved) > MOVED_SHOWN else ""
        yield (
            "rules do not follow DHCP leases, and these hosts had other addresses before: reserve their addresses "
            f"first: {', '.join(moved[:MOVED_SHOWN])}{more}"
        )


def _truncated(request: Request, seen: Seen) -> Iterator[str]:
    """Hosts with more addresses than a rule has, mostly temporary ones of IPv6 (RFC 8981)."""
    for party in _named(request):
        machine = seen.machines.get(party.id)
        if machine is not None and machine.left_out:
            yield f"{party.text} has {machine.left_out:,} more addresses, which these rules do not contain"


def _dynamic(request: Request) -> Iterator[str]:
    """Services without a fixed port."""
    for match in dict.fromkeys(rule.match for rule in request.rules):
        if match.port >= DYNAMIC:
            yield (
                f"{match.text} is a dynamic port (RFC 6335), which the service may change at its next start; "
                "--address ADDRESS instead of the alert blocks all ports"
            )


def _named(request: Request) -> Iterator[Host]:
    """Hosts whose addresses are in the rules."""
    named = {str(block.network_address) for rule in request.rules for block in (*rule.sources, *rule.destinations)}
    return (party for party in (*request.machines, *request.peers) if named.intersection(party.texts))


def _neighbours(request: Request) -> Iterator[str]:
    """Hosts of one segment communicate without passing a firewall between segments."""
    near = {addresses.segment(address) for party in request.machines for address in party.addresses}
    far = {addresses.segment(address) for party in request.peers for address in party.addresses}
    for segment in sorted(near & far):
        yield (
            f"both ends are in {segment}: packets between them reach no router, so block them on the switch "
            "or on the hosts (--format windows)"
        )
