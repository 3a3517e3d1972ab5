"""Matches devices with all vulnerabilities, curated and imported. One finding per device and CVE; devices with the same
model and firmware are evaluated once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import chain

from sensor.core.collection import remembered
from sensor.posture.vulnerabilities.asset import Asset
from sensor.posture.vulnerabilities.curated import Vulnerability
from sensor.posture.vulnerabilities.finding import Finding, strongest
from sensor.posture.vulnerabilities.match_curated import CuratedIndex
from sensor.posture.vulnerabilities.match_imported import ImportedIndex
from sensor.posture.vulnerabilities.names import Names

# Evaluated models with a firmware that are kept; one may have thousands of findings.
_CACHED = 128


class Matcher:
    """``base``: database of imported vulnerabilities, if any."""

    def __init__(self, curated: Iterable[Vulnerability], names: Names, base: sqlite3.Connection | None = None) -> None:
        entries = list(curated)
        self._curated: dict[str, list[Vulnerability]] = {}
        for entry in entries:
            self._curated.setdefault(entry.cve, []).append(entry)
        self._index = CuratedIndex(entries)
        self._imported = ImportedIndex(base, names) if base is not None else None
        self._cached = remembered(self._evaluate, _CACHED)

    def findings(self, asset: Asset) -> dict[str, Finding]:
        """All findings of one device by CVE, shared by devices that equal it."""
        return self._cached(asset._replace(id="", proof=()), asset.trouble)

    def _evaluate(self, asset: Asset, trouble: str) -> dict[str, Finding]:
        imported = self._imported.findings(asset, trouble) if self._imported is not None else ()
        return strongest(chain(self._index.findings(asset, trouble), imported))

    def of_cve(self, cve: str, assets: Iterable[Asset]) -> Iterator[tuple[Asset, Finding]]:
        """The findings of one CVE for many devices, without evaluating others."""
        entries = self._curated.get(cve, [])
        index, makers = CuratedIndex(entries), {vendor for entry in entries for vendor in entry.vendors}
        by_vendor: dict[str, list[Asset]] = {}
        for asset in assets:
            by_vendor.setdefault(asset.vendor, []).append(asset)
        imported = self._imported.of_cve(cve, by_vendor) if self._imported is not None else {}
        for vendor, several in by_vendor.items():
            if vendor not in makers and not imported:
                continue
            for asset in several:
                found = strongest(chain(index.findings(asset, asset.trouble), imported.get(asset.id, ())))
                if cve in found:
                    yield asset, found[cve]
