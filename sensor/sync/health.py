"""Health of the running sensor, as far as a change of its configuration can worsen it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

# Packets lost in a trial, and how many times the share before it, that end it. Of fewer packets no share is taken.
LOSS, LOSS_FACTOR, PACKETS = 0.01, 3.0, 1000


class Health(msgspec.Struct, frozen=True):
    """``running``: a sensor answered; ``well``: without a persistent fault; ``refused``: configurations that it did not
    take up since its start; ``faults``: of the configuration on the disk; ``began``: its start, seconds since 1970.
    """

    running: bool = False
    well: bool = False
    refused: int = 0
    faults: list[str] = []
    restart: list[str] = []
    packets: int = 0
    lost: int = 0
    began: float = 0.0


def health_of(status: Mapping[str, Any], *, well: bool) -> Health:
    """From the object that `sensor status --json` prints; ``well``: its exit code is 0."""
    if status.get("running") is not True:
        return Health()
    configuration, traffic = _part(status, "configuration"), _part(status, "traffic")
    faults, restart = ([str(one) for one in configuration.get(name) or ()] for name in ("faults", "restart"))
    numbers = (traffic.get("packets"), traffic.get("dropped"), status.get("began"))
    packets, lost, began = (number if isinstance(number, int | float) else 0 for number in numbers)
    return Health(True, well, int(configuration.get("refused") or 0), faults, restart, int(packets), int(lost), began)


def worse(before: Health, now: Health) -> str:
    """Why the health is worse than before; empty where it is not, or nothing ran that could be compared."""
    if not before.running:
        return ""
    if not now.running:
        return "the sensor does not answer"
    if now.refused > (before.refused if now.began == before.began else 0) or (now.faults and not before.faults):
        return f"the sensor refused it: {next(iter(now.faults), 'unknown fault')}"
    if before.well and not now.well:
        return "the sensor reports a persistent fault"
    share, usual = _loss(before, now), before.lost / max(1, before.packets)
    if share > max(LOSS, LOSS_FACTOR * usual):
        return f"the sensor loses {share:.1%} of the packets, {usual:.1%} before"
    return ""


def _loss(before: Health, now: Health) -> float:
    """Share of the packets that were lost since then."""
    same = now.began == before.began
    packets, lost = (now.packets - before.packets, now.lost - before.lost) if same else (now.packets, now.lost)
    return lost / (packets + lost) if packets + lost >= PACKETS else 0.0


def _part(status: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = status.get(name)
    return found if isinstance(found, dict) else {}
