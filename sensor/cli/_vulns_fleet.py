"""The devices that ``sensor vulns`` judges, with what makes a finding urgent: who is reached from outside, was attacked, or matters most."""

from __future__ import annotations

import argparse
import functools
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from sensor.cli._known import Known, known
from sensor.cli._show import part, tidy
from sensor.core.record_parts import objects
from sensor.posture.about import About, Library
from sensor.posture.asset import Asset, asset_of
from sensor.posture.curated import load_curated
from sensor.posture.finding import Finding
from sensor.posture.match import Matcher
from sensor.posture.names import load_names
from sensor.posture.priority import Circumstances, Priority, priority
from sensor.posture.ranges import Verdict

Record = dict[str, Any]

# Alerts that show that the outside reaches a device, and those of attacks on one.
OUTSIDE = ("exposure.inbound_from_internet", "command_and_control.port_mapping")
ATTACKS = ("initial_access.", "credential_access.", "lateral_movement.", "camera.", "voice.", "printing.")


_REMEMBERED = 65_536


class Judged(NamedTuple):
    """A finding of a device. ``points``: its priority."""

    points: float
    device: Record
    asset: Asset
    finding: Finding


class Fleet:
    """Devices, and all that is known of vulnerabilities."""

    def __init__(self, found: Known, base: sqlite3.Connection | None) -> None:
        curated = load_curated()
        self.known, self.matcher, self.library = found, Matcher(curated, load_names(), base), Library(curated, base)
        self._outside, self._attacked = _aimed_at(found.fold.alerts.values())
        self._abouts: dict[str, About] = {}
        # Devices in the same circumstances are many.
        self._points = functools.lru_cache(_REMEMBERED)(self._points_of)

    def judge(self, records: Iterable[Record]) -> Iterator[Judged]:
        """All findings of these devices."""
        for record in records:
            asset, circumstances = self.asset(record), self.circumstances(record)
            for finding in self.matcher.findings(asset).values():
                yield Judged(self._points(finding.cve, finding.verdict, circumstances), record, asset, finding)

    def of_cve(self, cve: str, records: Iterable[Record]) -> list[Judged]:
        """The findings of one CVE, the most urgent first."""
        by_id = {tidy(part(record, "device").get("id")): record for record in records}
        found = self.matcher.of_cve(cve, map(self.asset, by_id.values()))
        judged = (Judged(0, by_id[asset.id], asset, finding) for asset, finding in found)
        return ordered(one._replace(points=self.priority(one).points) for one in judged)

    def asset(self, record: Record) -> Asset:
        """A device with the packets that told its firmware; those of an inventory are only looked for where there is something to judge."""
        device = part(record, "device")
        bare = asset_of(device, objects(record.get("evidence")))
        if not bare.firmware or bare.proof or self.known.reader is None or not self.matcher.findings(bare):
            return bare
        return asset_of(device, objects(self.known.details(record).get("evidence")))

    def about(self, cve: str) -> About:
        """What is known of a CVE."""
        if cve not in self._abouts:
            self._abouts[cve] = self.library.about(cve) or About(cve)
        return self._abouts[cve]

    def priority(self, judged: Judged) -> Priority:
        """Of a finding, with its terms."""
        return priority(self.about(judged.finding.cve), judged.finding.verdict, self.circumstances(judged.device))

    def _points_of(self, cve: str, verdict: Verdict, circumstances: Circumstances) -> float:
        return priority(self.about(cve), verdict, circumstances).points

    def circumstances(self, record: Record) -> Circumstances:
        device = part(record, "device")
        ips = device.get("ips")
        addresses = {tidy(one) for one in (device.get("id"), *(ips if isinstance(ips, list) else ()))}
        return Circumstances(bool(addresses & self._outside), bool(addresses & self._attacked), tidy(device.get("criticality")))


def fleet_of(args: argparse.Namespace, base: sqlite3.Connection | None) -> Fleet:
    """The devices of the dataset."""
    return Fleet(known(args, alerts=True), base)


def ordered(found: Iterable[Judged]) -> list[Judged]:
    """What is affected first, then the most urgent, then by CVE and device."""
    return sorted(found, key=lambda one: (one.finding.verdict is not Verdict.AFFECTED, -one.points, one.finding.cve, one.asset.id))


def _aimed_at(alerts: Iterable[Record]) -> tuple[set[str], set[str]]:
    """(reached from outside, attacked): ids and addresses of devices. What somebody closed was dealt with; that it fell silent says nothing."""
    outside: set[str] = set()
    attacked: set[str] = set()
    for record in alerts:
        alert = part(record, "alert")
        if "closed" in alert:
            continue
        detector = tidy(alert.get("detector"))
        ends = [part(record, "dst"), *objects(record.get("targets"))]
        names = {tidy(end.get(name)) for end in ends for name in ("device", "ip")} - {""}
        if detector in OUTSIDE:
            outside |= names
        if detector.startswith(ATTACKS):
            attacked |= names
    return outside, attacked
