"""Groups of devices by type, or by type and product, if there are too many to list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from sensor.report.model import Device, Score

VERSIONS_SHOWN = 3


class Group(NamedTuple):
    """Devices of one type, or of one type and product. ``worst``: highest score among them; ``firmware``: most frequent
    versions.
    """

    type: str
    product: str
    devices: int
    segments: int
    weak: int
    worst: Score | None
    firmware: str


def groups_of(present: Iterable[Device], *, by_product: bool) -> list[Group]:
    """Largest groups first."""
    groups: dict[tuple[str, str], list[Device]] = {}
    for device in present:
        groups.setdefault((device.type, (device.product or "not known") if by_product else ""), []).append(device)
    made = [_group(kind, product, several) for (kind, product), several in groups.items()]
    return sorted(made, key=lambda one: (-one.devices, one.type, one.product))


def _group(kind: str, product: str, several: list[Device]) -> Group:
    versions = Counter(device.firmware for device in several if device.firmware)
    text = ", ".join(
        f"{version} ({count:,})"
        for version, count in sorted(versions.items(), key=lambda one: (-one[1], one[0]))[:VERSIONS_SHOWN]
    )
    scores = [device.score for device in several if device.score is not None]
    worst = max(scores, key=lambda score: score.points, default=None)
    weak = sum(1 for device in several if device.findings)
    return Group(
        kind,
        product,
        len(several),
        len({device.segment for device in several}),
        weak,
        worst,
        text + (" …" if len(versions) > VERSIONS_SHOWN else ""),
    )
