"""Helpers of the inventory's scenarios: simple fingerprints, registry and fusion, and an inventory driven by packet
time.
"""

from __future__ import annotations

from collections.abc import Iterable

from sensor.core.addresses import Networks, parse, parse_mac
from sensor.core.device import Attribute, Device, DeviceChange
from sensor.core.observation import Evidence, Observation, Subject
from sensor.core.time_units import SECOND
from sensor.fingerprinting.entries import Claim
from sensor.inventory.inventory import Inventory
from sensor.inventory.limits import Limits
from sensor.inventory.persistence import Persistence

START = 1_700_000_000 * SECOND


class Book:
    """Fingerprints for scenarios: ``type=printer@0.9;model=X@0.8`` in a value claims just that; kinds of ``chat`` have
    none.
    """

    def knows(self, kind: str) -> bool:
        return not kind.startswith("chat.")

    def match(self, kind: str, value: str) -> tuple[Claim, ...]:
        if "=" not in value:
            return (Claim("vendor", value, 0.5, "oui.maker", "oui"),) if kind == "oui.organisation" else ()
        claims = []
        for word in value.split(";"):
            attribute, _, rest = word.partition("=")
            reported, _, confidence = rest.partition("@")
            claims.append(
                Claim(attribute, reported, float(confidence or 0.9), f"story.{attribute}", kind.partition(".")[0])
            )
        return tuple(claims)


class Prefixes:
    """A registry that knows one vendor."""

    def organisation(self, mac: int) -> str:
        return "Kyocera" if mac >> 24 == 0x0017C8 else ""


def best(evidence: Iterable[Evidence], now: int) -> dict[str, Attribute]:
    """The most confident claim of each attribute; the later one where two are equal."""
    found: dict[str, list[Evidence]] = {}
    for one in evidence:
        found.setdefault(one.attribute, []).append(one)
    chosen = {}
    for name, some in found.items():
        top = max(some, key=lambda one: (one.confidence, one.first))
        chosen[name] = Attribute(
            name,
            top.value,
            top.confidence,
            tuple(one for one in some if one.value == top.value),
            any(one.value != top.value for one in some),
        )
    return chosen


class Story:
    """An inventory driven in seconds of packet time, with MACs and addresses as text."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.inventory = Inventory(Book(), Prefixes(), Networks(), limits, best)
        self.persistence = Persistence(self.inventory)
        self.changes: list[DeviceChange] = []
        self.now = START

    def pause(self, seconds: float, *, live: bool = False) -> Story:
        """Nothing is captured for this long. Of a live run, the time advances nevertheless."""
        end = self.now + int(seconds * SECOND)
        for now in range(self.now, end, 1800 * SECOND) if live else ():
            self.changes += self.inventory.settle(now, idle=True)
        self.now = end
        return self.at((self.now - START) / SECOND + 1)

    def at(self, second: float) -> Story:
        """Advance packet time, with a settling at full seconds. Other hosts send meanwhile."""
        goal = START + int(second * SECOND)
        while self.now + SECOND <= goal:
            self.now += SECOND
            self.changes += self.inventory.settle(self.now)
            if goal - self.now > 120 * SECOND:
                self.now = min(goal - 60 * SECOND, self.now + 1800 * SECOND)
        self.ts = goal
        return self

    def sends(self, mac: str, address: str, kind: str, value: str, vlan: int = 0) -> Story:
        self.inventory.observe(Observation(self.ts, subject(mac, address, vlan), kind, value))
        return self

    def converses(self, mac: str, address: str, vlan: int = 0) -> Story:
        self.inventory.sight(self.ts, *subject(mac, address, vlan))
        return self

    def end(self) -> list[tuple[str, str]]:
        """(action, device key) of everything that was reported."""
        self.changes += self.inventory.finish(self.ts)
        return self.reported()

    def reported(self) -> list[tuple[str, str]]:
        return [(change.action, change.device.key) for change in self.changes]

    def who(self, mac: str, address: str = "") -> Device | None:
        return self.inventory.device(subject(mac, address, 0))


def subject(mac: str, address: str, vlan: int = 0) -> Subject:
    return Subject(parse_mac(mac) if mac else 0, parse(address) if address else 0, vlan)
