"""Findings of a site's devices with their priority, which depends on reachability from the internet, attacks and
criticality.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from sensor.core.collection import remembered
from sensor.core.foreign import Record, part, tidy
from sensor.core.record_parts import objects
from sensor.posture.alert_ends import INBOUND, MAPPING, AlertEnds, reached
from sensor.posture.latest import Details, Known
from sensor.posture.vulnerabilities.about import About, Library
from sensor.posture.vulnerabilities.asset import Asset, asset_of
from sensor.posture.vulnerabilities.curated import load_curated
from sensor.posture.vulnerabilities.finding import Finding
from sensor.posture.vulnerabilities.match import Matcher
from sensor.posture.vulnerabilities.names import load_names
from sensor.posture.vulnerabilities.priority import Priority, RiskFactors, priority
from sensor.posture.vulnerabilities.ranges import AffectedStatus

# Alerts that show that hosts on the internet reach a device, and those of attacks on a device.
OUTSIDE = (INBOUND, MAPPING)
# Days for which such an alert counts after its last occurrence, as seen from the last record.
COUNTED_DAYS = 90
ATTACKS = ("initial_access.", "credential_access.", "lateral_movement.", "camera.", "voice.", "printing.")
REMEMBERED = 65_536


class DeviceFinding(NamedTuple):
    """A finding of a device. ``points``: its priority, 0 to 100."""

    points: float
    device: Record
    asset: Asset
    finding: Finding


class Fleet:
    """Devices matched with all known vulnerabilities."""

    def __init__(
        self, known: Known, ends: AlertEnds, base: sqlite3.Connection | None, details: Details | None = None
    ) -> None:
        """``base``: database of imported vulnerabilities, if any; ``details``: adds the evidence of a device to records
        without it. Raises DocumentErrors.
        """
        curated = load_curated()
        self.matcher, self.library = Matcher(curated, load_names(), base), Library(curated, base)
        self._details = details
        self._outside, self._attacked = _targets(known, ends)
        self._abouts: dict[str, About] = {}
        # Many devices share the same circumstances.
        self._points = remembered(self._points_of, REMEMBERED)

    def evaluate(self, records: Iterable[Record]) -> Iterator[DeviceFinding]:
        """All findings of these devices."""
        for record in records:
            asset = self.asset(record)
            findings = self.matcher.findings(asset)
            if not findings:  # as most devices have
                continue
            circumstances = self.circumstances(record)
            for finding in findings.values():
                yield DeviceFinding(self._points(finding.cve, finding.verdict, circumstances), record, asset, finding)

    def of_cve(self, cve: str, records: Iterable[Record]) -> list[DeviceFinding]:
        """The findings of one CVE, most urgent first."""
        by_id = {tidy(part(record, "device").get("id")): record for record in records}
        found = self.matcher.of_cve(cve, map(self.asset, by_id.values()))
        evaluated = (DeviceFinding(0, by_id[asset.id], asset, finding) for asset, finding in found)
        return ordered(one._replace(points=self.priority(one).points) for one in evaluated)

    def asset(self, record: Record) -> Asset:
        """A device with the packets that showed its firmware; they are looked up only if there is a finding."""
        device = part(record, "device")
        known = asset_of(device, objects(record.get("evidence")))
        if not known.firmware or known.proof or self._details is None or not self.matcher.findings(known):
            return known
        return asset_of(device, objects(self._details(record).get("evidence")))

    def about(self, cve: str) -> About:
        """Combined data of all sources on a CVE."""
        if cve not in self._abouts:
            self._abouts[cve] = self.library.about(cve) or About(cve)
        return self._abouts[cve]

    def priority(self, evaluated: DeviceFinding) -> Priority:
        """The priority of a finding, with its terms."""
        return priority(
            self.about(evaluated.finding.cve), evaluated.finding.verdict, self.circumstances(evaluated.device)
        )

    def circumstances(self, record: Record) -> RiskFactors:
        """What raises the priority of the findings of a device."""
        device = part(record, "device")
        name = tidy(device.get("id"))
        return RiskFactors(name in self._outside, name in self._attacked, tidy(device.get("criticality")))

    def _points_of(self, cve: str, verdict: AffectedStatus, circumstances: RiskFactors) -> float:
        return priority(self.about(cve), verdict, circumstances).points


def ordered(found: Iterable[DeviceFinding]) -> list[DeviceFinding]:
    """Affected devices first, then by priority, CVE and device."""
    return sorted(
        found,
        key=lambda one: (
            one.finding.verdict is not AffectedStatus.AFFECTED,
            -one.points,
            one.finding.cve,
            one.asset.id,
        ),
    )


def _targets(known: Known, ends: AlertEnds) -> tuple[set[str], set[str]]:
    """(reached from the internet, attacked): ids of devices. Alerts closed by an operator do not count, nor old ones;
    those that ended by themselves do.
    """
    outside: set[str] = set()
    attacked: set[str] = set()
    oldest = _oldest(known)
    for record in known.alerts.values():
        alert = part(record, "alert")
        detector = tidy(alert.get("detector"))
        if (
            "closed" in alert
            or tidy(alert.get("last") or record.get("ts")) < oldest
            or not detector.startswith((*OUTSIDE, *ATTACKS))
        ):
            continue
        several = reached(record) if detector in OUTSIDE else [record.get("dst"), *objects(record.get("targets"))]
        names = {ends.device(end, record) for end in several} - {""}
        if detector in OUTSIDE:
            outside |= names
        else:
            attacked |= names
    return outside, attacked


def _oldest(known: Known) -> str:
    """The time, in the format of records, before which alerts no longer count; empty if the last record has none."""
    records = (*known.devices.values(), *known.alerts.values())
    try:
        last = datetime.fromisoformat(max((tidy(record.get("ts")) for record in records), default=""))
        return (last - timedelta(days=COUNTED_DAYS)).strftime("%Y-%m-%dT%H:%M:%S")
    except (ValueError, OverflowError):
        return ""
