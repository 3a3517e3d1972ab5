"""Outdated firmware: some devices of one vendor and model run older firmware than others of the same model."""

from __future__ import annotations

from typing import NamedTuple

from sensor.core.device_text import product_text
from sensor.inventory.roster import Member
from sensor.posture.recommendations.checks import CheckResult
from sensor.posture.vulnerabilities.names import load_names
from sensor.posture.vulnerabilities.schemes import SCHEMES
from sensor.posture.vulnerabilities.versions import Order, compare


class _Fleet(NamedTuple):
    """Devices of one product: their number, and one device for each firmware version."""

    devices: int
    versions: tuple[Member, ...]


class FirmwareBehind:
    """Versions without a certain order, or of different branches, are not compared."""

    setting = "firmware_behind"
    delay = 0

    def __init__(self) -> None:
        self._fleets: dict[tuple[str, str], _Fleet] = {}

    def begin(self, members: list[Member], now: int) -> bool:
        before = _versions(self._fleets)
        products: dict[tuple[str, str], list[Member]] = {}
        for member in members:
            if member.vendor and member.model and member.firmware:
                products.setdefault((member.vendor, member.model), []).append(member)
        self._fleets = {product: _fleet_of(several) for product, several in products.items()}
        return _versions(self._fleets) != before

    def evaluate(self, member: Member) -> CheckResult | None:
        fleet = self._fleets.get((member.vendor, member.model))
        if fleet is None or not member.firmware or len(fleet.versions) < 2:
            return None
        product = product_text(member.vendor, member.model)
        other = _newest(member, fleet)
        if other is member:
            return None
        called = next(iter(other.device.names), "") or other.device.id
        seen = (
            f"it runs {member.firmware}, and {called} runs {other.firmware}: the newest of {fleet.devices} "
            f"devices {product}"
        )
        does = f"runs older firmware than another {product}: {member.firmware} instead of {other.firmware}"
        return CheckResult(seen, does, ((member.device, "firmware"), (other.device, "firmware")), product=product)

    def fixed(self, member: Member) -> str:
        return (
            f"it runs {member.firmware}, and no other {product_text(member.vendor, member.model)} runs a newer one"
            if member.firmware
            else ""
        )


def _fleet_of(several: list[Member]) -> _Fleet:
    found: dict[str, Member] = {}
    for member in sorted(several, key=lambda one: one.device.id):
        found.setdefault(member.firmware, member)
    return _Fleet(len(several), tuple(found.values()))


def _versions(fleets: dict[tuple[str, str], _Fleet]) -> dict[tuple[str, str], set[str]]:
    return {product: {one.firmware for one in fleet.versions} for product, fleet in fleets.items()}


def _newest(member: Member, fleet: _Fleet) -> Member:
    """The device with the newest version that is newer than this one's, otherwise this one."""
    scheme = SCHEMES[load_names().scheme(member.vendor)]
    newest = member
    for other in fleet.versions:
        if compare(scheme, newest.firmware, other.firmware) is Order.LESS:
            newest = other
    return newest
