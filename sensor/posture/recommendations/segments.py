"""Wrong segment: a camera, a phone or a printer among workstations, or a workstation among cameras.

The baseline has the segment of each device: the /24 of its address (/64 for IPv6). Only a homogeneous segment is
evidence: enough devices in it have a known type, and nearly all of them belong to the same group. A case stays open
until the device has moved, or the segment is no longer homogeneous.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import NamedTuple

from sensor.core import addresses
from sensor.core.bounded import Bounded
from sensor.core.detector import Context
from sensor.core.named_tables import NamedTables
from sensor.core.type_labels import a_type, types_counted
from sensor.detectors.shared.devices import subject_of
from sensor.inventory import identity
from sensor.inventory.roster import Member
from sensor.posture.recommendations.checks import CheckResult
from sensor.posture.recommendations.tables import places

# Number of devices with a known type, and share of one group among them, that make a segment homogeneous; the largest
# share of another group that is misplaced in it.
ENOUGH, SHARE, MISPLACED = 8, 0.8, 0.15
UNKNOWN = "unknown"
# Number of segments whose content at the last check is kept.
SEGMENTS = 4096


class _Segment(NamedTuple):
    """``group``: its dominant group; ``kinds``: number of devices by type."""

    sort: str
    kinds: Mapping[str, int]

    @property
    def frequent(self) -> set[str]:
        """Types too frequent in it to be misplaced."""
        most = MISPLACED * sum(self.kinds.values())
        return {kind for kind, count in self.kinds.items() if count > most}

    @property
    def text(self) -> str:
        some = sorted(self.kinds.items(), key=lambda one: (-one[1], one[0]))
        return ", ".join(types_counted(kind, count) for kind, count in some)


class MisplacedDevice:
    """Evaluates devices with a known type, by their last used address."""

    setting = "wrong_segment"
    delay = 0

    def __init__(self, context: Context) -> None:
        self._context = context
        self.tables = NamedTables()
        self._segments: Bounded[str, _Segment | None] = self.tables.add("segments", Bounded(SEGMENTS))

    def begin(self, members: list[Member], now: int) -> bool:
        changed = False
        for name, before in list(self._segments.items()):
            segment = _read(self._context.baseline.device_types(name))
            self._segments.put(name, segment)
            changed = changed or _rule(segment) != _rule(before)
        return changed

    def evaluate(self, member: Member) -> CheckResult | None:
        group = group_of(member.type)
        name = _segment_of(member) if group else ""
        segment = self._segment(name) if name else None
        if segment is None or segment.sort == group or member.type in segment.frequent:
            return None
        seen = f"it is {a_type(member.type)}, and {name} contains {segment.text}"
        return CheckResult(seen, f"is in {name} among devices of other types", ((member.device, "type"),))

    def fixed(self, member: Member) -> str:
        name = _segment_of(member)
        if not name or member.type == UNKNOWN:
            return ""
        segment = self._segment(name)
        return (
            f"it is in {name}, which contains {segment.text}"
            if segment is not None
            else f"it is in {name}, a segment for all device types"
        )

    def _segment(self, name: str) -> _Segment | None:
        if name not in self._segments:
            self._segments.put(name, _read(self._context.baseline.device_types(name)))
        return self._segments.get(name)


def _rule(segment: _Segment | None) -> tuple[str, set[str]] | None:
    """What decides whether a device is misplaced in it."""
    return (segment.sort, segment.frequent) if segment is not None else None


def _segment_of(member: Member) -> str:
    """The segment of its address; link-local addresses are the same in all segments."""
    address = subject_of(member.device).address
    return addresses.segment(address) if address and not identity.is_link_local(address) else ""


@functools.lru_cache(maxsize=256)
def group_of(kind: str) -> str:
    """``people`` or ``apart``, as in places.yaml; empty for types that are no evidence."""
    table = places()
    return "people" if kind in table.people else "apart" if kind in table.apart else ""


def _read(types: Mapping[str, int]) -> _Segment | None:
    """None if the segment is not homogeneous."""
    kinds = {kind: count for kind, count in types.items() if count and kind != UNKNOWN and kind not in places().nowhere}
    total = sum(kinds.values())
    if total < ENOUGH or total < types.get(UNKNOWN, 0):
        return None
    groups: dict[str, int] = {}
    for kind, count in kinds.items():
        groups[group_of(kind)] = groups.get(group_of(kind), 0) + count
    group, most = max(groups.items(), key=lambda one: one[1])
    return _Segment(group, kinds) if group and most >= SHARE * total else None
