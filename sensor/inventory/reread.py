"""Evaluates the facts of known devices again with new fingerprints, some devices at a time, while the engine continues.

Facts that matched no fingerprint were not kept: they count when the device sends them again.
"""

from __future__ import annotations

from collections import deque

from sensor.core.observation import Observation, Subject
from sensor.inventory import identity
from sensor.inventory.evidence import Matcher, Oui, fact_of
from sensor.inventory.inventory import Inventory
from sensor.inventory.record import Record

ORGANISATION = "oui.organisation"


class Reread:
    """``waiting``: devices not evaluated yet; those that no longer exist by then are skipped."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self.waiting: deque[Record] = deque(maxlen=inventory.limits.devices + inventory.limits.pending)

    def begin(self, matcher: Matcher, oui: Oui) -> None:
        """Use these fingerprints from now on; all known devices wait to be evaluated again."""
        self._inventory.know(matcher, oui)
        table = self._inventory.table
        self.waiting.clear()
        self.waiting.extend(
            record for queue in (table.identified, table.unidentified, table.pending) for record in queue
        )

    def step(self, devices: int) -> bool:
        """Evaluate this many further devices; returns whether any are left."""
        for _ in range(min(devices, len(self.waiting))):
            record = self.waiting.popleft()
            if not record.dead and reread(self._inventory, record):
                self._inventory.table.mark(record, record.last)
        return bool(self.waiting)


def reread(inventory: Inventory, record: Record) -> bool:
    """Evaluate the facts of a device with the current fingerprints; returns whether the result differs. A device whose
    facts are still unparsed stays unchanged.
    """
    packed, mac = record.unread, record.macs[0] if record.macs else 0
    record.held.forget_idle()
    changed = _register_again(inventory, record, mac)
    for fact in record.facts.values():
        if not fact.kind.startswith("flow."):
            claims = inventory.claims(fact.kind, fact.value, identity.trait_of(fact.kind), mac)
            if claims != fact.claims:
                fact.believe(claims)
                changed = True
    if changed:
        record.weight, record.stale = sum(fact.weight for fact in record.facts.values()), True
    elif packed is not None:
        record.pack(packed)
    return changed


def _register_again(inventory: Inventory, record: Record, mac: int) -> bool:
    """Look up the vendor of its MAC in the current registry; returns whether it differs."""
    if not record.admitted or record.random or not mac:
        return False
    organisation = inventory.oui.organisation(mac)
    old = [fact for fact in record.facts.values() if fact.kind == ORGANISATION]
    if [fact.value for fact in old] == [organisation] * bool(organisation):
        return False
    for fact in old:
        record.forget(fact)
    if organisation:
        observation = Observation(record.last, Subject(mac), ORGANISATION, organisation)
        record.learn(
            fact_of(observation, inventory.matcher.match(observation.kind, observation.value), -1), inventory.limits
        )
    return True
