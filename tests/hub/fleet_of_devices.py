"""A simulated company for the figures of identity: sites with overlapping address space, devices with known identity,
and what each sensor observes of them.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from random import Random
from typing import NamedTuple

from sensor.hub.identity import Member, Sighting, edges_of, entities_of

VENDORS = {"Dell": "00:14:22", "HP": "3c:d9:2b", "Apple": "f0:18:98", "Axis": "00:40:8c", "Lenovo": "54:ee:75"}
NO_SERIALS = ("To be filled by O.E.M.", "00000000", "System Serial Number")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
SITES, ROAMING, TWO_SENSORS = 40, 0.05, 0.3


class Device(NamedTuple):
    """``adapter``: MAC of a USB adapter that several devices use; ``cloned``: its MAC is that of another device."""

    truth: int
    type: str
    vendor: str
    name: str
    serial: str
    mac: str
    adapter: str
    sites: list[int]


class Company:
    """``sightings``; ``truth``: the real device of each member."""

    def __init__(self, dice: Random, sites: int, each: int) -> None:
        self._dice = dice
        self._macs: set[str] = set()
        # Half of them from vendors of adapters, half docks with a MAC of the vendor of laptops.
        prefixes = ("00:e0:4c", VENDORS["Dell"])
        self._adapters = [self._mac(prefixes[number % 2]) for number in range(max(2, sites * each // 400))]
        self.sightings: list[Sighting] = []
        self.truth: dict[Member, int] = {}
        for truth in range(sites * each):
            self._see(self._device(truth, sites))
        for site in range(sites):
            self._see_infrastructure(site, sites * each + site)

    @property
    def pairs(self) -> set[frozenset[Member]]:
        """Members that are the same device."""
        groups: defaultdict[int, list[Member]] = defaultdict(list)
        for member, truth in self.truth.items():
            groups[truth].append(member)
        return {frozenset((a, b)) for group in groups.values() for a in group for b in group if a < b}

    def _device(self, truth: int, sites: int) -> Device:
        dice = self._dice
        kind = dice.choices(("laptop", "phone", "camera", "printer", "server"), (45, 20, 15, 10, 10))[0]
        vendor = dice.choice(list(VENDORS))
        mac = self._mac(VENDORS[vendor])
        if kind == "phone" and dice.random() < 0.8:
            mac = f"{dice.randrange(256) & 0xFC | 2:02x}:" + self._mac("")
        if kind == "server" and dice.random() < 0.3:
            mac = f"02:42:ac:11:00:{dice.randrange(2, 20):02x}"
        name = self._name(kind, truth)
        serial = f"{vendor[:2].upper()}{dice.randrange(10**8):08d}" if dice.random() < 0.3 else ""
        serial = dice.choice(NO_SERIALS) if dice.random() < 0.03 else serial
        adapter = dice.choice(self._adapters) if kind == "laptop" and dice.random() < 0.02 else ""
        roams = kind in ("laptop", "phone") and dice.random() < ROAMING / 0.65
        return Device(truth, kind, vendor, name, serial, mac, adapter, dice.sample(range(sites), 2 + roams) if roams
                      else [dice.randrange(sites)])  # fmt: skip

    def _name(self, kind: str, truth: int) -> str:
        """A name of the company, a default name, or the same name at every site."""
        dice = self._dice
        if kind == "laptop":
            return f"LT-{truth:05d}" if dice.random() < 0.9 else f"DESKTOP-{''.join(dice.choices(LETTERS, k=7))}"
        if kind == "phone":
            return dice.choice(("iPhone", "iPad", "android-1", "Galaxy-S23"))
        return f"{kind}-{dice.randrange(1, 30)}" if dice.random() < 0.7 else ""

    def _see(self, one: Device) -> None:
        for site in one.sites:
            sensors = [2 * site, 2 * site + 1] if self._dice.random() < TWO_SENSORS else [2 * site]
            for sensor in sensors:
                self._sight(one, sensor, site)

    def _sight(self, one: Device, sensor: int, site: int) -> None:
        """Names and serial numbers are not always observed; behind a router there is no MAC."""
        dice = self._dice
        name = one.name if dice.random() < 0.85 else ""
        serial = one.serial if dice.random() < 0.5 else ""
        macs = [one.mac] if not one.adapter else [one.mac, one.adapter] if dice.random() < 0.7 else [one.adapter]
        macs = macs if dice.random() < 0.995 else []
        member = (sensor, f"dev-{one.truth}")
        self.truth[member] = one.truth
        self.sightings.append(Sighting(*member, f"site-{site}", one.type, one.vendor, name, serial, macs))

    def _see_infrastructure(self, site: int, truth: int) -> None:
        """A router pair with the same VRRP address at each site, whose own MACs are the source of forwarded packets."""
        router = Device(truth, "router", "HP", f"gw-{site}", "", "00:00:5e:00:01:01", "", [site])
        self._sight(router, 2 * site, site)

    def _mac(self, prefix: str) -> str:
        """Each MAC once, as vendors assign them."""
        count = 6 - len(prefix.split(":")) if prefix else 5
        while True:
            mac = ":".join(filter(None, [prefix, *(f"{self._dice.randrange(256):02x}" for _ in range(count))]))
            if mac not in self._macs:
                self._macs.add(mac)
                return mac


class Score(NamedTuple):
    """Pairs of members. ``joined``, ``false_joins``: that the hub joins, and those of them that are two devices;
    ``possible``, ``missed``: of one device with evidence, and those of them that the hub does not join.
    """

    members: int
    joined: int
    false_joins: int
    possible: int
    missed: int


def scored(seed: int, each: int) -> Score:
    """What the hub joins in a company of SITES sites with ``each`` devices."""
    company = Company(Random(seed), SITES, each)
    groups = entities_of(edges_of(company.sightings))
    found = {frozenset(pair) for group in groups for pair in combinations(group, 2)}
    known = {one.member: one for one in company.sightings}
    possible = {pair for pair in company.pairs if _has_evidence(*(known[member] for member in pair))}
    return Score(len(known), len(found), len(found - company.pairs), len(possible), len(possible - found))


def _has_evidence(one: Sighting, other: Sighting) -> bool:
    """Independent of the code under test: a global MAC, a serial number, or a name within a site."""
    macs = {mac for mac in set(one.macs) & set(other.macs) if not int(mac[:2], 16) & 2}
    serials = one.serial == other.serial and one.serial[:2].isupper() and one.serial[2:].isdigit()
    names = one.name == other.name and one.site == other.site and one.name.startswith(("LT-", "DESKTOP-"))
    return one.type != "router" and bool(macs or serials or names)
