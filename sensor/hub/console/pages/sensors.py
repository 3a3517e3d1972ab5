"""Sensors: health, version, lag, loss, gaps, configuration, quarantine and upgrade of each."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.responses import Response

from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.hub.console.pages.reading import reader_of
from sensor.hub.rollouts import Rollout, latest
from sensor.hub.upgrade_list import UpgradeRow, list_upgrades
from sensor.hub.views.fleet import LIMIT, SensorStatus, sensors


def page(request: PageRequest) -> Response:
    """``text``: words in name, site, version or faults; ``faults``: only sensors with some."""
    now, words = datetime.now(UTC), request.first("text").casefold().split()
    reader = reader_of(request)
    rollout = latest(reader.base)
    upgrades = {row.name: row for row in list_upgrades(reader.base, rollout)}
    rows = [(one, _faults(one, upgrades.get(one.name), rollout, now)) for one in sensors(reader)]
    shown = [
        (one, faults, upgrades.get(one.name))
        for one, faults in rows
        if (faults or not request.first("faults"))
        and all(word in " ".join((one.name, one.site, one.version, *faults)).casefold() for word in words)
    ]
    versions = sorted({one.version for one, _ in rows if one.version})
    return render(
        request, "sensors.jinja", "Sensors", rows=shown, total=len(rows), limit=LIMIT, versions=versions,
        text=request.first("text"), faulty=sum(bool(faults) for _, faults in rows), rollout=rollout, now=now,
        reason=rollout.reason if rollout is not None and reader.reads_all else "",  # it names a sensor of any site
    )  # fmt: skip


def _faults(one: SensorStatus, upgrade: UpgradeRow | None, rollout: Rollout | None, now: datetime) -> list[str]:
    """Faults of a sensor, with that of its upgrade."""
    fault = upgrade.fault(rollout, now) if upgrade is not None else ""
    return [*one.faults(now), *([fault] if fault else [])]
