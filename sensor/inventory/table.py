"""The table of devices: limited, with admission control, so that a flood of spoofed hosts costs little and evicts no
real device.

A newcomer is pending until it is admitted; only admitted ones are devices. The table finds records by MAC and by
address. It does not decide which endpoint belongs to a record (``endpoints.py``) or what is reported of it
(``changes.py``).
"""

from __future__ import annotations

import contextlib
import itertools

from sensor.core.addresses import is_random_mac, is_v4, parse, parse_mac
from sensor.core.bounded import Bounded
from sensor.core.device import Device
from sensor.core.ids import short_id
from sensor.core.named_tables import NamedTables
from sensor.core.observation import Subject
from sensor.inventory import identity
from sensor.inventory.corrections import Correction
from sensor.inventory.journal import Journal
from sensor.inventory.limits import Limits
from sensor.inventory.novelty import Novelty
from sensor.inventory.record import Record, without

# Records checked, at most, to find one that was silent for long; after that the next one is evicted.
_SECOND_CHANCES = 64
# Number of addresses claimed from a device for which the previous device is remembered.
_CLAIMED_FROM = 4096
# External endpoints, whose owner is not looked up for a while.
_UNATTRIBUTED, _STRANGE_NS = 4096, 60_000_000_000


class Table:
    """``known`` caches the record behind an endpoint. ``claimed_from``: address → device with a MAC that had it before
    another one claimed it. ``due``: records to check for reports, in order of their changes; ``settle_at``: packet time
    (ns) before which nothing has to be checked. ``departed``: records that have ended, with the reason.
    ``corrections``: key of a device → field → operator value. ``journal``: where changes are recorded.

    ``by_mac``, ``ids`` and ``keys`` (of records that can be found by an id or name) need no limits: every
    entry belongs to a record (at most ``limits.macs`` each) and is removed with it.
    """

    def __init__(self, limits: Limits, key: int = 0, scope: str = "") -> None:
        self.limits, self.scope = limits, scope
        self.by_mac: dict[int, Record] = {}
        self.tables = NamedTables()
        self.leases: Bounded[int, Record] = self.tables.add("leases", Bounded(limits.leases))
        self.claimed_from: Bounded[int, Record] = self.tables.add("claimed_from", Bounded(_CLAIMED_FROM))
        self.known: Bounded[Subject, Record] = self.tables.add("known", Bounded(limits.endpoints))
        self.novelty = self.tables.add("novelty", Novelty(limits.novelty_bits, key))
        self.unattributed: Bounded[Subject, int] = self.tables.add("unattributed", Bounded(_UNATTRIBUTED))
        self.due: dict[Record, bool] = {}
        self.settle_at = 0
        self.ids: dict[str, Record] = {}
        self.keys: set[str] = set()
        self.pending: Bounded[Record, bool] = self.tables.add("pending", Bounded(limits.pending))
        self.unidentified: Bounded[Record, bool] = self.tables.add("unidentified", Bounded(limits.devices))
        self.identified: Bounded[Record, bool] = self.tables.add("identified", Bounded(limits.devices))
        self.viewed: Bounded[Record, bool] = self.tables.add("viewed", Bounded(limits.viewed))
        self.departed: list[tuple[Record, str]] = []
        self.corrections: dict[str, dict[str, Correction]] = {}
        self.journal: Journal | None = None
        self.evicted = 0
        self._burst_start: int | None = None
        self._burst = 0

    @property
    def devices(self) -> int:
        return len(self.unidentified) + len(self.identified)

    def create(self, ts: int, key: str, mac: int, vlan: int) -> Record:
        """Create a pending newcomer. The newcomer silent for longest is evicted."""
        record = Record(ts, key, mac, vlan)
        if mac:
            self.by_mac[mac] = record
        pushed = self.pending.put(record, True)
        if pushed is not None:
            self.evict(pushed[0])
        return record

    def admit(self, record: Record, ts: int) -> bool:
        """Make a newcomer with evidence a device; while too many appear at once, only those with evidence again
        later.
        """
        again = record.shown is not None and ts - record.shown >= self.limits.again_ns
        if not again and not self._within_burst(ts):
            record.shown = ts if record.shown is None else record.shown
            self.pending.get(record)
            return False
        self.enter(record, ts)
        return True

    def enter(self, record: Record, ts: int) -> None:
        """Make a record a device unconditionally."""
        if self.devices >= self.limits.devices:
            self.evict(self._victim())
        self.pending.pop(record)
        record.admitted, record.queued = True, record.last
        self.unidentified.put(record, True)
        if self.journal is not None:
            for address, last in record.addresses.items():
                self.journal.moved(last, record, address, held=True)
        self.mark(record, ts)

    def restore(self, record: Record, name: str) -> bool:
        """Add a device of an earlier run under its id; returns False if there is no room or its id is taken."""
        if self.devices >= self.limits.devices or name in self.ids or any(mac in self.by_mac for mac in record.macs):
            return False
        for mac in record.macs:
            self.by_mac[mac] = record
        for address in [address for address in record.addresses if self.leases.get(address) is not None]:
            del record.addresses[address]
        for address in record.addresses:
            self.leases.put(address, record)
        record.id, self.ids[name] = name, record
        if record.joined:
            self.keys.add(record.key)
        identified = record.reported is not None and record.reported.identified
        (self.identified if identified else self.unidentified).put(record, True)
        if record.reported is None or record.news:
            self.look_at(record)
        return True

    def by_key(self, key: str) -> Record | None:
        """The device with a key."""
        kind, _, text = key.partition(":")
        with contextlib.suppress(ValueError):  # a key that no device can have
            record = (
                self.by_mac.get(parse_mac(text))
                if kind == "mac"
                else self.leases.get(parse(text))
                if kind == "ip"
                else None
            )
            if record is not None and record.key == key:
                return record if record.admitted else None
        # Its MAC may have been evicted from the record, or it is known by an id or a name: search all records.
        name = identity.device_id(key, scope=self.scope)
        likely = [record for one in (name, short_id(name)) if (record := self.ids.get(one)) and record.key == key]
        if likely or key not in self.keys:
            return likely[0] if likely else None
        return next(
            (record for queue in (self.identified, self.unidentified) for record in queue if record.key == key), None
        )

    def _within_burst(self, ts: int) -> bool:
        if self._burst_start is None or not 0 <= ts - self._burst_start < self.limits.burst_ns:
            self._burst_start, self._burst = ts, 0
        if self._burst >= self.limits.burst:
            return False
        self._burst += 1
        return True

    def _victim(self) -> Record:
        """The device to evict: unidentified before identified, of those one seen longest ago (second chance, so that a
        sighting costs nothing).
        """
        queue = self.unidentified if len(self.unidentified) else self.identified
        for _ in range(_SECOND_CHANCES):
            record = _oldest(queue)
            if record.last <= record.queued:
                return record
            record.queued = record.last
            queue.put(record, True)
        return _oldest(queue)

    def evict(self, record: Record) -> None:
        """Evict a record."""
        self.evicted += 1
        self.let_go(record)

    def reject(self, forged: set[Record]) -> None:
        """Evict newcomers that were admitted and are forged: others may be admitted in their place."""
        for record in forged:
            self.evict(record)
        self._burst = max(0, self._burst - len(forged))

    def let_go(self, record: Record) -> None:
        """Remove a record that may still be cached, and clear its contents."""
        self.remove(record)
        record.drop_facts()
        record.id, record.device, record.reported = "", None, None

    def identify(self, record: Record) -> None:
        """Its type is known: it is evicted after those of unknown type."""
        if self.unidentified.pop(record):
            record.queued = record.last
            self.identified.put(record, True)

    def remove(self, record: Record) -> None:
        """Remove a record from all indexes."""
        record.dead = True
        if self.journal is not None and record.admitted:
            self.journal.remove(record)
        for mac in record.macs:
            if self.by_mac.get(mac) is record:
                del self.by_mac[mac]
        for address in record.addresses:
            if self.leases.get(address) is record:
                self.leases.pop(address)
        if record.admitted:  # others are not cached
            for subject in itertools.product(record.macs or (0,), (0, *record.addresses), (record.vlan,)):
                self.known.pop(Subject(*subject))
        for queue in (self.pending, self.unidentified, self.identified, self.viewed):
            queue.pop(record)
        self.due.pop(record, None)
        if record.id:
            self.ids.pop(record.id, None)
            self.keys.discard(record.key)

    def depart(self, record: Record, note: str) -> None:
        """Remove a record whose identity has ended; receivers are informed."""
        self.remove(record)
        if record.reported is not None:
            self.departed.append((record, note))
            self.settle_at = 0

    def mark(self, record: Record, ts: int) -> None:
        """Mark a record that may have a change to report."""
        if record.admitted and not record.dead:
            record.since = ts
            reported = record.reported
            self.look_at(
                record, reported.looked + self.limits.pause_ns if reported is not None and reported.looked <= ts else 0
            )
            self.note(record)

    def look_at(self, record: Record, at: int = 0) -> None:
        """Check the record for reports from ``at`` (ns) on."""
        self.due[record] = True
        self.settle_at = min(self.settle_at, at)

    def note(self, record: Record) -> None:
        """Mark a record as changed since it was last written."""
        if self.journal is not None and record.admitted and not record.dead:
            self.journal.changed[record] = True

    def is_unattributed(self, subject: Subject, ts: int) -> bool:
        """Whether an endpoint was recently found to have no device of this network behind it."""
        since = self.unattributed.get(subject)
        return since is not None and 0 <= ts - since < _STRANGE_NS

    def forget_endpoints(self) -> None:
        """Devices were merged or split: invalidate the cached owners of endpoints. Moved addresses are detected by
        ``Record.still``.
        """
        self.known.clear()
        self.novelty.forget()

    def view(self, record: Record) -> None:
        """Compute and cache its attributes. Those of a device not needed recently are evicted (second chance, so that a
        hit costs nothing).
        """
        pushed = self.viewed.put(record, True)
        # Fewer than the number of entries, so that its own turn does not come.
        for _ in range(min(_SECOND_CHANCES, self.limits.viewed // 2)):
            if pushed is None or not pushed[0].requested:
                break
            pushed[0].requested = False
            pushed = self.viewed.put(pushed[0], True)
        if pushed is not None:
            pushed[0].fold()

    def open(self, record: Record) -> Device:
        """The device of an admitted record, without attributes unless they are cached. Its id is set on first use, and
        its key does not change from then on.
        """
        if not record.id:
            if record.joined and record.joined not in self.keys:
                record.key = record.joined
            record.id = identity.device_id(record.key, self.ids, self.scope)
            self.ids[record.id] = record
            if record.joined:
                self.keys.add(record.key)
        return record.device or record.plain()

    def lease(self, record: Record, address: int, ts: int, claimed: bool) -> Record | None:
        """Assign an address to a record; returns the record that lost it."""
        former = self.leases.get(address)
        if former is not record:
            if former is not None:
                self.release(former, address, ts)
                if claimed and former.macs and not former.dead:
                    self.claimed_from.put(address, former)
            pushed = self.leases.put(address, record)
            if pushed is not None:
                pushed[1].addresses.pop(pushed[0], None)
                self._moved(pushed[1], pushed[0], ts, held=False)
            self._moved(record, address, ts, held=True)
            if len(record.addresses) >= self.limits.addresses:
                self.release(record, min(record.addresses, key=lambda old: record.addresses[old]), ts)
            if is_v4(address):
                self.mark(record, ts)
        record.addresses[address] = ts
        if claimed and address not in record.claimed:
            record.claimed += (address,)
        return former if former is not record else None

    def release(self, record: Record, address: int, ts: int) -> None:
        """Remove an address from a record."""
        if self.leases.get(address) is record:
            self.leases.pop(address)
        if record.addresses.pop(address, None) is not None:
            self._moved(record, address, ts, held=False)
        if address in record.claimed:
            record.claimed = without(record.claimed, address)
        if is_v4(address):
            self.mark(record, ts)

    def _moved(self, record: Record, address: int, ts: int, held: bool) -> None:
        if self.journal is not None and record.admitted:
            self.journal.moved(ts, record, address, held)
            self.journal.changed[record] = True

    def add_mac(self, record: Record, mac: int) -> None:
        """Add a MAC of the same device; over the limit, the oldest randomized one is evicted, or the oldest."""
        macs = [*record.macs]
        if len(macs) >= self.limits.macs:
            old = next((one for one in macs if is_random_mac(one)), macs[0])
            macs.remove(old)
            self.by_mac.pop(old, None)
        record.macs, record.stale = (*macs, mac), True
        self.by_mac[mac] = record


def _oldest(queue: Bounded[Record, bool]) -> Record:
    """The record of a queue that was put there longest ago. Raises LookupError if the queue is empty."""
    entry = queue.oldest()
    if entry is None:
        raise LookupError("an empty queue")
    return entry[0]
