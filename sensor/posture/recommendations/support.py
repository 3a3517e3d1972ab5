"""End of support: products and systems that their vendors no longer update. Evaluated by packet time, so that an old
capture is evaluated by its own date.
"""

from __future__ import annotations

import functools
from datetime import UTC, date, datetime

from sensor.core.device_text import product_text
from sensor.core.time_units import SECOND
from sensor.inventory.roster import Member
from sensor.posture.recommendations.checks import CheckResult
from sensor.posture.recommendations.tables import Support, supports


class EndOfSupport:
    """If several entries match a device, the one that ended last is reported."""

    setting = "end_of_life"
    delay = 0

    def __init__(self) -> None:
        self._today = date.min

    def begin(self, members: list[Member], now: int) -> bool:
        before, self._today = self._today, datetime.fromtimestamp(now // SECOND, UTC).date()
        return self._today != before

    def evaluate(self, member: Member) -> CheckResult | None:
        if not (member.model or member.os or member.firmware or member.software):
            return None
        entry = support_of(member.vendor, member.model, member.type, member.os, member.firmware, member.software)
        if entry is None or entry.ends >= self._today:
            return None
        program = entry.program(member.software) if entry.software else ""
        versions = {"os": member.os, "firmware": member.firmware, "model": _product(member), "software": program}
        verb = "includes" if program else "is"
        remembered = "" if entry.basis == "record" else " (date not verified)"
        ended = f"had ended by {entry.ends.isoformat()}" if entry.at_latest else f"ended on {entry.ends.isoformat()}"
        seen = (
            f"its {entry.rests_on} {verb} {versions[entry.rests_on]}, and support of {entry.name} "
            f"{ended}{remembered} ({entry.source})"
        )
        if entry.note:
            seen += f"; {entry.note}"
        return CheckResult(
            seen,
            f"runs an end-of-support product: {entry.name}",
            ((member.device, entry.rests_on),),
            entry.severity,
            entry.name,
            value=program,
        )

    def fixed(self, member: Member) -> str:
        product = " ".join(filter(None, (_product(member), member.os, member.firmware, member.software)))
        return f"it is {product}" if product else ""


def _product(member: Member) -> str:
    return product_text(member.vendor, member.model)


@functools.lru_cache(maxsize=16384)
def support_of(vendor: str, model: str, kind: str, system: str, firmware: str, software: str) -> Support | None:
    """The entry for such a device."""
    product = product_text(vendor, model)
    return max(
        (one for one in supports() if one.covers(product, kind, system, firmware, software)),
        key=lambda one: one.ends,
        default=None,
    )
