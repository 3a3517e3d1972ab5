"""Builders for detector tests: flows as the columns that the flow pass reports, and a context with a few devices."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from itertools import pairwise
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from msgspec.structs import asdict

import sensor.derived
import sensor.detectors
from sensor import registry
from sensor.core.addresses import Networks, parse
from sensor.core.alert import Alert
from sensor.core.deriver import Deriver
from sensor.core.detector import Detector, DeviceDetector, EventDetector
from sensor.core.device import Attribute, Device, DeviceChange
from sensor.core.event import Event
from sensor.core.flow import CHANGE, Change, Reason, flow_of
from sensor.core.observation import Evidence, Subject
from sensor.core.time_units import SECOND
from sensor.core.wants import ALWAYS, event_reader
from sensor.counting.changes import ChangeReader
from sensor.counting.flow_detector import FlowDetector
from sensor.engine.compiled_wants import compiled
from sensor.intel.store import ThreatLists
from sensor.inventory.baseline import Baseline
from sensor.inventory.learner import Learner
from sensor.posture.profiles.confine import Confines

START = 1_700_000_000 * SECOND
MANY = 500
TCP, UDP, PING = 6, 17, 1


def device(kind: str, address: str, name: str = "", *, sure: float = 0.9) -> Device:
    """A device of a type at an address."""
    evidence = Evidence("type", kind, sure, "f", "mdns", "k", "s", START, START)
    attributes = {"type": Attribute("type", kind, sure, (evidence,))}
    return Device(
        f"dev-{address}", f"ip:{address}", START, START, names={name: START} if name else {}, attributes=attributes
    )


class World:
    """A detector context: internal networks, threat lists, and the devices by address."""

    more_bits = 0

    def __init__(self, *devices: Device, lists: ThreatLists | None = None) -> None:
        self.networks, self.intel = Networks(), lists or ThreatLists()
        self.devices = {parse(each.key.removeprefix("ip:")): each for each in devices}
        self.names: dict[int, tuple[str, ...]] = {}
        self.baseline = Baseline(self.device, names_of=self.names_of)
        self.profiles = Confines(self)

    def learned(self, story: Story, *, hours: int = 24) -> World:
        """The same context after a learning period of some hours, during which the flows of a story occurred."""
        for hour in range(hours + 1):
            self.baseline.watch(START + hour * 3600 * SECOND)
        unit = Learner(self, self.baseline)
        for _, numbers in unit.candidates(ChangeReader(self.networks).read(story.changes())):
            unit.is_relevant(numbers)
        return self

    def device(self, subject: Subject) -> Device | None:
        return self.devices.get(subject.address)

    def names_of(self, address: int) -> tuple[str, ...]:
        return self.names.get(address, ())


def detector(path: str, world: World | None = None, **options: Any) -> Any:
    """The detector with an id, with the given options."""
    unit, context = registry.units(sensor.detectors, Detector)[path], world or World()
    made, twin = (unit(context, unit.Options(**options)) for _ in range(2))
    made.id = twin.id = path
    _twins[made] = twin
    return made


# A second instance of each detector: it receives all events, the first one only those that it wants.
_twins: WeakKeyDictionary[Detector, Any] = WeakKeyDictionary()


# The derivers of events, by detector.
_derivers: WeakKeyDictionary[Detector, list[Deriver]] = WeakKeyDictionary()


def follows(derivers: Iterable[Deriver], event: Event, unit: EventDetector) -> list[Event]:
    """The events derived from an event that a detector watches; the test fails if a deriver derives events from one
    that it does not want.
    """
    kind, found = type(event), []
    for one in derivers:
        if kind in one.watches:
            wanted = one.wants().get(kind, ALWAYS).holds(event_reader(event))
            made = list(one.derive(event))
            assert wanted or not made, f"{type(one).__name__} does not want what it makes something of: {event}"
            found += [each for each in made if type(each) in unit.watches]
    return found


class Choice:
    """Selects the events that a detector wants, with the compiled function; its result must equal that of the nodes."""

    def __init__(self, unit: EventDetector) -> None:
        self._wants = unit.wants()
        self._compiled = {kind: compiled(kind, [want]) for kind, want in self._wants.items()}

    def wants(self, event: Event) -> bool:
        kind = type(event)
        if kind not in self._wants:
            return True
        chosen = bool(self._compiled[kind](event))
        assert chosen == self._wants[kind].holds(event_reader(event))
        return chosen


def comparable(alerts: Iterable[Alert]) -> list[tuple[Any, ...]]:
    """The compared fields of alerts: all except the events that are their evidence, which have no order."""
    return [tuple(getattr(alert, name) for name in alert.__struct_fields__ if name != "proof") for alert in alerts]


def backtestable(unit: Detector, alerts: Iterable[Alert]) -> list[Alert]:
    """The alerts; asserts that each whose threshold is an option of ``decisive``, and no other, has its number."""
    found = list(alerts)
    for alert in found:
        equal = {name for name, value in asdict(unit.options).items() if value == alert.numbers.get("threshold")}
        if equal and equal <= set(unit.decisive):
            names = {unit.decisive[name] for name in equal}
            assert any(isinstance(alert.numbers.get(name), int | float) for name in names), (
                f"{unit.id}: no number {' or '.join(sorted(names))} in {alert.numbers}, expected by `decisive`"
            )
    return found


def mac_of(address: str) -> int:
    """A MAC address derived from an address, always the same."""
    return 0x020000000000 | zlib.crc32(address.encode())


class Story:
    """Flows in any order; ``changes`` returns them in order of time."""

    def __init__(self) -> None:
        self._rows: list[tuple[float, int, dict[str, int]]] = []
        self._flows = 0

    def flow(
        self,
        at: float,
        client: str,
        server: str,
        port: int,
        *,
        proto: int = TCP,
        answered: bool = False,
        refused: bool = False,
        ended: float | None = None,
        packets: tuple[int, int] = (1, 0),
        sport: int = 40000,
        group: bool = False,
        size: int = 100,
    ) -> Story:
        """A flow that begins ``at`` seconds, is answered or rejected a millisecond later, and ends ``ended`` seconds
        later (None: it does not end). ``size``: mean size of its frames in bytes.
        """
        self._flows += 1
        c, s = parse(client), parse(server)
        fixed = {
            "flow": self._flows, "client_hi": c >> 64, "client_lo": c & 2**64 - 1, "server_hi": s >> 64,
            "server_lo": s & 2**64 - 1,
            "client_port": port if proto == PING else sport, "server_port": port, "proto": proto,
            "first": START + int(at * SECOND),
            "client_mac": mac_of(client), "server_mac": 1 << 40 if group else mac_of(server),
        }  # fmt: skip
        sent = {"client_packets": 1, "client_bytes": 60}
        self._rows.append((at, Change.NEW, fixed))
        if answered:
            back = {"server_packets": 1, "server_bytes": 60, "answered": 1}
            self._rows.append((at + 0.001, Change.ANSWERED, fixed | sent | back))
        if refused:
            self._rows.append((at + 0.001, Change.REFUSED, fixed | sent | {"server_packets": 1, "server_bytes": 54}))
        if ended is not None:
            last = {
                "last": START + int((at + ended) * SECOND),
                "client_packets": packets[0],
                "server_packets": packets[1],
                "client_bytes": size * packets[0],
                "server_bytes": size * packets[1],
            }
            self._rows.append(
                (at + ended, Change.ENDED, fixed | last | {"answered": int(answered), "reason": Reason.IDLE})
            )
        return self

    def converse(
        self,
        at: float,
        client: str,
        server: str,
        port: int,
        *,
        lasts: float = 60,
        messages: tuple[int, int] = (20, 20),
        proto: int = TCP,
    ) -> Story:
        """A flow with messages in both directions."""
        return self.flow(at, client, server, port, proto=proto, answered=True, ended=lasts, packets=messages)

    def going(
        self, at: float, client: str, server: str, port: int, sent: list[tuple[float, int]], *, ended: tuple[float, int]
    ) -> Story:
        """A long flow with progress: (seconds later, megabytes sent by its client), and the totals at its end."""
        self.flow(at, client, server, port, answered=True)
        fixed = self._rows[-1][2] | {"server_packets": 9, "server_bytes": 900}
        for kind, (later, megabytes) in [*((Change.PROGRESS, each) for each in sent), (Change.ENDED, ended)]:
            self._rows.append(
                (at + later, kind, fixed | {"client_packets": 1000 * megabytes, "client_bytes": 1_000_000 * megabytes})
            )
        return self

    def changes(self) -> npt.NDArray[np.void]:
        rows = sorted(self._rows, key=lambda row: row[0])
        changes = np.zeros(len(rows), CHANGE)
        for row, (at, kind, fields) in enumerate(rows):
            for name, value in fields.items():
                changes[name][row] = value
            changes["ts"][row], changes["kind"][row], changes["row"][row] = START + int(at * SECOND), kind, row
        return changes


def lit(story: Story) -> Story:
    """Adds one answered flow of each protocol, so that the capture contains both directions."""
    for proto, port in ((TCP, 80), (UDP, 53), (PING, 8)):
        story.flow(0, "10.9.9.9", "10.9.9.8", port, proto=proto, answered=True)
    return story


def _begins(count: int, size: int) -> Iterable[int]:
    """Where batches begin. Of many changes, eight of 64 are alone in a batch and the others together: a call for each
    would take seconds.
    """
    if size == 1 and count > MANY:
        return (at for at in range(count) if at % 64 <= 8)
    return range(0, count, size)


def alerts_of(unit: FlowDetector, changes: npt.NDArray[np.void], size: int = 1 << 30) -> list[Alert]:
    """The alerts of a flow detector, with the changes split into batches of ``size``."""
    found, reader = [], ChangeReader(unit.context.networks)
    for start, end in pairwise((*_begins(len(changes), size), len(changes))):
        part = changes[start:end].copy()
        for one in filter(None, (unit, _twins.get(unit))):
            messages = []
            for row, numbers in sorted(one.candidates(reader.read(part)), key=lambda each: each[0]):
                if one.is_relevant(numbers):
                    messages += one.evaluate(flow_of(part[row]), numbers)
            found += messages if one is unit else ()
    return backtestable(unit, found)


def in_time(path: str, story: Story, world: World | None = None, **options: Any) -> list[Alert]:
    """The alerts of a flow detector that processes a story second by second, and for a minute after it, at the end of
    the capture.
    """
    unit, changes = detector(path, world, **options), story.changes()
    reader, found, last = ChangeReader(unit.context.networks), [], 0
    for at in range(len(changes)):
        now = int(changes["ts"][at]) // SECOND
        if now > last:
            found += unit.tick(now * SECOND) if now * SECOND >= unit.due else ()  # as the pipeline does
            last = now
        part = changes[at : at + 1].copy()
        for row, numbers in unit.candidates(reader.read(part)):
            if unit.is_relevant(numbers):
                found += unit.evaluate(flow_of(part[row]), numbers)
    end = (last + 60) * SECOND
    return backtestable(unit, [*found, *unit.tick(end), *unit.finish(end)])


def raised(path: str, story: Story, world: World | None = None, **options: Any) -> list[Alert]:
    """The alerts of a flow detector for a story; asserts that they do not depend on the batch size."""
    changes = story.changes()

    def alerts(size: int = 1 << 30) -> list[Alert]:
        unit = detector(path, world, **options)
        del _twins[unit]  # no events follow
        return alerts_of(unit, changes, size)

    whole = alerts()
    for size in (1, 7, 64):
        again = alerts(size)
        assert [(alert.ts, alert.key, alert.summary, alert.targets) for alert in again] == [
            (alert.ts, alert.key, alert.summary, alert.targets) for alert in whole
        ]
    return whole


def one(found: list[Alert]) -> Alert:
    """The first of several alerts, all of which must have the same key."""
    assert len({alert.key for alert in found}) == 1
    return found[0]


def inspected(unit: EventDetector, events: Iterable[Event]) -> list[Alert]:
    """The alerts of an event detector for the events that it wants; asserts that all events give the same alerts."""
    if unit not in _twins:
        _twins[unit] = type(unit)(unit.context, unit.options)
        _twins[unit].id = unit.id
    twin, choice, found = _twins[unit], Choice(unit), []
    if unit not in _derivers:
        _derivers[unit] = [made() for made in registry.units(sensor.derived, Deriver).values()]
    derived = (one for event in events for one in (event, *follows(_derivers[unit], event, unit)))
    for event in derived:
        whole = list(twin.inspect(event))
        mine = list(unit.inspect(event)) if choice.wants(event) else []
        assert comparable(mine) == comparable(whole), (
            f"{unit.id} does not want what it would raise an alert for: {event}"
        )
        found += mine
    return backtestable(unit, found)


def reviewed(unit: DeviceDetector, changes: Iterable[DeviceChange]) -> list[Alert]:
    """The alerts of a device detector for device changes."""
    found = []
    for change in changes:
        if unit in _twins:
            list(_twins[unit].review(change))
        found += unit.review(change)
    return backtestable(unit, found)
