"""Devices against all vulnerabilities, those that come with the sensor and those that were imported. One finding for a device and a CVE."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import chain

from sensor.posture.asset import Asset
from sensor.posture.curated import Vulnerability
from sensor.posture.finding import Finding, strongest
from sensor.posture.match_curated import CuratedIndex
from sensor.posture.match_imported import ImportedIndex
from sensor.posture.names import Names


class Matcher:
    """``base``: the imported vulnerabilities, where there are some."""

    def __init__(self, curated: Iterable[Vulnerability], names: Names, base: sqlite3.Connection | None = None) -> None:
        entries = list(curated)
        self._curated: dict[str, list[Vulnerability]] = {}
        for entry in entries:
            self._curated.setdefault(entry.cve, []).append(entry)
        self._index = CuratedIndex(entries)
        self._imported = ImportedIndex(base, names) if base is not None else None

    def findings(self, asset: Asset) -> dict[str, Finding]:
        """All findings of one device by CVE."""
        imported = self._imported.findings(asset) if self._imported is not None else ()
        return strongest(chain(self._index.findings(asset), imported))

    def of_cve(self, cve: str, assets: Iterable[Asset]) -> Iterator[tuple[Asset, Finding]]:
        """The findings of one CVE among many devices, without judging them on any other."""
        index = CuratedIndex(self._curated.get(cve, ()))
        assets = list(assets)
        imported = dict(self._imported.of_cve(cve, assets)) if self._imported is not None else {}
        for asset in assets:
            found = strongest(chain(index.findings(asset), imported.get(asset.id, ())))
            if cve in found:
                yield asset, found[cve]
