"""Default names: a device with the vendor's default name discloses its product, and cannot be distinguished from others
of its kind.
"""

from __future__ import annotations

import functools
import re

from sensor.inventory.roster import Member
from sensor.posture.recommendations.checks import NAME, CheckResult
from sensor.posture.recommendations.tables import factory_names


class DefaultNames:
    """Evaluates the name with the highest confidence."""

    setting = "default_name"
    delay = 0

    def begin(self, members: list[Member], now: int) -> bool:
        """Names are evaluated one by one."""
        return False

    def evaluate(self, member: Member) -> CheckResult | None:
        name = _name(member)
        if not name or not is_factory_name(name, member.type):
            return None
        return CheckResult(
            f"its host name is {name[:80]!r}", "has its factory default host name", ((member.device, NAME),)
        )

    def fixed(self, member: Member) -> str:
        name = _name(member)
        return f"its host name is {name[:80]!r}" if name else ""


def _name(member: Member) -> str:
    return next(iter(member.device.names), "")


@functools.lru_cache(maxsize=16384)
def is_factory_name(name: str, kind: str) -> bool:
    """Whether a name is a vendor's default for this device type."""
    return any(kind in one.types and re.search(one.pattern, name, re.IGNORECASE) is not None for one in factory_names())
