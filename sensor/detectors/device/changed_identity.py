"""A known MAC address now belongs to another device: later evidence contradicts its type, vendor or operating system.

An intruder takes the MAC of a printer to pass as one; a replaced network card, a dock, or a reinstalled host look the
same. Devices are identified better and better in their first hour: only evidence that began later counts, only
contradictions rather than broader or narrower terms, and never against values set by the operator.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import NEVER, Context, DeviceDetector
from sensor.core.device import FIXED_FUNCTION, Attribute, Device, DeviceChange
from sensor.core.model import Field
from sensor.core.observation import Evidence
from sensor.core.time_units import HOUR
from sensor.core.type_labels import type_label
from sensor.detectors.shared.devices import (
    COMPUTERS,
    SLIGHT,
    OfDevices,
    agree,
    called,
    confidence_of,
    is_randomised,
    set_by_operator,
    subject_of,
)
from sensor.detectors.shared.hosts import CARRIERS

REPORTED_LIMIT, SUSPECTS_LIMIT = 4096, 256
AGAIN, LOOK_EVERY = 24 * HOUR, 60_000_000_000
FIELDS = ("type", "vendor", "os")
FORWARDING = frozenset(("router", "gateway", "proxy", "dns_server"))
WATCHED = ("changed", "identified", "back", "address_changed")


class Options(detector.Options):
    """When a contradiction counts."""

    settled_h: float = Field(1, ge=0, le=720, description="learning period: hours a device must be known")
    confidence: float = Field(0.8, ge=0.5, le=1, description="minimum confidence of the new evidence")


class Contradiction(NamedTuple):
    """A field, its old and new value, and the confidence of the new one."""

    field: str
    old: str
    new: str
    sure: float
    evidence: tuple[Evidence, ...]

    @property
    def was(self) -> str:
        """The old value, for readers."""
        return type_label(self.old) if self.field == "type" else self.old

    @property
    def now(self) -> str:
        return type_label(self.new) if self.field == "type" else self.new


class ChangedIdentity(OfDevices, DeviceDetector):
    """Watches changes of devices with their own MAC, and contradicting evidence."""

    title = "Device identity changed (possible MAC spoofing)"
    severity = Severity.low
    techniques = ("T1036",)
    advice = (
        "Check which device is connected to the switch port of this MAC. If it is another one, disconnect it: MAC "
        "spoofing gives it the network access of the device. If it was replaced intentionally, set the new type with "
        "`sensor devices set`."
    )
    false_positives = (
        "A host with a new operating system or booted from another disk, docks and adapters shared "
        "by hosts, a device replaced by another model."
    )
    decisive = {"confidence": "sure"}
    Options = Options

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._reported: Recent[tuple[str, str]] = self.tables.add("reported", Recent(REPORTED_LIMIT, AGAIN))
        # Devices with inconclusive contradicting evidence: more may arrive without another change of the device.
        self._suspects: Bounded[str, DeviceChange] = self.tables.add("suspects", Bounded(SUSPECTS_LIMIT))
        self._next_look = 0

    def review(self, change: DeviceChange) -> Iterator[Alert]:
        device = change.device
        if (
            change.action not in WATCHED
            or not device.key.startswith("mac:")
            or is_randomised(device)
            or _is_gateway(device)
        ):
            return
        yield from self._evaluate(change)

    def tick(self, now: int) -> Iterator[Alert]:
        if not len(self._suspects) or 0 < self._next_look - now <= LOOK_EVERY:
            self.due = self._next_look if len(self._suspects) else NEVER
            return
        self._next_look = self.due = now + LOOK_EVERY
        for name, change in list(self._suspects.items()):
            device = self.context.device(subject_of(change.device))
            if device is None or device.id != name or not 0 <= now - change.ts < AGAIN:
                self._suspects.pop(name)
            else:
                yield from self._evaluate(
                    DeviceChange(now, change.action, device, change.changes, change.evidence), since=change
                )

    def _evaluate(self, change: DeviceChange, since: DeviceChange | None = None) -> Iterator[Alert]:
        """Report confident changes, and remember those that may become so. ``since``: first reported."""
        device, settled = change.device, change.device.first + int(self.options.settled_h * HOUR)
        if change.ts < settled:
            return
        some = [one for field in FIELDS if (one := self._contradiction(change, field, settled)) is not None]
        found = [one for one in some if one.sure >= self.options.confidence]
        if len(found) < len(some):
            self._suspects.put(device.id, since or change)
            self.due = 0
        # Dual-boot computers change their operating system.
        if any(one.field != "os" or device.fixed_function for one in found):
            new = ", ".join(one.new for one in found)
            if self._reported.fresh((device.id, new), change.ts):
                yield self._alert(change, found)

    def _contradiction(self, change: DeviceChange, field: str, settled: int) -> Contradiction | None:
        """Late evidence that contradicts a device's identity; None if there is none."""
        attribute = change.device.attributes.get(field)
        if attribute is None or set_by_operator(attribute.evidence):
            return None
        was = next((one.old for one in change.changes if one.field == field and one.old not in ("", "unknown")), "")
        old, new = (was, attribute.value) if was else (attribute.value, _contradicting(attribute))
        if not new or not old or _same(field, old, new):
            return None
        late = tuple(one for one in attribute.evidence if one.value == new and one.family not in SLIGHT)
        if not late or min(one.first for one in late) < settled:
            return None
        return Contradiction(field, old, new, confidence_of(late), late)

    def _alert(self, change: DeviceChange, found: list[Contradiction]) -> Alert:
        device, sure = change.device, max(one.sure for one in found)
        known = (change.ts - device.first) / HOUR
        why = [
            f"its {_word(one.field)} was {one.was} and is {one.now} (confidence {one.sure:.2f}), from {_sources(one)}"
            for one in found
        ]
        why.append(f"the device is known for {known:.0f} h; the new evidence began later")
        return self.device_alert(
            change,
            device,
            "identity",
            summary=f"{called(device)} changed its identity: {', '.join(f'{one.was} → {one.now}' for one in found)}",
            why=why,
            numbers={
                "known_h": round(known, 1),
                "threshold_h": self.options.settled_h,
                "sure": round(sure, 2),
                "threshold": self.options.confidence,
            },
            severity=Severity.medium if any(_is_severe(one) for one in found) else self.severity,
            confidence=round(min(sure, 0.95), 2),
        )


