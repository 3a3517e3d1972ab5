"""The baseline: which services each device and device type uses and offers, with which peers, and how long each device
has been watched.

It learns about devices of the inventory only, from completed flows, in packet order (``learner.py``). Everything is
limited: devices, entries per device, and the total. It touches no file: the store takes the changes, and restores them
at the next start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

import msgspec

from sensor.core import addresses
from sensor.core.addresses import Networks
from sensor.core.bounded import Bounded
from sensor.core.detector import ExternalServer
from sensor.core.device import Device
from sensor.core.named_tables import NamedTables
from sensor.core.observation import Subject
from sensor.core.time_units import HOUR
from sensor.fingerprinting.starts import Start, load_starts
from sensor.inventory.habits import MANY_JOBS, OUTSIDE, Habits, StoredHabits
from sensor.inventory.rules import Rules, ruled

DEVICES_LIMIT, TOTAL_LIMIT = 16384, 1 << 18
# Limit on the devices of a type counted for a service they offer or use, and on the services per type.
ALIKE_LIMIT, THINGS_LIMIT = 8, 8192
CHANGED_LIMIT = DEVICES_LIMIT
# Without a packet for this long the network was not monitored: the sensor or the mirror port was off, or captures of
# different days were joined.
PAUSE = HOUR
# Start of flows that the operator allows: before all others.
ALLOWED_SINCE = 1

_decode = msgspec.json.Decoder(StoredHabits)


def _nameless(_: int) -> Sequence[str]:
    """Default for ``names_of``: no names are known."""
    return ()


class Baseline:
    """The learned data, and the methods of ``core.detector.Baseline``. ``since``: start of learning, ns, moved later by
    all pauses; 0 before the first packet.
    """

    def __init__(
        self, device: Callable[[Subject], Device | None], starts: Mapping[str, Start] | None = None,
        inside: Callable[[int], bool] | None = None,
        entries: int = TOTAL_LIMIT, names_of: Callable[[int], Sequence[str]] = _nameless,
    ) -> None:  # fmt: skip
        """``entries``: total limit of services that devices offer and use; ``names_of``: the names of an address,
        newest first.
        """
        self._device, self._inside, self._most, self._names_of = device, inside or Networks().inside, entries, names_of
        self._starts = load_starts() if starts is None else starts
        self.tables = tables = NamedTables()
        self._habits: Bounded[str, Habits] = tables.add("devices", Bounded(DEVICES_LIMIT))
        self._alike: Bounded[tuple[str, int, bool], Bounded[str, bool]] = tables.add("services", Bounded(THINGS_LIMIT))
        self._device_types: Bounded[str, Bounded[str, int]] = tables.add("segments", Bounded(THINGS_LIMIT))
        self._changed: Bounded[str, bool] = tables.add("unsaved", Bounded(CHANGED_LIMIT))
        # Addresses of fixed-function devices with external flows: a cheap check before the device is looked up.
        self.single: Bounded[int, bool] = tables.add("fixed_function", Bounded(DEVICES_LIMIT))
        self._total = 0
        self.since = self._last = 0
        self._rules: Rules = MappingProxyType({})

    # Called by detectors: see core/detector.py.

    def age_h(self, now: int) -> float:
        return max(0.0, (now - self.since - self._pause(now)) / HOUR) if self.since else 0.0

    def maturity(self, subject: Subject, hours: float) -> float:
        habits = self._of(subject)
        return habits.maturity(hours, habits.last) if habits is not None else 0.0

    def first_use(self, client: Subject, server: Subject, service: int) -> int:
        allowed = ruled(self._rules, self._name(client), self._name(server), service) if self._rules else None
        if allowed is not None:
            return ALLOWED_SINCE if allowed else 0
        habits = self._of(client)
        use = habits.uses.get((self._name(server), service)) if habits is not None else None
        return use.first if use is not None else 0

    def first_served(self, server: Subject, service: int) -> int:
        if self._rules and any(
            allowed and about == service and name == self._name(server)
            for (_, name, about), allowed in self._rules.items()
        ):
            return ALLOWED_SINCE
        habits = self._of(server)
        served = habits.serves.get(service) if habits is not None else None
        return served[0].first if served is not None else 0

    def clients(self, server: Subject, service: int) -> int:
        habits = self._of(server)
        served = habits.serves.get(service) if habits is not None else None
        return len(served[1]) if served is not None else 0

    def servers(self, client: Subject, service: int) -> int:
        habits = self._of(client)
        return sum(used == service and peer != OUTSIDE for peer, used in habits.uses) if habits is not None else 0

    def segments(self, client: Subject) -> frozenset[str]:
        habits = self._of(client)
        return frozenset(habits.segments) if habits is not None else frozenset()

    def alike(self, kind: str, service: int, *, offered: bool) -> int:
        return len(self._alike.get((kind, service, offered)) or ())

    def device_types(self, segment: str) -> Mapping[str, int]:
        return dict((self._device_types.get(segment) or Bounded[str, int](1)).items())

    def outside(self, device: str) -> tuple[int, tuple[ExternalServer, ...]]:
        habits = self._habits.get(device)
        if habits is None or habits.reached is None:
            return 0, ()
        reached = (*habits.reached.names.items(), *habits.reached.addresses.items())
        return habits.last, tuple(
            ExternalServer(server, service, use.first, use.last, use.count) for (server, service), use in reached
        )

    def start(self, kind: str) -> Start | None:
        return self._starts.get(kind)

    # Learning.

    def watch(self, ts: int) -> None:
        """Packets were seen at ``ts``."""
        pause = self._pause(ts) if self.since else 0
        self.since = self.since + pause if self.since else ts
        self._last = ts if pause else max(self._last, ts)

    def learn(self, ts: int, client: Subject, server: Subject, service: int, outside: bool) -> None:
        """Learn a completed flow that began at ``ts``. ``outside``: the server is external."""
        user, offerer = self._device(client), None if outside else self._device(server)
        if (
            self._rules
            and ruled(self._rules, _name(user, client), OUTSIDE if outside else _name(offerer, server), service)
            is False
        ):
            return
        if user is not None:
            habits = self._open(user, client.address, ts)
            before = len(habits)
            if habits.use(OUTSIDE if outside else _name(offerer, server), service, ts):
                self._count(user.id, habits, before, service, offered=False)
            habits.segments.put(OUTSIDE if outside else addresses.segment(server.address), ts)
            if outside and user.type not in MANY_JOBS:
                self.single.put(client.address, True)
                self._reach(user, habits, server.address, service, ts)
        if offerer is not None:
            self._serve(ts, offerer, server.address, _name(user, client), service)

    def reach(self, ts: int, client: Subject, server: int, service: int) -> None:
        """Learn another external server of a fixed-function device, for a service that is already learned."""
        device = self._device(client)
        habits = self._habits.get(device.id) if device is not None and device.type not in MANY_JOBS else None
        if (
            device is None
            or habits is None
            or (self._rules and ruled(self._rules, device.id, OUTSIDE, service) is False)
        ):
            return
        self._reach(device, habits, server, service, ts)

    def serve_outside(self, ts: int, server: Subject, service: int) -> None:
        """Learn a completed flow with an external client."""
        offerer = self._device(server)
        if offerer is not None:
            self._serve(ts, offerer, server.address, OUTSIDE, service)

    def merge(self, kept: str, lost: str) -> None:
        """Merge the data of two devices."""
        gone, habits = self._take_out(lost), self._habits.get(kept)
        if gone is None:
            return
        if habits is None:
            self._habits.put(kept, gone)
            self._total += len(gone)
        else:
            self._total -= len(habits)
            habits.absorb(gone)
            self._total += len(habits)
        self._changed.put(kept, True)

    def forget(self, device: str = "", service: int = 0) -> None:
        """Forget what was learned about a device, or one of its services; without a device, start learning over."""
        if not device:
            for store in (self._habits, self._alike, self._device_types, self._changed, self.single):
                for key in list(store):
                    store.pop(key)  # type: ignore[arg-type]
            self._total = self.since = self._last = 0
        elif not service:
            self._take_out(device)
        elif habits := self._habits.get(device):
            self._total -= len(habits)
            habits.forget(service)
            self._total += len(habits)
            self._changed.put(device, True)

    def rule(self, rules: Rules) -> None:
        """Set the operator's rules. Flows that are now forbidden are forgotten."""
        self._rules = MappingProxyType(dict(rules))
        for client, habits in list(self._habits.items()) if rules else ():
            forbidden = [
                (peer, service) for peer, service in habits.uses if ruled(rules, client, peer, service) is False
            ]
            for use in forbidden:
                habits.uses.pop(use)
            if forbidden:
                self._total -= len(forbidden)
                self._changed.put(client, True)

    # Persistence.

    @property
    def watched(self) -> tuple[int, int]:
        """Start (ns, moved later by all pauses) and end of monitoring."""
        return self.since, self._last

    def resume(self, watched: tuple[int, int]) -> None:
        """Continue the learning of an earlier run."""
        self.since, self._last = watched

    def take(self, limit: int) -> Iterator[tuple[str, bytes]]:
        """(device, habits as JSON) of devices that changed since the last call, at most ``limit``; they count as
        saved.
        """
        for device in list(self._changed)[:limit]:
            self._changed.pop(device)
            habits = self._habits.get(device)
            if habits is not None:
                yield device, msgspec.json.encode(habits.kept())

    def restore(self, device: str, body: bytes | str) -> None:
        """Restore the habits of an earlier run. Raises msgspec.DecodeError if they are invalid."""
        habits = Habits.of(_decode.decode(body))
        self._habits.put(device, habits)
        self._total += len(habits)
        self._count_type(habits, 1)
        for offered, services in ((True, list(habits.serves)), (False, [service for _, service in habits.uses])):
            for service in services:
                self._enlist(device, habits.kind, service, offered=offered)

    def __len__(self) -> int:
        return len(self._habits)

    # Internals.

    def _pause(self, now: int) -> int:
        """Time until now in which the network was not monitored, ns; negative if the clock was set back, which undoes
        the pause of a clock that was wrong.
        """
        gap = now - self._last
        return gap if abs(gap) > PAUSE else 0

    def _of(self, subject: Subject) -> Habits | None:
        device = self._device(subject)
        return self._habits.get(device.id) if device is not None else None

    def _name(self, subject: Subject) -> str:
        """The name of an endpoint in learned data: all external hosts have the same."""
        device = self._device(subject)
        return (
            OUTSIDE
            if device is None and subject.address and not self._inside(subject.address)
            else _name(device, subject)
        )

    def _open(self, device: Device, address: int, ts: int) -> Habits:
        habits = self._habits.get(device.id)
        if habits is None:
            habits = Habits(device.type, addresses.segment(address), ts)
            went = self._habits.put(device.id, habits)
            if went is not None:
                self._drop(*went)
            self._count_type(habits, 1)
        elif habits.kind != device.type:
            self._count_type(habits, -1)
            habits.kind = device.type
            self._count_type(habits, 1)
        habits.seen(ts)
        self._changed.put(device.id, True)
        return habits

    def _serve(self, ts: int, device: Device, address: int, client: str, service: int) -> None:
        habits = self._open(device, address, ts)
        before = len(habits)
        if habits.serve(client, service, ts):
            self._count(device.id, habits, before, service, offered=True)

    def _reach(self, device: Device, habits: Habits, server: int, service: int, ts: int) -> None:
        before = len(habits)
        habits.reach(self._names_of(server), addresses.text(server), service, ts)
        self._changed.put(device.id, True)
        self._total += len(habits) - before
        self._make_room(device.id)

    def _count(self, device: str, habits: Habits, before: int, service: int, *, offered: bool) -> None:
        """Count a newly learned service; if the total limit is reached, the device silent for longest is evicted."""
        self._total += len(habits) - before
        self._make_room(device)
        self._enlist(device, habits.kind, service, offered=offered)

    def _make_room(self, device: str) -> None:
        while self._total > self._most and (oldest := self._habits.oldest()) and oldest[0] != device:
            self._take_out(oldest[0])

    def _enlist(self, device: str, kind: str, service: int, *, offered: bool) -> None:
        key = (kind, service, offered)
        alike = self._alike.get(key)
        if alike is None:
            alike = Bounded(ALIKE_LIMIT)
            self._alike.put(key, alike)
        alike.put(device, True)

    def _count_type(self, habits: Habits, step: int) -> None:
        kinds = self._device_types.get(habits.segment)
        if kinds is None:
            kinds = Bounded(ALIKE_LIMIT * 8)
            self._device_types.put(habits.segment, kinds)
        kinds.put(habits.kind, max(0, (kinds.get(habits.kind) or 0) + step))

    def _take_out(self, device: str) -> Habits | None:
        habits = self._habits.pop(device)
        if habits is not None:
            self._drop(device, habits)
        return habits

    def _drop(self, device: str, habits: Habits) -> None:
        """Remove a device and its counts."""
        self._changed.pop(device)
        self._total -= len(habits)
        self._count_type(habits, -1)


def _name(device: Device | None, subject: Subject) -> str:
    """The name of a peer: its device id, or its address if it is no device."""
    return device.id if device is not None else addresses.text(subject.address)
