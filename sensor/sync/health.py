"""Health of the running sensor, as far as a configuration change can affect it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from sensor.core.reader import clean

SEVERE, TEXT_LIMIT = ("medium", "high", "critical"), 200
# A trial ends if packet loss exceeds this share and this multiple of the earlier share. Fewer packets give no share.
LOSS, LOSS_FACTOR, PACKETS = 0.01, 3.0, 1000


class Health(msgspec.Struct, frozen=True):
    """``running``: a sensor responded; ``lasting``: persistent faults of medium severity or more, by name; ``refused``:
    rejected configurations since its start; ``faults``: of the configuration on the disk; ``began``: its start, seconds
    since 1970.
    """

    running: bool = False
    lasting: dict[str, str] = {}
    refused: int = 0
    faults: list[str] = []
    restart: list[str] = []
    packets: int = 0
    lost: int = 0
    began: float = 0.0


def health_of(status: Mapping[str, Any]) -> Health:
    """Health from the object that `sensor status --json` prints."""
    if status.get("running") is not True:
        return Health()
    configuration, traffic = _part(status, "configuration"), _part(status, "traffic")
    faults, restart = ([str(one) for one in configuration.get(name) or ()] for name in ("faults", "restart"))
    numbers = (traffic.get("packets"), traffic.get("dropped"), status.get("began"))
    packets, lost, began = (number if isinstance(number, int | float) else 0 for number in numbers)
    refused = int(configuration.get("refused") or 0)
    return Health(True, _lasting(status), refused, faults, restart, int(packets), int(lost), began)


def worse(before: Health, now: Health) -> str:
    """Why the health is worse than before; empty if it is not, or there is nothing to compare."""
    if not before.running:
        return ""
    if not now.running:
        return "the sensor does not answer"
    if now.refused > (before.refused if now.began == before.began else 0) or (now.faults and not before.faults):
        return f"the sensor rejected it: {next(iter(now.faults), 'unknown fault')}"
    if new := [text for name, text in now.lasting.items() if name not in before.lasting]:
        return f"the sensor reports a persistent fault: {new[0]}"
    share, usual = _loss(before, now), before.lost / max(1, before.packets + before.lost)
    if share > max(LOSS, LOSS_FACTOR * usual):
        return f"the sensor loses {share:.1%} of the packets, {usual:.1%} before"
    return ""


def _loss(before: Health, now: Health) -> float:
    """Share of packets lost since then."""
    same = now.began == before.began
    packets, lost = (now.packets - before.packets, now.lost - before.lost) if same else (now.packets, now.lost)
    return lost / (packets + lost) if packets + lost >= PACKETS else 0.0


def _lasting(status: Mapping[str, Any]) -> dict[str, str]:
    """Faults of medium severity or more according to `sensor status`, and a log that cannot be written."""
    lasting = _part(_part(status, "health"), "lasting")
    found = {
        name: clean(str(fault.get("msg", name)), TEXT_LIMIT)
        for name, fault in lasting.items()
        if isinstance(fault, dict) and fault.get("severity") in SEVERE
    }
    stalled = {"log": "the event log cannot be written"} if _part(status, "log").get("stalled") else {}
    return found | stalled


def _part(status: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = status.get(name)
    return found if isinstance(found, dict) else {}