def _is_gateway(device: Device) -> bool:
    """Network equipment shows attributes of the hosts behind it: a new host there is not another device."""
    return device.type in CARRIERS or bool(device.roles & FORWARDING)


def _contradicting(attribute: Attribute) -> str:
    """The value with the best evidence against an attribute; empty if it is not contested."""
    if not attribute.contested:
        return ""
    against = [one for one in attribute.evidence if one.value != attribute.value and one.family not in SLIGHT]
    return max(against, key=lambda one: (one.confidence, one.value)).value if against else ""


def _same(field: str, old: str, new: str) -> bool:
    """Whether both values can apply to one device. Releases of one system are the same system; a vendor name may be
    abbreviated.
    """
    if field == "type":
        return agree(old, new)
    one, other = old.casefold().split(), new.casefold().split()
    return bool(one and other) and (one[0] == other[0] or one[0].startswith(other[0]) or other[0].startswith(one[0]))


def _is_severe(one: Contradiction) -> bool:
    """Whether a fixed-function device became a computer or network equipment, or the reverse, according to several
    protocols.
    """
    if one.field != "type" or len({piece.family for piece in one.evidence}) < 2:
        return False
    return (one.old in FIXED_FUNCTION and one.new in COMPUTERS | CARRIERS) or (
        one.old in COMPUTERS and one.new in FIXED_FUNCTION
    )


def _sources(one: Contradiction) -> str:
    return ", ".join(dict.fromkeys(f"{piece.kind} {piece.seen!r}" for piece in one.evidence[:3]))


def _word(field: str) -> str:
    return "system" if field == "os" else field
