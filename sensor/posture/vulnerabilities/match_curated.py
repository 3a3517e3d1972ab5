"""Matches devices with the curated vulnerabilities."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sensor.posture.vulnerabilities.asset import Asset
from sensor.posture.vulnerabilities.curated import Vulnerability
from sensor.posture.vulnerabilities.finding import Finding
from sensor.posture.vulnerabilities.ranges import AffectedStatus, Answer, evaluate
from sensor.posture.vulnerabilities.schemes import SCHEMES

SOURCE = "curated"
_NO_RULE = {
    "record": "the record contains no versions",
    "recalled": "the affected versions are not from a record: see the advisory",
    "none": "no record gives comparable affected versions: see the advisory",
}


class CuratedIndex:
    """Entries by vendor; regexes are compiled when the first device of a vendor is matched."""

    def __init__(self, entries: Iterable[Vulnerability]) -> None:
        self._entries: dict[str, list[Vulnerability]] = {}
        self._ready: dict[str, list[tuple[Vulnerability, re.Pattern[str], re.Pattern[str]]]] = {}
        for entry in entries:
            for vendor in entry.vendors:
                self._entries.setdefault(vendor, []).append(entry)

    def findings(self, asset: Asset, trouble: str) -> Iterator[Finding]:
        """Findings of the entries for this product; none of other products. ``trouble``: why its version cannot be
        used, if so.
        """
        name = asset.product
        for entry, product, system in self._of(asset.vendor):
            if (
                (not entry.types or asset.type in entry.types)
                and product.search(name)
                and (not entry.os or system.search(asset.os))
            ):
                answer = _answer(entry, asset.firmware, trouble)
                yield Finding(
                    entry.cve,
                    answer.verdict,
                    answer.reason,
                    SOURCE,
                    entry.product or entry.os or "any",
                    entry.certainty,
                )

    def _of(self, vendor: str) -> list[tuple[Vulnerability, re.Pattern[str], re.Pattern[str]]]:
        if vendor not in self._ready and vendor in self._entries:
            compiled = [
                (one, re.compile(one.product, re.IGNORECASE), re.compile(one.os, re.IGNORECASE))
                for one in self._entries[vendor]
            ]
            self._ready[vendor] = compiled
        return self._ready.get(vendor, [])


def _answer(entry: Vulnerability, firmware: str, trouble: str) -> Answer:
    if not entry.ranges:
        return Answer(AffectedStatus.UNKNOWN, _NO_RULE[entry.basis])
    if trouble:
        return Answer(AffectedStatus.UNKNOWN, trouble)
    answer = evaluate(SCHEMES[entry.scheme], firmware, entry.ranges)
    if entry.known and answer.verdict is AffectedStatus.NOT_AFFECTED:
        return Answer(
            AffectedStatus.UNKNOWN,
            f"{', '.join(entry.known)} is known to be affected; {firmware} is not listed",
        )
    return answer
