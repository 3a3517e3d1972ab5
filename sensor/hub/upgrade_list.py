"""The upgrade state of each sensor, for the list of `sensor hub upgrades` and the fleet page."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import LiteralString

import msgspec

from sensor.hub.database import Connection
from sensor.hub.rings import FAILED, LAST
from sensor.hub.rollouts import Rollout

# Time without a report after which the state is unknown.
STALE = timedelta(minutes=30)
_STATES: LiteralString = """
SELECT s.name, s.site, u.installed, u.architecture, u.chosen, u.ring, u.state, u.version, u.health, u.reason, u.at,
    r.version IS NOT NULL
FROM sensors s LEFT JOIN upgrades u ON u.sensor = s.key
    LEFT JOIN releases r ON r.version = %s AND r.architecture = u.architecture
WHERE s.state = 'approved' ORDER BY s.site, s.name"""


class UpgradeRow(msgspec.Struct, frozen=True):
    """``installed``: version of the package; ``chosen``: ring that the operator set; ``ring``: of the last rollout,
    None: it had the version, or joined later; ``state``, ``health``, ``reason``: reported; ``at``: time of the last
    report, None: the sensor does not take upgrades; ``available``: the hub has a package of the last rollout for it.
    """

    name: str
    site: str
    installed: str | None
    architecture: str | None
    chosen: int | None
    ring: int | None
    state: str | None
    version: str | None
    health: str | None
    reason: str | None
    at: datetime | None
    available: bool

    def progress(self, rollout: Rollout | None, now: datetime) -> str:
        """State with regard to the last rollout, in words."""
        if self.at is None:
            return "unknown: it does not accept upgrades from the hub"
        if now - self.at > STALE:
            return "unknown: no report for 30 minutes"
        if rollout is None:
            return "no rollout"
        if self.state and self.version == rollout.version:
            return self._reported()
        if self.installed == rollout.version:
            return "installed"
        if rollout.state == "stopped":
            return "not upgraded: the rollout is stopped"
        return (
            "waits for its next report or a download slot"
            if (self.ring or LAST) <= rollout.ring
            else "waits for its ring"
        )

    def fault(self, rollout: Rollout | None, now: datetime) -> str:
        """Why it cannot be or was not upgraded, or is less healthy since; empty if nothing is known."""
        if self.at is None or rollout is None or (self.installed == rollout.version and self.health != "worse"):
            return ""
        if self.health == "worse" or (self.state in (*FAILED, "refused") and self.version == rollout.version):
            return f"upgrade {self._reported()}: {self.reason}"
        if not self.available and (self.ring or LAST) <= rollout.ring and rollout.state != "stopped":
            return f"the hub has no package of version {rollout.version} for {self.architecture}"
        return ""

    def _reported(self) -> str:
        if self.state == "installed":
            return {"ok": "installed, healthy", "worse": "installed, less healthy"}.get(
                self.health or "", "installed, health unknown"
            )
        return (self.state or "").replace("_", " ")


def list_upgrades(base: Connection, rollout: Rollout | None) -> list[UpgradeRow]:
    """One row for each approved sensor that the reader may see. ``rollout``: the last one."""
    return [UpgradeRow(*row) for row in base.execute(_STATES, [rollout.version if rollout else None])]
