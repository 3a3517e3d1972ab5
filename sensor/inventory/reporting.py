"""Which changes of a device are reported: compares the last report with the current state, and waits if the new value
may be temporary.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator

from sensor.core import addresses
from sensor.core.device import REPORTED, Device, DeviceChange, FieldChange
from sensor.core.observation import Evidence
from sensor.core.time_units import HOUR
from sensor.inventory.compact import CompactReport
from sensor.inventory.corrections import SURE
from sensor.inventory.limits import Limits

EVIDENCE_LIMIT = 32
ADDRESSES_LIMIT = 8
_NOTHING = ("", 0.0)
_Values = tuple[tuple[str, float], ...]
_UNKNOWN: _Values = (_NOTHING,) * len(REPORTED)


class Reported(CompactReport):
    """The state known to the receivers, and the time of the last comparison.

    ``values``: (value, confidence) of each of REPORTED; ``waiting``: field → (value, since when); ``named``: with a
    name.
    """

    __slots__ = ()

    def __init__(self, device: Device, ips: tuple[int, ...], now: int) -> None:
        self.looked = now
        self.values = _values(device)
        self.identified, self.named = device.type != "unknown", bool(device.names)
        self.ips = self.pending_ips = ips

    @classmethod
    def known(cls, values: _Values, identified: bool, named: bool, ips: tuple[int, ...], now: int) -> Reported:
        """The last report, of an earlier run."""
        reported = cls.__new__(cls)
        reported.looked, reported.identified, reported.named = now, identified, named
        reported.values = _shared((*values, *_UNKNOWN)[: len(REPORTED)])
        reported.ips = reported.pending_ips = ips
        return reported

    def changes(self, device: Device, now: int, limits: Limits, final: bool) -> list[FieldChange]:
        """The fields to report now, which are then treated as reported. ``final``: end of the run, so nothing waits. Of
        names, which may be many, only the first is reported when there was none.
        """
        found = []
        for index, field in enumerate(REPORTED):
            value, confidence = _value(device, field)
            old, confidence_before = self.values[index]
            if value == old:
                self._settle(field)
            elif (
                final
                or not old
                or confidence == SURE
                or (value and confidence >= confidence_before + limits.margin)
                or self._held(field, value, now, limits)
            ):
                self._settle(field)
                self.values = (*self.values[:index], (value, confidence), *self.values[index + 1 :])
                found.append(_change(field, old, value))
        if device.names and not self.named:
            self.named = True
            found.append(FieldChange("hostname", "", next(iter(device.names))))
        return found

    def _settle(self, field: str) -> None:
        if self.waiting:
            self.waiting.pop(field, None)

    def _held(self, field: str, value: str, now: int, limits: Limits) -> bool:
        """Whether the field has had this value for long enough."""
        self.waiting = self.waiting or {}
        waiting = self.waiting.get(field)
        if waiting is None or waiting[0] != value:
            self.waiting[field] = (value, now)
            return False
        return now - waiting[1] >= limits.hold_ns

    def moves_to(self, ips: tuple[int, ...], now: int, limits: Limits, final: bool) -> FieldChange | None:
        """The change of IPv4 addresses to report now. If two hosts compete for an address, each report doubles the wait
        for the next.
        """
        if ips == self.ips or len(ips) > ADDRESSES_LIMIT:
            self.pending_ips = self.ips
            return None
        if ips != self.pending_ips:
            self.pending_ips, self.pending_since = ips, now
        if now - self.moved > HOUR:
            self.moves = 0
        if not final and self.ips and now - self.pending_since < limits.address_hold_ns << min(self.moves, 10):
            return None
        change = FieldChange("ips", _text(self.ips), _text(ips))
        if self.ips:
            self.moved, self.moves = now, self.moves + 1
        self.ips = ips
        return change

    @property
    def has_pending(self) -> bool:
        """Whether a change waits to be reported."""
        return bool(self.waiting) or self.pending_ips != self.ips


def first_report(ts: int, device: Device) -> Iterator[DeviceChange]:
    """``new`` with all known data, and ``identified`` if that includes the type."""
    proof = evidence_of(device)
    yield DeviceChange(ts=ts, action="new", device=device, evidence=proof)
    if device.type != "unknown":
        yield DeviceChange(
            ts=ts,
            action="identified",
            device=device,
            changes=(_change("type", "", device.value("type")),),
            evidence=proof,
        )


def action_of(reported: Reported, changes: list[FieldChange]) -> str:
    """The action that summarizes these changes."""
    fields = {change.field: change.new for change in changes}
    if not reported.identified and fields.get("type", "unknown") != "unknown":
        reported.identified = True
        return "identified"
    return "address_changed" if set(fields) == {"ips"} else "changed"


def snapshot(device: Device) -> Device:
    """A copy that later packets do not change."""
    # Names, attributes and roles are never changed in place.
    return Device(
        device.id, device.key, device.first, device.last, device.macs, dict(device.addresses), device.vlan,
        device.names, device.attributes, device.roles,
        device.services,
    )  # fmt: skip


def evidence_of(device: Device) -> tuple[Evidence, ...]:
    """The evidence, alternating between the attributes. If there is more than the limit, every attribute gets some, so
    that no value is without evidence.
    """
    attributes = device.attributes
    if not attributes:
        return ()
    fields = [field for field in REPORTED if field in attributes]
    fields += [name for name in attributes if name not in REPORTED]
    found = [attributes[field].evidence for field in fields]
    if sum(map(len, found)) > EVIDENCE_LIMIT:
        turns = itertools.zip_longest(*[_weightiest_first(pieces) for pieces in found])
        reported = {
            id(piece)
            for piece in itertools.islice(
                (piece for turn in turns for piece in turn if piece is not None), EVIDENCE_LIMIT
            )
        }
        found = [tuple([piece for piece in pieces if id(piece) in reported]) for pieces in found]
    return tuple(itertools.chain.from_iterable(found))


def _weightiest_first(evidence: tuple[Evidence, ...]) -> list[Evidence]:
    """The best piece of each family for each value, which determine the confidence, then the others. Evidence is passed
    best first.
    """
    first: dict[tuple[str, str], Evidence] = {}
    others = [piece for piece in evidence if first.setdefault((piece.value, piece.family), piece) is not piece]
    return [*first.values(), *others]


def _value(device: Device, field: str) -> tuple[str, float]:
    """Value and confidence; an unknown type has no value."""
    attribute = device.attributes.get(field)
    return (
        _pair(attribute.value, attribute.confidence)
        if attribute is not None and attribute.value != "unknown"
        else _NOTHING
    )


@functools.lru_cache(maxsize=1024)
def _pair(value: str, confidence: float) -> tuple[str, float]:
    """One shared object for equal pairs."""
    return value, confidence


def _values(device: Device) -> _Values:
    """The value of each of REPORTED."""
    return _shared(tuple([_value(device, field) for field in REPORTED])) if device.attributes else _UNKNOWN


@functools.lru_cache(maxsize=1024)
def _shared(values: _Values) -> _Values:
    """One shared object for devices with equal values."""
    return values


def _change(field: str, old: str, new: str) -> FieldChange:
    return FieldChange(field, old or "unknown", new or "unknown") if field == "type" else FieldChange(field, old, new)


def _text(ips: tuple[int, ...]) -> str:
    return ", ".join(map(addresses.text, ips))
