"""When a vulnerability of a device was detected first.

It can be detected once packets have shown the version and a feed with the CVE was imported: the later of the two times.
A CVE that comes with the sensor may have been detected before its import, if the version was known by then. Without one
of the times, it is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sensor.core.foreign import Record, tidy
from sensor.core.record_parts import time_text
from sensor.posture.vulnerabilities.about import About
from sensor.posture.vulnerabilities.match_curated import SOURCE as CURATED


def first_detected(about: About, proof: Iterable[Record]) -> str:
    """RFC 3339; empty if unknown. ``proof``: evidence of the version, with the time of its first packet."""
    shown = min((one for one in (_time(claim.get("first")) for claim in proof) if one is not None), default=None)
    imported = _time(about.imported)
    if shown is None or imported is None or (imported > shown and CURATED in about.sources):
        return ""
    return time_text(round(max(shown, imported).timestamp() * 10**6) * 1000)


def _time(text: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(tidy(text))
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
