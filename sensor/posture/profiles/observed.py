"""What devices of one kind need, by observation: services that they use and offer, and their peers, in the terms of a
MUD file.

An external server is identified by the name that the devices resolved. Internal peers are classified: the DNS and NTP
servers of the network, hosts of the same vendor, the few servers that manage such devices (``my-controller``), else any
internal host. Traffic of an open alert is not a need of the device, and is left out.

VoIP phones negotiate ports for each call (RTP, RFC 3550): for them all UDP ports from 1024 without another meaning
count as one, and either end begins.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sensor.core import addresses
from sensor.core.addresses import is_v4
from sensor.core.ip_protocols import UDP
from sensor.core.service_names import service_text
from sensor.inventory.habits import OUTSIDE, Habits, Named, Use
from sensor.inventory.identity import is_link_local
from sensor.posture.firewall.model import Host
from sensor.posture.profiles.confidence import Confidence, confidence_of
from sensor.posture.profiles.model import ANY, BLOCK, CLASSES, CONTROLLER, LOCAL, MY_CONTROLLER, NAME, SAME_MAKER, Peer
from sensor.posture.profiles.mud import HOST
from sensor.posture.profiles.suspects import AlertedPeers, alerted_peers
from sensor.posture.site import Node, Site

# Types of hosts that manage others, and the largest number of them for one service that counts as few.
CONTROLLING, CONTROLLERS_LIMIT = frozenset(("server", "nvr", "hub", "nas", "building")), 4

CALLING = frozenset(("voip_phone", "conferencing", "intercom"))
# The service that represents negotiated media ports, and its range.
MEDIA, MEDIA_PORTS = UDP << 16, (1024, 65535)


class ObservedService(NamedTuple):
    """A service that devices use (or offer, if ``serves``) and its peers. ``who``: observed internal hosts; ``first``,
    ``last``: ns; ``devices``: how many of them use it.
    """

    serves: bool
    service: int
    peer: Peer
    who: tuple[Host, ...]
    first: int
    last: int
    devices: int

    @property
    def order(self) -> tuple[bool, int, int, str, str]:
        return self.serves, self.service & 0xFFFF, self.service >> 16, self.peer.kind, self.peer.value


class Observed(NamedTuple):
    """``versions``: IP versions of the devices; ``controllers``: hosts that are ``my-controller``; ``vague``: external
    services with unknown servers; ``left_out``: (what, alert) of connections that are subjects of alerts.
    """

    nodes: tuple[Node, ...]
    needs: tuple[ObservedService, ...]
    confidence: Confidence
    versions: tuple[int, ...]
    controllers: tuple[Host, ...]
    vague: tuple[int, ...]
    left_out: tuple[tuple[str, str], ...]


class _DeviceHabit(NamedTuple):
    """One habit of one device. ``peer``: a device, an address, or OUTSIDE; ``named``: the known external peer."""

    device: str
    serves: bool
    service: int
    peer: str
    use: Use
    named: Peer | None = None


def observed(site: Site, nodes: Sequence[Node], *, alerted: bool = False) -> Observed | None:
    """None if nothing was learned about the devices. ``alerted``: include subjects of alerts."""
    habits = (
        {node.id: site.seen.habits[node.id] for node in nodes if node.id in (site.seen.habits or {})}
        if site.seen.habits
        else {}
    )
    if not habits:
        return None
    acts, left_out = _without_alerts(
        site, [act for name, one in habits.items() for act in _acts(name, one)], {} if alerted else alerted_peers(site)
    )
    needs = tuple(sorted(_needs(site, acts), key=lambda one: one.order))
    mine = [
        address for name in habits if (machine := site.machine(name)) is not None for address in machine.party.addresses
    ]
    versions = tuple(sorted({4 if is_v4(address) else 6 for address in mine if not is_link_local(address)})) or (4,)
    controllers = {party.key: party for need in needs if need.peer.kind == MY_CONTROLLER for party in need.who}
    since, last = site.seen.watched
    vague = tuple(need.service for need in needs if need.peer.kind == ANY and not need.serves)
    known = tuple(node for node in nodes if node.id in habits)
    return Observed(
        known,
        needs,
        confidence_of(list(habits.values()), last - since),
        versions,
        tuple(controllers.values()),
        vague,
        left_out,
    )


def _without_alerts(
    site: Site, acts: Iterable[_DeviceHabit], peers: AlertedPeers
) -> tuple[list[_DeviceHabit], tuple[tuple[str, str], ...]]:
    """Habits that are not the subject of an alert, and a list of the others."""
    kept: list[_DeviceHabit] = []
    left: dict[str, str] = {}
    for act in acts:
        target = act.named.value.partition("/")[0] if act.named is not None else act.peer
        met = (target, act.use.address) if isinstance(act.use, Named) else (target,)
        alerts_of = (peers.get((act.device, one), {}) for one in met)
        alert = next((alert for about in alerts_of if (alert := about.get(act.service) or about.get(0))), None)
        if alert is None:
            kept.append(act)
        else:
            other = site.nodes[target].text if target in site.nodes else target
            left[f"{service_name(act.service)} {'to' if act.serves else 'of'} {other}"] = alert
    return kept, tuple(left.items())


def _acts(name: str, habits: Habits) -> Iterator[_DeviceHabit]:
    for (peer, service), use in habits.uses.items():
        if peer != OUTSIDE:
            yield from _ways(_DeviceHabit(name, False, service, peer, use), habits.kind)
    for service, (use, clients) in habits.serves.items():
        for client in clients:
            yield from _ways(_DeviceHabit(name, True, service, client, use), habits.kind)
    known = dict(_outside(habits))
    for (named, service), use in known.items():
        yield _DeviceHabit(name, False, service, OUTSIDE, use, named)
    for (peer, service), use in habits.uses.items():
        if peer == OUTSIDE and all(service != one for _, one in known):
            yield _DeviceHabit(name, False, service, OUTSIDE, use, Peer())


def _ways(act: _DeviceHabit, kind: str) -> Iterator[_DeviceHabit]:
    """Negotiated media ports are used in both directions."""
    if kind in CALLING and act.service >= MEDIA + MEDIA_PORTS[0] and service_text(act.service).startswith("udp/"):
        yield from (act._replace(serves=serves, service=MEDIA) for serves in (False, True))
    else:
        yield act


def _outside(habits: Habits) -> Iterator[tuple[tuple[Peer, int], Use]]:
    """A string that cannot be a host name was chosen by the peer: it is left out, and the service is then open to any
    host.
    """
    if habits.reached is None:
        return
    for (name, service), named in habits.reached.names.items():
        if HOST.match(name):
            yield (Peer(NAME, name), service), named
    for (address, service), use in habits.reached.addresses.items():
        yield (Peer(BLOCK, str(ipaddress.ip_network(address))), service), use


def _needs(site: Site, acts: Iterable[_DeviceHabit]) -> Iterator[ObservedService]:
    """One need for each service and peer."""
    groups: dict[tuple[bool, int, Peer | None], list[_DeviceHabit]] = {}
    for act in acts:
        meant = act.named if act.peer == OUTSIDE and not act.serves else Peer() if act.peer == OUTSIDE else None
        groups.setdefault((act.serves, act.service, meant), []).append(act)
    for (serves, service, meant), some in groups.items():
        parties = _parties(site, (act.peer for act in some)) if meant is None else ()
        peer = meant if meant is not None else _inside(site, some, service, serves=serves)
        devices = len({act.device for act in some})
        yield ObservedService(
            serves,
            service,
            peer,
            parties,
            min(act.use.first for act in some),
            max(act.use.last for act in some),
            devices,
        )


def _inside(site: Site, acts: Sequence[_DeviceHabit], service: int, *, serves: bool) -> Peer:
    """The role of internal hosts for a device."""
    for name, port in CLASSES.items():
        if not serves and service & 0xFFFF == port:
            return Peer(CONTROLLER, name)
    others = [site.nodes.get(act.peer) for act in acts]
    pairs = zip(acts, others, strict=True)
    if all(
        other is not None and other.vendor and other.vendor == site.nodes[act.device].vendor for act, other in pairs
    ):
        return Peer(SAME_MAKER)
    known = {other.id for other in others if other is not None and other.type in CONTROLLING}
    if len(known) <= CONTROLLERS_LIMIT and all(other is not None and other.id in known for other in others):
        return Peer(MY_CONTROLLER)
    return Peer(LOCAL)


def service_name(service: int) -> str:
    """``https/443``; ``udp/1024-65535`` for negotiated media ports."""
    return f"udp/{MEDIA_PORTS[0]}-{MEDIA_PORTS[1]}" if service == MEDIA else service_text(service)


def _parties(site: Site, names: Iterable[str]) -> tuple[Host, ...]:
    """Distinct hosts as parties of firewall rules."""
    found: dict[str, Host] = {}
    for name in names:
        party = _party(site, name)
        if party is not None and party.addresses:
            found[party.key] = party
    return tuple(sorted(found.values(), key=lambda one: one.addresses))


def _party(site: Site, name: str) -> Host | None:
    machine = site.machine(name)
    if machine is not None:
        return machine.party
    try:
        return Host("", "", "", (addresses.parse(name),))
    except ValueError:
        return None  # a device that no longer exists
