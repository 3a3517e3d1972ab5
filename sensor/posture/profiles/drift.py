"""Habits of devices that violate their profiles: the check that a running sensor applies to each connection, applied to
all observed so far.

Habits have no client ports, and for external servers a name or an address; what is undecidable for that reason is left
out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sensor.core import addresses
from sensor.core.addresses import Networks
from sensor.core.detector import ProfileViolation
from sensor.core.observation import Subject
from sensor.inventory.habits import OUTSIDE, Habits, Use
from sensor.posture.profiles.confine import Confines, Conversation
from sensor.posture.profiles.installed import Installed
from sensor.posture.site import Node, Site

# A placeholder for an external address of which only the name is known (RFC 5737).
SOMEWHERE = addresses.parse("192.0.2.0")


class Drift(NamedTuple):
    """A habit that violates a profile. ``serves``: the device is the server; ``other``: a device, an address, a name,
    or ``outside``.
    """

    node: Node
    installed: Installed
    serves: bool
    service: int
    other: str
    use: Use
    breach: ProfileViolation


class _Machine(NamedTuple):
    """A device of the site, for profiles."""

    id: str
    type: str
    vendor: str
    model: str

    def value(self, name: str) -> str:
        return {"vendor": self.vendor, "model": self.model}.get(name, "")


class _SiteNetwork:
    """The network of the site, for profiles."""

    def __init__(self, site: Site) -> None:
        self.networks: Networks = site.networks
        machines = {node.id: _Machine(node.id, node.type, node.vendor, node.model) for node in site.nodes.values()}
        self.machines = machines
        self._by_address = {
            address: machines[name] for name,
            machine in site.seen.machines.items() if name in machines for address in machine.party.addresses
        }  # fmt: skip

    def device(self, subject: Subject) -> _Machine | None:
        return self._by_address.get(subject.address)

    def names_of(self, address: int) -> tuple[str, ...]:
        return ()


def drifts(site: Site, installed: Iterable[Installed]) -> Iterator[Drift]:
    """All violations of a site, in the order of its devices."""
    world = _SiteNetwork(site)
    confines = Confines(world, installed)
    # Devices of a kind behave alike: results are cached.
    evaluated: dict[tuple[object, ...], ProfileViolation | None] = {}
    for name, habits in (site.seen.habits or {}).items():
        machine = world.machines.get(name)
        one = confines.of(machine) if machine is not None else None
        if machine is None or one is None:
            continue
        for serves, service, other, use, subject, names in _acts(site, habits):
            proto, port = service >> 16, service & 0xFFFF
            question = one.name, machine.vendor, serves, service, subject, names
            if question not in evaluated:
                conversation = Conversation(
                    machine, subject, proto, port if serves else 0, 0 if serves else port, names
                )
                evaluated[question] = confines.evaluate(one, conversation, begins=not serves)
            breach = evaluated[question]
            if breach is not None and breach.sure:
                yield Drift(site.nodes[name], one, serves, service, other, use, breach)


def _acts(site: Site, habits: Habits) -> Iterator[tuple[bool, int, str, Use, Subject, tuple[str, ...]]]:
    for (peer, service), use in habits.uses.items():
        if peer != OUTSIDE and (subject := _subject(site, peer)) is not None:
            yield False, service, peer, use, subject, ()
    if habits.reached is not None:
        for (name, service), use in habits.reached.names.items():
            yield False, service, name, use, Subject(0, SOMEWHERE), (name,)
        for (address, service), use in habits.reached.addresses.items():
            yield False, service, address, use, Subject(0, addresses.parse(address)), ()
    for service, (use, clients) in habits.serves.items():
        for client in clients:
            subject = Subject(0, SOMEWHERE) if client == OUTSIDE else _subject(site, client)
            if subject is not None:
                yield True, service, client, use, subject, ()


def _subject(site: Site, name: str) -> Subject | None:
    """The subject of a habit; None for a device that no longer exists, or has no address."""
    machine = site.machine(name)
    if machine is not None:
        return Subject(0, machine.party.addresses[0]) if machine.party.addresses else None
    try:
        return Subject(0, addresses.parse(name))
    except ValueError:
        return None
